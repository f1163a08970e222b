"""HTTP over a socket: the request as written, the answer in whatever pieces it comes, and what is no answer."""

from cellular.modem.tls import Tls
from cellular.services import http
from cellular.services.http import HttpError
from fake_modem import fails
from fake_stream import FakeModem, FakeStream

BODY = b'\x00\x1a"\r\n\r\nOK\r\n'
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = (
    b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\na\x00b\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n"
)


async def got(answer, method="GET", cut=1000, end=False, url="http://h/p?q=1", **more):
    stream = FakeStream(lambda data: answer if data.endswith(b"\r\n\r\n") else None, cut)
    stream.ended = False
    if end:
        send = stream.send

        async def send_then_end(data):
            await send(data)
            stream.end()

        stream.send = send_then_end
    modem = FakeModem(stream)
    try:
        return modem, stream, await http.request(modem, method, url, **more)
    finally:
        assert stream.closed == 1


async def test_answers_in_pieces_of_any_size():
    for cut in (1, 2, 3, 1000):
        assert (await got(LENGTH, cut=cut))[2] == (200, BODY)
        assert (await got(CHUNKED, cut=cut))[2] == (201, b"a\x00b0123456789")
        assert (await got(b"HTTP/1.1 204 No Content\r\n\r\n", cut=cut))[2] == (204, b"")
        assert (await got(b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH, cut=cut))[2] == (200, BODY)
        assert (await got(b"HTTP/1.0 200 OK\r\n\r\n" + BODY, cut=cut, end=True))[2] == (200, BODY)
        assert (await got(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", "HEAD", cut))[2] == (200, b"")


async def test_request_as_written():
    modem, stream, _ = await got(LENGTH, "POST", headers={"X-A": "b"}, body=BODY, url="http://h:8080")
    assert modem.opened == [("tcp", "h", 8080)]
    assert stream.sent == [
        b"POST / HTTP/1.1\r\nHost: h:8080\r\nX-A: b\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY),
        BODY,
    ]
    tls = Tls(verify=False)
    modem, stream, _ = await got(LENGTH, url="https://h/x", tls=tls)
    assert modem.opened == [("tls", "h", 443, tls)] and stream.sent[0].startswith(b"GET /x HTTP/1.1\r\nHost: h\r\n")


async def test_what_is_no_answer():
    for answer, end in (
        (b"220 smtp.example ESMTP\r\n\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + bytes(9000), False),
        (b"x" * 3000, False),
        (b"", True),
    ):
        await fails(HttpError, got(answer, end=end))
    await fails(HttpError, got(b"", timeout_ms=50))


async def test_what_is_no_url_or_header():
    for url in ("h/x", "ftp://h", "http://", "http://h:0/", "http://u@h/", "http://h/a b", 'http://h/"', "http://h/#x"):
        await fails(ValueError, http.request(FakeModem(None), "GET", url))
    await fails(ValueError, http.request(FakeModem(None), "GET", "https://h/"))
    await fails(ValueError, http.request(FakeModem(None), "GET", "http://h/", {"A": "b\r\nC: d"}))
