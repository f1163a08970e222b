"""SenML against published packs: LwM2M /3/0 of Leshan [S47] byte for byte, RFC 8428 example 3 [S48] by content."""

from binascii import hexlify, unhexlify

from cellular.services.cbor import CborOverflow, decode
from cellular.services.senml import MAX_RECORDS, Pack

LESHAN = (
    "90a321652f332f302f00613003744f70656e204d6f62696c6520416c6c69616e6365a200613103764c69676874776569676874204d324d20436c"
    "69656e74a20061320369333435303030313233a20061330363312e30a20063362f300201a20063362f310205a20063372f3002190ed8a2006337"
    "2f3102191388a20063382f3002187da20063382f3102190384a2006139021864a200623130020fa2006431312f300200a200623133021a518242"
    "8fa20062313403662b30323a3030a200623136036155"
)

RFC_EXAMPLE = (
    "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067766f6c746167650161"
    "5602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccccccccccda30067"
    "63757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a3006763757272656e74062002fb3ff999999999999aa3"
    "006763757272656e74060002fb3ffb333333333333"
)


def test_leshan_pack_byte_for_byte():
    pack = Pack(bytearray(256))
    pack.begin("/3/0/")
    pack.text("0", "Open Mobile Alliance")
    pack.text("1", "Lightweight M2M Client")
    pack.text("2", "345000123")
    pack.text("3", "1.0")
    for name, value in (("6/0", 1), ("6/1", 5), ("7/0", 3800), ("7/1", 5000), ("8/0", 125), ("8/1", 900), ("9", 100)):
        pack.number(name, value)
    for name, value in (("10", 15), ("11/0", 0), ("13", 1367491215)):
        pack.number(name, value)
    pack.text("14", "+02:00")
    pack.text("16", "U")
    assert hexlify(pack.end()).decode() == LESHAN


def resolve(records):
    """(name, time, value, unit) of each record with the base fields applied, as RFC 8428 section 4.6 says."""
    base = {}
    out = []
    for r in records:
        base.update({k: v for k, v in r.items() if k < 0})
        unit = r.get(1, base.get(-4))
        value = r[2] + base.get(-5, 0) if 2 in r else None
        out.append((base.get(-2, "") + r.get(0, ""), base.get(-3, 0) + r.get(6, 0), value, unit))
    return out


def test_rfc_example_says_the_same():
    pack = Pack(bytearray(256))
    pack.begin("urn:dev:ow:10e2073a0108006:", 1276020076.001)
    pack.number("voltage", 120.1, "V")
    for time_s, value in ((-5, 1.2), (-4, 1.3), (-3, 1.4), (-2, 1.5), (-1, 1.6), (0, 1.7)):
        pack.number("current", value, "A", time_s)
    assert resolve(decode(pack.end())) == resolve(decode(unhexlify(RFC_EXAMPLE)))


def test_flags_and_a_second_pack_in_one_buffer():
    pack = Pack(bytearray(64))
    for name in ("a:", "b:"):
        pack.begin(name)
        pack.flag("fire", True)
        pack.flag("test", False, time_s=-2)
        assert decode(pack.end()) == [{-2: name, 0: "fire", 4: True}, {0: "test", 6: -2, 4: False}]


def test_base_value_makes_a_run_of_large_numbers_short():
    pack = Pack(bytearray(128))
    pack.begin("m:", 1800000000)
    pack.number("battery", 3600, "mV")
    pack.base_value(123456)
    for i in range(3):
        pack.number("r", i, None, -3600 * i)
    with_base = bytes(pack.end())
    assert resolve(decode(with_base)) == [
        ("m:battery", 1800000000, 3600, "mV"),
        ("m:r", 1800000000, 123456, None),
        ("m:r", 1799996400, 123457, None),
        ("m:r", 1799992800, 123458, None),
    ]
    pack.begin("m:")
    pack.number("r", 5)
    assert decode(pack.end()) == [{-2: "m:", 0: "r", 2: 5}]


def test_head_is_the_shortest_whatever_the_count():
    pack = Pack(bytearray(300))
    for count, head in ((1, b"\x81"), (23, b"\x97"), (24, b"\x98\x18"), (40, b"\x98\x28")):
        pack.begin("x:")
        for _ in range(count):
            pack.flag("f", True)
        data = bytes(pack.end())
        assert data[: len(head)] == head and len(decode(data)) == count


def test_a_record_that_does_not_fit_leaves_the_pack_as_it_was():
    pack = Pack(bytearray(28))
    pack.begin("x:")
    pack.base_value(100)
    for value, fits in ((1, True), (2, True), ("too long a text for it", False), (3, True)):
        try:
            if fits:
                pack.number("n", value)
            else:
                pack.text("n", value)
        except CborOverflow:
            assert not fits
            continue
        assert fits
    assert decode(pack.end()) == [{-2: "x:", -5: 100, 0: "n", 2: 1}, {0: "n", 2: 2}, {0: "n", 2: 3}]
    pack = Pack(bytearray(16))
    pack.begin("x:")
    pack.base_value(100)
    try:
        pack.text("name", "much too long")
    except CborOverflow:
        pass
    pack.number("n", 1)
    assert decode(pack.end()) == [{-2: "x:", -5: 100, 0: "n", 2: 1}]


def test_limits():
    pack = Pack(bytearray(12))
    pack.begin("urn:x:")
    try:
        pack.text("name", "value")
    except CborOverflow as e:
        assert e.needed > 12
    else:
        raise AssertionError("no overflow")
    pack.begin("")
    try:
        pack.end()
    except ValueError:
        pass
    else:
        raise AssertionError("an empty pack is not SenML")
    pack = Pack(bytearray(3000))
    pack.begin("x:")
    for i in range(MAX_RECORDS):
        pack.number("n", i)
    try:
        pack.number("n", 0)
    except ValueError:
        pass
    else:
        raise AssertionError("one record too many")
    assert len(decode(pack.end())) == MAX_RECORDS
