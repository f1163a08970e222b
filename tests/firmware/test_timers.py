from cellular.link import timers as t

# Worked values of TS 24.008 10.5.7.4 / 10.5.7.4a as reprinted in the M5311 AT manual v2.4 (seconds as T3324, as T3412).
VALUES = (
    ("00000000", 0, 0),
    ("00000001", 2, 600),
    ("00000101", 10, 3000),
    ("00011110", 60, 18000),
    ("00100100", 240, 14400),
    ("00101010", 600, 36000),
    ("00111000", 1440, 86400),
    ("01000011", 1080, 108000),
    ("01011111", 11160, 1116000),
    ("01101011", 660, 22),
    ("10101100", 720, 720),
    ("11011111", 1860, 35712000),
    ("11100000", None, None),
)


def test_decode_against_worked_values():
    for bits, t3324, t3412 in VALUES:
        assert t.decode_t3324(bits) == t3324, bits
        assert t.decode_t3412(bits) == t3412, bits


def test_encode_rounds_up_to_the_finest_unit():
    assert t.encode_t3324(10) == "00000101"
    assert t.encode_t3324(63) == "00100010"
    assert t.encode_t3324(0) == "00000000"
    assert t.encode_t3412(86400) == "00111000"
    assert t.encode_t3412(600) == "10010100"  # 20 x 30 s, as SARA-R4 writes 10 minutes
    assert t.encode_t3412(35712000) == "11011111"


def table(name):
    """Rows of a table written from TS 24.008, in tests/data: bits and seconds (truncated), None for `-`."""
    rows = []
    with open(__file__.rsplit("/", 2)[0] + "/data/" + name) as f:
        for line in f:
            bits, *seconds = line.strip().split(",")
            if bits[0] in "01":
                rows.append([bits] + [None if s == "-" else int(float(s)) for s in seconds])
    return rows


def test_every_octet():
    rows = table("timers_octets.csv")
    assert len(rows) == 256
    for bits, t3324_s, t3412_s in rows:
        assert t.decode_t3324(bits) == t3324_s, bits
        assert t.decode_t3412(bits) == t3412_s, bits
        if t3324_s is not None:
            assert t.decode_t3324(t.encode_t3324(t3324_s)) == t3324_s, bits
            assert t.decode_t3412(t.encode_t3412(t3412_s)) == t3412_s, bits


def test_every_edrx_cycle_and_window():
    rows = table("timers_edrx.csv")
    assert len(rows) == 16
    for bits, edrx_wb_s, edrx_nb_s, ptw_wb_s, ptw_nb_s in rows:
        assert t.decode_ptw(bits, True) == ptw_wb_s and t.decode_ptw(bits) == ptw_nb_s, bits
        for wb, edrx_s in ((True, edrx_wb_s), (False, edrx_nb_s)):
            assert t.decode_edrx(bits, wb) == edrx_s, bits
            if edrx_s is not None:
                assert t.decode_edrx(t.encode_edrx(edrx_s, wb), wb) == edrx_s, bits
    assert t.encode_edrx(2621, True) == "1101" and t.encode_edrx(5, True) == "0000"


def test_impossible_values_say_what_was_expected():
    for call in (
        lambda: t.encode_t3324(11161),
        lambda: t.encode_t3412(35712001),
        lambda: t.decode_t3324("0101"),
        lambda: t.decode_edrx(None),
        lambda: t.round_up(10, 86400, 10486),
        lambda: t.encode_edrx(2622, True),
        lambda: t.encode_t3324(-1),
        lambda: t.encode_t3412(-600),
    ):
        try:
            call()
        except ValueError as e:
            assert "longer" in str(e) or "expected" in str(e)
        else:
            assert False


def test_edrx_and_ptw_codes():
    assert t.decode_edrx("0010") == 20 and t.decode_edrx("0101") == 81 and t.decode_edrx("1111") == 10485
    assert t.decode_edrx("0100") == t.decode_edrx("0010")  # WB-S1 only codes are read as 0010
    assert t.decode_edrx("0000") is None
    assert t.encode_edrx(81) == "0101" and t.encode_edrx(21) == "0011"
    assert t.decode_ptw("0011") == 10 and t.decode_ptw("1111") == 40


def test_what_is_asked_for_is_rounded_up_to_what_has_a_code():
    want = t.round_up(63, 86401, 30)
    assert (want.t3324_s, want.t3412_s, want.edrx_s) == (120, 90000, 40)
    assert t.round_up(None, None, None).as_dict() == {"t3324_s": None, "t3412_s": None, "edrx_s": None, "ptw_s": None}


def test_stored_request_is_compared_in_seconds():
    want = t.round_up(10, 600, None)
    assert t.same_psm(["1", None, None, "10010100", "00000101"], want)
    assert t.same_psm(["1", None, None, "00000001", "00000101"], want)  # 1 x 10 min, as well as 20 x 30 s
    for fields in (
        ["0", None, None, "10010100", "00000101"],
        ["1", None, None, "10010100", "00000110"],
        ["1", None, None, "100101", "00000101"],
        ["1"],
        ["1", None, None, None, None],
    ):
        assert not t.same_psm(fields, want), fields
