"""Real peers for tests, on loopback: mosquitto, an HTTP(S) server, a TCP server that does as told, a CA of its own.

Each is a context manager and has ended when the block has. Ports are free ones.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
START_S = 30.0
NAME = "server.test"  # of every server's certificate; NetworkConfig(hosts={NAME: "127.0.0.1"}) leads to it


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Certificates


class Authority:
    """A CA made now. `cert`: its certificate as PEM."""

    def __init__(self, name: str = "test CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        self._cert = builder.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())
        self.cert = self._cert.public_bytes(serialization.Encoding.PEM)

    def _builder(self, subject: x509.Name, key: Any, days: int = 30) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=60))
            .not_valid_after(now + datetime.timedelta(days=days))
        )

    def issue(self, name: str = NAME, server: bool = True, days: int = 30) -> tuple[bytes, bytes]:
        """Certificate and key as PEM, for a server or a client; `days` below 0: it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key(), days)
        if server:
            names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        use = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return signed.public_bytes(serialization.Encoding.PEM), pem


# MQTT


@dataclass
class Broker:
    """A running mosquitto."""

    host: str
    port: int
    process: subprocess.Popen[bytes]
    ca: bytes = b""
    log_file: Path = field(default_factory=Path)
    identity: tuple[bytes, bytes] | None = None  # certificate and key for our own clients, where it asks for them

    def freeze(self) -> None:
        """It does not answer any more, though its host does."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """It ends, and closes all connections."""
        self.thaw()
        self.process.terminate()
        self.process.wait(START_S)

    def log(self) -> str:
        """What it has logged so far."""
        return self.log_file.read_text(errors="replace")

    def until(self, text: str) -> None:
        """Wait, in wall time, until it has logged `text`."""
        deadline = time.monotonic() + START_S
        while text not in self.log():
            assert time.monotonic() < deadline, f"no {text!r} in the broker's log within {START_S} s:\n{self.log()}"
            time.sleep(0.01)

    @contextlib.contextmanager
    def client(self, *topics: str) -> Iterator[Peer]:
        """An independent MQTT client (paho) at this broker, subscribed to `topics` with QoS 2."""
        peer = Peer(self, topics)
        try:
            yield peer
        finally:
            peer.close()


@contextlib.contextmanager
def mosquitto(
    authority: Authority | None = None, client_certificates: bool = False, users: dict[str, str] | None = None,
    port: int | None = None, server: tuple[bytes, bytes] | None = None,
) -> Iterator[Broker]:  # fmt: skip
    """mosquitto; with `authority` over TLS, with certificates of its clients if asked for.

    users: name and password of those who may connect, None: everybody. server: another certificate and key.
    """
    with tempfile.TemporaryDirectory(prefix="cellkit-mosquitto-") as name:
        folder, port = Path(name), port or free_port()
        lines = [f"listener {port} 127.0.0.1", "persistence false", "log_type all", f"log_dest file {folder}/log"]
        if os.getuid() == 0:
            lines.append("user root")
        lines.append(f"allow_anonymous {'true' if users is None else 'false'}")
        if users is not None:
            passwords = folder / "passwords"
            passwords.write_text("".join(f"{user}:{_password(secret)}\n" for user, secret in users.items()))
            passwords.chmod(0o600)
            lines.append(f"password_file {passwords}")
        if authority is not None:
            cert, key = server or authority.issue()
            for file, content in (("ca.pem", authority.cert), ("cert.pem", cert), ("key.pem", key)):
                (folder / file).write_bytes(content)
            lines += [f"certfile {folder}/cert.pem", f"keyfile {folder}/key.pem", f"cafile {folder}/ca.pem"]
            lines.append(f"require_certificate {'true' if client_certificates else 'false'}")
        (folder / "conf").write_text("\n".join(lines) + "\n")
        process = subprocess.Popen([MOSQUITTO, "-c", str(folder / "conf")], stderr=subprocess.PIPE)
        identity = authority.issue("peer", server=False) if authority and client_certificates else None
        broker = Broker("127.0.0.1", port, process, authority.cert if authority else b"", folder / "log", identity)
        try:
            _wait_listening(process, port)
            yield broker
        finally:
            if process.poll() is None:
                broker.thaw()
                process.terminate()
            process.communicate(timeout=START_S)


def _password(secret: str) -> str:
    """As mosquitto_passwd writes it: PBKDF2 with SHA-512."""
    import base64
    import hashlib

    salt, rounds = os.urandom(12), 101
    derived = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, rounds)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(derived).decode()}"


def _wait_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"mosquitto has ended with {process.returncode}: {process.communicate()[1].decode()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.02)
    raise TimeoutError(f"mosquitto does not listen on {port} within {START_S:.0f} s")


class Peer:
    """paho's client in a thread of its own. `received`: (topic, payload, qos, retained) in order."""

    def __init__(self, broker: Broker, topics: tuple[str, ...]) -> None:
        self.received: list[tuple[str, bytes, int, bool]] = []
        self._news = threading.Condition()
        self._ready = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        if broker.ca:
            context = ssl.create_default_context(cadata=broker.ca.decode())
            context.check_hostname = False
            if broker.identity:
                with tempfile.NamedTemporaryFile() as file:
                    file.write(b"".join(broker.identity))
                    file.flush()
                    context.load_cert_chain(file.name)
            self._client.tls_set_context(context)
        self._client.on_message = self._came
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_connect = lambda *_: self._connected(topics)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        if not self._ready.wait(START_S):
            raise TimeoutError("the peer could not subscribe")

    def _connected(self, topics: tuple[str, ...]) -> None:
        if topics:
            self._client.subscribe([(topic, 2) for topic in topics])
        else:
            self._ready.set()

    def _came(self, client: object, data: object, message: paho.MQTTMessage) -> None:
        with self._news:
            self.received.append((message.topic, message.payload, message.qos, message.retain))
            self._news.notify_all()

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> None:
        """Publish, and wait until the broker has it."""
        self._client.publish(topic, payload, qos, retain).wait_for_publish(START_S)

    def wait(self, count: int) -> list[tuple[str, bytes, int, bool]]:
        """The first `count` messages, as soon as they are there. Raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: len(self.received) >= count, START_S):
                raise TimeoutError(f"expected {count} messages, got {self.received}")
        return self.received[:count]

    def close(self) -> None:
        """Disconnect and end the thread."""
        self._client.disconnect()
        self._client.loop_stop()


# HTTP


@dataclass(frozen=True)
class Request:
    """What the server was asked; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


CONTENT = bytes(range(256)) * 40  # of /file
CHUNKS = (b"one\x00", b"two\x1a", b'three"\r\n')  # of /chunked


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Request(self.command, self.path, headers, body))
        path = self.path.partition("?")[0]
        if path == "/chunked":
            self._chunked()
        elif path == "/redirect":
            self._answer(302, b"", [("Location", "/hello")])
        elif path == "/vanish":  # half an answer, then the end
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            self.close_connection = True
        elif path == "/silent":
            self.server.released.wait(START_S)
            self.close_connection = True
        elif path == "/until-close":
            self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end")
            self.close_connection = True
        elif path == "/file":
            self._file()
        elif path == "/echo":
            self._answer(200, body, [("Content-Type", self.headers.get("Content-Type", "text/plain"))])
        elif path == "/hello":
            self._answer(200, b"hello\n", [("Content-Type", "text/plain")])
        else:
            self._answer(404, b"no such page\n", [])

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = _any

    def _answer(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _file(self) -> None:
        wanted = self.headers.get("Range", "")
        if not wanted.startswith("bytes="):
            self._answer(200, CONTENT, [("Accept-Ranges", "bytes")])
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(CONTENT) - 1), len(CONTENT) - 1)
        self._answer(206, CONTENT[start : end + 1], [("Content-Range", f"bytes {start}-{end}/{len(CONTENT)}")])

    def _chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in (*CHUNKS, b""):
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Request] = []
        self.released = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that does not trust us, or goes away: what the tests are about


@dataclass
class Web:
    """A running HTTP server. `url`: such as https://127.0.0.1:43210; `requests`: what it was asked, in order.

    names: what clients have said in SNI, None where they said nothing.
    """

    url: str
    port: int
    requests: list[Request]
    names: list[str | None]


@contextlib.contextmanager
def web_server(
    authority: Authority | None = None, client_certificates: bool = False, server: tuple[bytes, bytes] | None = None
) -> Iterator[Web]:
    """Python's own HTTP server; with `authority` over TLS."""
    http, names = _Server(), []  # type: ignore[var-annotated]
    if authority is not None:
        context = server_context(authority, client_certificates, server)
        context.sni_callback = lambda sock, name, ctx: names.append(name)
        # The handshake is the connection's thread's: nobody waits for a client that says nothing.
        http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    port = int(http.server_address[1])
    try:
        yield Web(f"{'https' if authority else 'http'}://127.0.0.1:{port}", port, http.requests, names)
    finally:
        http.released.set()
        http.shutdown()
        http.server_close()
        thread.join(START_S)


def server_context(
    authority: Authority, client_certificates: bool = False, server: tuple[bytes, bytes] | None = None
) -> ssl.SSLContext:
    """TLS of a server with a certificate of `authority`, or the one given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="cellkit-tls-") as folder:
        for name, content in zip(("cert.pem", "key.pem"), server or authority.issue(), strict=True):
            Path(folder, name).write_bytes(content)
        context.load_cert_chain(Path(folder, "cert.pem"), Path(folder, "key.pem"))
    if client_certificates:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=authority.cert.decode())
    return context


# Sockets


@contextlib.contextmanager
def tcp_server(talk: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A TCP server that calls `talk(connection)` for each client in a thread, and closes behind it; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(START_S)
            if tls is None:
                talk(connection)
            else:
                with tls.wrap_socket(connection, server_side=True) as secured:
                    talk(secured)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True))
                threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(START_S)


def echo(connection: socket.socket) -> None:
    """Send everything back until the client closes."""
    while data := connection.recv(65536):
        connection.sendall(data)


@contextlib.contextmanager
def udp_echo() -> Iterator[int]:
    """A UDP server that sends everything back; yields its port."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            data, peer = server.recvfrom(65536)
            if data == b"":
                return
            server.sendto(data, peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(server.getsockname()[1])
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", server.getsockname())
        thread.join(START_S)
        server.close()
