"""The modems' HTTP client against Python's own server, plain and over TLS."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from cellkit.bench.modem.engines.http import Failure, Headers, HttpClient, Response, Target
from cellkit.bench.modem.engines.tls import TlsSettings
from engine_rig import EngineRig
from servers import CHUNKS, CONTENT, NAME, Authority, Web, free_port, tcp_server, web_server

NASTY = bytes(range(256)) + b'\x00\x1a\x1b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'


class Client:
    def __init__(self, rig: EngineRig | None = None) -> None:
        self.rig = rig or EngineRig()
        self.http = HttpClient(self.rig.links)

    def ask(
        self, method: str, url: str, headers: Headers | None = None, body: bytes = b"", tls: TlsSettings | None = None
    ) -> Response | Failure:
        results: list[Response | Failure] = []
        self.http.request(method, url, headers or [], body, tls, results.append)
        assert not results, "called back before it returned"
        self.rig.meet(lambda: results, "answer")
        self.rig.pass_time(120.0)
        assert len(results) == 1
        return results[0]

    def answered(self, method: str, url: str, *more: object, **named: object) -> Response:
        result = self.ask(method, url, *more, **named)  # type: ignore[arg-type]
        assert isinstance(result, Response), result
        return result


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as running:
        yield running


def test_get(web: Web) -> None:
    client = Client()
    answer = client.answered("GET", f"{web.url}/hello?a=1&b=2", [("User-Agent", "modem"), ("X-Key", "a b")])
    assert (answer.status, answer.reason, answer.body) == (200, "OK", b"hello\n")
    assert answer.header("content-length") == "6" and answer.header("nothing") is None
    assert answer.head.startswith(b"HTTP/1.1 200 OK\r\n") and answer.head.endswith(b"Content-Length: 6\r\n\r\n")
    request = web.requests[0]
    assert (request.method, request.path) == ("GET", "/hello?a=1&b=2")
    assert request.headers == {"host": f"127.0.0.1:{web.port}", "user-agent": "modem", "x-key": "a b"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_bodies_are_binary(web: Web, method: str) -> None:
    answer = Client().answered(method, f"{web.url}/echo", [("Content-Type", "x/y")], NASTY * 20)
    assert answer.body == NASTY * 20 and answer.header("Content-Type") == "x/y"
    assert web.requests[0].headers["content-length"] == str(len(NASTY) * 20)


def test_own_host_and_length_are_left(web: Web) -> None:
    Client().answered("POST", f"{web.url}/echo", [("host", "other"), ("Content-Length", "3")], b"abc")
    assert web.requests[0].headers == {"host": "other", "content-length": "3"}


def test_head_delete_range_chunked_redirect_not_found(web: Web) -> None:
    client = Client()
    head = client.answered("HEAD", f"{web.url}/file")
    assert (head.status, head.body, head.header("Content-Length")) == (200, b"", str(len(CONTENT)))
    part = client.answered("GET", f"{web.url}/file", [("Range", "bytes=250-259")])
    assert (part.status, part.body) == (206, CONTENT[250:260])
    assert client.answered("GET", f"{web.url}/file").body == CONTENT
    assert client.answered("GET", f"{web.url}/chunked").body == b"".join(CHUNKS)
    moved = client.answered("GET", f"{web.url}/redirect")
    assert (moved.status, moved.header("location")) == (302, "/hello")
    assert client.answered("DELETE", f"{web.url}/nothing").status == 404
    assert [request.path for request in web.requests].count("/hello") == 0, "a redirect is not followed"


def test_connection_is_kept_and_closed(web: Web) -> None:
    client = Client()
    closed: list[str] = []
    client.http.on_closed = closed.append
    outcomes: list[str] = []
    client.http.connect(web.url, None, outcomes.append)
    client.rig.run(lambda: outcomes, 100.0, "outcome")
    assert outcomes == ["ok"] and client.http.connected
    client.answered("GET", f"{web.url}/hello")
    client.answered("GET", f"{web.url}/hello")
    syns = [event for event in client.rig.log.each("net", "up") if event["bytes"] == 0]
    assert len(syns) == 1, "one connection for both"
    client.answered("GET", f"{web.url}/hello", [("Connection", "close")])
    assert not client.http.connected and closed == []
    assert client.answered("GET", f"{web.url}/hello").status == 200


def test_body_that_ends_with_the_connection(web: Web) -> None:
    assert Client().answered("GET", f"{web.url}/until-close").body == b"to the end"


# What goes wrong


@pytest.mark.parametrize("url", ["ftp://x/y", "server.test/x", "http://", "http://x:99999/", ""])
def test_urls_that_are_none(url: str) -> None:
    assert Client().ask("GET", url) == Failure("url")


def test_no_server() -> None:
    client = Client()
    assert client.ask("GET", f"http://127.0.0.1:{free_port()}/") == Failure("refused")
    assert client.ask("GET", "http://nobody.test/") == Failure("dns")
    client.rig.modem.ue.stop()
    assert client.ask("GET", "http://127.0.0.1/") == Failure("no bearer")


def test_half_an_answer_and_none(web: Web) -> None:
    client = Client()
    half = client.ask("GET", f"{web.url}/vanish")
    assert isinstance(half, Failure) and half.why in ("protocol", "closed")
    client.http.response_timeout_s = 20.0
    assert client.ask("GET", f"{web.url}/silent") == Failure("response timeout")
    assert not client.http.busy and not client.http.connected


def test_answer_that_is_no_http() -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"SSH-2.0-x\r\n")

    with tcp_server(talk) as port:
        result = Client().ask("GET", f"http://127.0.0.1:{port}/")
    assert isinstance(result, Failure) and result.why == "protocol"


def test_one_request_at_a_time_and_reset(web: Web) -> None:
    client = Client()
    results: list[object] = []
    client.http.request("GET", f"{web.url}/hello", [], b"", None, results.append)
    with pytest.raises(ValueError, match="under way"):
        client.http.request("GET", f"{web.url}/hello", [], b"", None, results.append)
    client.rig.modem.reset("test")
    client.rig.pass_time(200.0)
    assert results == [] and not client.http.busy


# TLS


def test_https(authority: Authority) -> None:
    with web_server(authority) as web:
        client, url = Client(), f"https://{NAME}:{web.port}/echo"
        right = TlsSettings(ca=authority.cert, sni=True, check_name=True)
        assert client.answered("POST", url, body=NASTY * 10, tls=right).body == NASTY * 10
        assert web.names == [NAME]
        client.http.close()
        assert client.ask("GET", url, tls=TlsSettings(ca=Authority("another").cert)) == Failure("tls", "unknown ca")
        assert client.answered("GET", url, tls=TlsSettings(verify=False)).status == 200
        assert web.names[1:] == [None, None]
        assert isinstance(client.ask("GET", url.replace("https", "http")), Failure)


def test_https_with_a_client_certificate(authority: Authority) -> None:
    cert, key = authority.issue("device", server=False)
    with web_server(authority, client_certificates=True) as web:
        client, url = Client(), f"https://{NAME}:{web.port}/hello"
        without = client.ask("GET", url, tls=TlsSettings(ca=authority.cert))
        assert isinstance(without, Failure) and without.why == "tls"
        answer = client.answered("GET", url, tls=TlsSettings(ca=authority.cert, cert=cert, key=key))
        assert answer.body == b"hello\n"


def test_targets() -> None:
    assert Target.parse("https://a.test/x?y=1") == Target(True, "a.test", 443, "/x?y=1")
    assert Target.parse("http://a.test") == Target(False, "a.test", 80, "/")
    plain, odd = Target.parse("https://a.test:443/"), Target.parse("http://a.test:443/")
    assert plain is not None and plain.authority == "a.test"
    assert odd is not None and odd.authority == "a.test:443"
