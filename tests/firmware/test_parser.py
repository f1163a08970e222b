import random

from at_events import Recorder, events
from cellular.at.parser import (
    DATA,
    FINAL_CME,
    FINAL_CMS,
    FINAL_ERROR,
    FINAL_NO_CARRIER,
    FINAL_OK,
    LINE,
    OVERFLOW,
    PROMPT,
)


def check(got, want):
    assert got == want, "got %r" % (got,)


def test_echo_answer_and_final():
    check(
        events([b'AT+CEREG?\r\r\n+CEREG: 5,1,"0001"\r\n\r\nOK\r\n']),
        [(LINE, b"AT+CEREG?"), (LINE, b'+CEREG: 5,1,"0001"'), (FINAL_OK, b"OK")],
    )


def test_finals_are_told_apart_from_lines_that_begin_like_them():
    check(
        events([b"ERROR\r\n+CME ERROR: 10\r\n+CMS ERROR: 1\r\nNO CARRIER\r\nOKAY\r\nERRORS\r\nO\r\n"]),
        [
            (FINAL_ERROR, b"ERROR"),
            (FINAL_CME, b"+CME ERROR: 10"),
            (FINAL_CMS, b"+CMS ERROR: 1"),
            (FINAL_NO_CARRIER, b"NO CARRIER"),
            (LINE, b"OKAY"),
            (LINE, b"ERRORS"),
            (LINE, b"O"),
        ],
    )


def test_any_mix_of_line_ends():
    check(events([b"A\rB\nC\n\rD\r\n\r\n\r\nE\r"]), [(LINE, x) for x in (b"A", b"B", b"C", b"D", b"E")])


def test_wake_up_noise_before_a_line_is_dropped():
    check(events([b"\x00\xff\x80\r\n\x00OK\r\n"]), [(FINAL_OK, b"OK")])


def test_prompt_without_line_end_only_when_expected():
    check(events([b"\r\n> "], prompt=True), [(PROMPT, b"")])
    check(events([b"\r\n>\r\n"]), [(LINE, b">")])
    check(events([b"\r\n", b">", b" "], prompt=True), [(PROMPT, b"")])


def test_payload_by_length_may_hold_anything():
    payload = b"\nOK\r\nERROR\r\n> +CEREG: 1\r\n\x00\xff"
    stream = b"+QIRD: %d\r\n" % len(payload) + payload + b"\r\nOK\r\n"
    header = b"+QIRD: %d" % len(payload)
    want = [(LINE, header), (DATA, payload), (FINAL_OK, b"OK")]
    check(events([stream], expect={header: len(payload)}), want)
    check(events([stream[i : i + 1] for i in range(len(stream))], expect={header: len(payload)}), want)


def test_inline_payload_by_length():
    headers = ((b"+QMTRECV: ", 4, True),)
    payload = b'"OK"\r\nERROR\r\n,'
    stream = b'\r\n+QMTRECV: 0,1,"t",%d,"' % len(payload) + payload + b'"\r\nOK\r\n'
    want = [(LINE, b'+QMTRECV: 0,1,"t",%d,"' % len(payload)), (DATA, payload), (FINAL_OK, b"OK")]
    for cut in range(1, len(stream)):
        check(events([stream[:cut], stream[cut:]], headers=headers), want)


def test_inline_header_that_never_completes_is_a_line():
    headers = ((b"+QMTRECV: ", 4, True),)
    check(events([b"+QMTRECV: 0,1\r\nOK\r\n"], headers=headers), [(LINE, b"+QMTRECV: 0,1"), (FINAL_OK, b"OK")])
    check(
        events([b'+QMTRECV: 0,1,"t",x,"\r\nOK\r\n'], headers=headers),
        [(LINE, b'+QMTRECV: 0,1,"t",x,"'), (FINAL_OK, b"OK")],
    )


def test_line_longer_than_the_buffer_is_dropped_and_told_once():
    long = bytes(65 + i % 26 for i in range(500))
    want = [(OVERFLOW, long[:192]), (FINAL_OK, b"OK")]
    for step in (1, 7, 64, 600):
        stream = long + b"\r\nOK\r\n"
        check(events([stream[i : i + step] for i in range(0, len(stream), step)], size=256), want)


def test_longest_line_fits():
    line = b"+" + b"x" * 191
    stream = b"\r\n" + line + b"\r\nOK\r\n"
    check(events([stream], size=256), [(LINE, line), (FINAL_OK, b"OK")])


def test_length_that_cannot_be_true_is_no_payload():
    headers = ((b"+QMTRECV: ", 4, True),)
    for count in (b"4097", b"99999999999", b"0", b"-3"):
        line = b'+QMTRECV: 0,1,"t",' + count + b',"'
        check(events([line + b"\r\nOK\r\n"], headers=headers), [(LINE, line), (FINAL_OK, b"OK")])
    check(events([b"+QIRD: 9\r\nOK\r\n"], expect={b"+QIRD: 9": 5000}), [(LINE, b"+QIRD: 9"), (FINAL_OK, b"OK")])


def test_what_is_half_done_can_be_dropped():
    for half in (b"+CSQ: 1", b"+QIRD: 9\r\nab", b'+QMTRECV: 0,1,"t",50,"ab', b"y" * 300):
        recorder = Recorder(256, ((b"+QMTRECV: ", 4, True),), False, {b"+QIRD: 9": 9})
        recorder.feed(memoryview(half))
        recorder.parser.drop()
        recorder.got.clear()
        recorder.feed(memoryview(b"OK\r\n"))
        check(recorder.got, [(FINAL_OK, b"OK")])


def test_random_bytes_cut_at_random():
    # The large run of the same check is `make fuzz`; each run of the tests has another seed, which a failure names.
    import fuzz_parser

    total, events, reads = fuzz_parser.run(100000, random.getrandbits(30))
    assert total >= 100000 and events > 2000 and reads > 5000
