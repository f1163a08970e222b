"""TLS of a module: its certificate store, settings of a connection, and the client's side without any input or output.

The handshake is a real one (OpenSSL), so a server's certificate, a client's and the SNI count as they do in the field.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_READ_BYTES = 16384
# Results of OpenSSL's certificate check (x509_vfy.h).
_CHECKS = {9: "not yet valid", 10: "expired", 18: "unknown ca", 19: "unknown ca", 20: "unknown ca", 21: "unknown ca",
           62: "host name", 64: "host name"}  # fmt: skip
# Parts of OpenSSL's reason of a failed handshake.
_REASONS = (
    ("CERTIFICATE_REQUIRED", "certificate required"),
    ("ALERT_HANDSHAKE_FAILURE", "refused by the server"),
    ("ALERT_BAD_CERTIFICATE", "certificate refused"),
    ("ALERT_UNKNOWN_CA", "certificate refused"),
    ("ALERT_CERTIFICATE", "certificate refused"),
    ("UNRECOGNIZED_NAME", "server name"),
    ("PROTOCOL", "version"),
    ("WRONG_VERSION_NUMBER", "not tls"),
    ("CERTIFICATE_VERIFY_FAILED", "unknown ca"),
)


class Files:
    """The module's file system, or its certificate store: bytes by name. It outlives resets and power cuts."""

    def __init__(self, size_bytes: int = 1 << 20) -> None:
        self.size_bytes = size_bytes
        self._files: dict[str, bytes] = {}

    def names(self) -> list[str]:
        """All names, in order of writing."""
        return list(self._files)

    def write(self, name: str, data: bytes) -> bool:
        """Store or replace a file; False if there is no room."""
        if self.used_bytes - len(self._files.get(name, b"")) + len(data) > self.size_bytes:
            return False
        self._files[name] = data
        return True

    def read(self, name: str) -> bytes | None:
        """A file's content, None if there is no such file."""
        return self._files.get(name)

    def delete(self, name: str) -> bool:
        """Remove a file, `*` all of them; False if there is none."""
        if name == "*":
            found = bool(self._files)
            self._files.clear()
            return found
        return self._files.pop(name, None) is not None

    @property
    def used_bytes(self) -> int:
        """Bytes of all files."""
        return sum(len(data) for data in self._files.values())


@dataclass(frozen=True)
class TlsSettings:
    """How a connection is secured. Certificates and key as the host has stored them, PEM or (CA) DER.

    verify: whether the server's chain is checked against `ca`; most modules do not look at the name in it.
    versions: "1.0" to "1.3".
    """

    ca: bytes = b""
    cert: bytes = b""
    key: bytes = field(default=b"", repr=False)
    verify: bool = True
    check_name: bool = False
    sni: bool = False
    server_name: str = ""
    """Sent instead of the host, where a module lets one choose."""
    min_version: str = "1.2"
    max_version: str = "1.2"


class TlsFailure(Exception):
    """There is no secure connection; `reason` in two or three words, `alert` has to be sent to the peer."""

    def __init__(self, reason: str, alert: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.alert = alert


def make_context(settings: TlsSettings) -> ssl.SSLContext:
    """OpenSSL's form of the settings. Raises TlsFailure for files that are none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = settings.verify and settings.check_name
    context.verify_mode = ssl.CERT_REQUIRED if settings.verify else ssl.CERT_NONE
    context.minimum_version = _VERSIONS[settings.min_version]
    context.maximum_version = _VERSIONS[settings.max_version]
    if settings.verify:
        _load_ca(context, settings.ca)
    if settings.cert or settings.key:
        _load_own(context, settings.cert, settings.key)
    return context


def _load_ca(context: ssl.SSLContext, ca: bytes) -> None:
    pem = b"-----BEGIN" in ca
    try:
        context.load_verify_locations(cadata=ca.decode("ascii") if pem else ca)
    except (ssl.SSLError, ValueError):
        raise TlsFailure("bad ca") from None


def _load_own(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="cellkit-tls-") as folder:  # OpenSSL reads them from files only
        cert_file, key_file = Path(folder, "cert.pem"), Path(folder, "key.pem")
        for path, content in ((cert_file, cert), (key_file, key)):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(content)
        try:
            context.load_cert_chain(cert_file, key_file, password="")
        except (ssl.SSLError, ValueError):
            raise TlsFailure("bad certificate or key") from None


class TlsClient:
    """One connection's client side: `pending()` is what has to be sent after each step."""

    def __init__(self, settings: TlsSettings, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = settings.server_name or host
        wanted = (settings.sni and not _is_ip(name)) or (settings.verify and settings.check_name)
        self._tls = make_context(settings).wrap_bio(
            self._incoming, self._outgoing, server_hostname=name if wanted else None
        )
        self.secure = False
        self.closed = False
        """The peer has said that nothing more comes."""

    def start(self) -> None:
        """Begin the handshake. Raises TlsFailure."""
        self._shake()

    def pending(self) -> bytes:
        """Bytes for the peer."""
        return self._outgoing.read()

    def feed(self, data: bytes) -> bytes:
        """Bytes from the peer; returns what the application gets of them. Raises TlsFailure."""
        self._incoming.write(data)
        if not self.secure:
            self._shake()
        plain = bytearray()
        while self.secure and not self.closed:
            try:
                piece = self._tls.read(_READ_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                piece = b""
            except ssl.SSLError as error:
                raise self._failure(error) from None
            if not piece:
                self.closed = True
            plain += piece
        return bytes(plain)

    def send(self, data: bytes) -> None:
        """Encrypt data of the application."""
        self._tls.write(data)

    def close(self) -> None:
        """Say that nothing more comes."""
        if self.secure:
            with contextlib.suppress(ssl.SSLError):  # the peer has not answered it yet, and need not
                self._tls.unwrap()

    def version(self) -> str:
        """Such as `TLSv1.2`; empty before the handshake is done."""
        return self._tls.version() or ""

    def cipher(self) -> str:
        """OpenSSL's name of the cipher suite; empty before the handshake is done."""
        cipher = self._tls.cipher()
        return cipher[0] if cipher and self.secure else ""

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            raise self._failure(error) from None
        self.secure = True

    def _failure(self, error: ssl.SSLError) -> TlsFailure:
        alert = self.pending()
        if isinstance(error, ssl.SSLCertVerificationError):
            return TlsFailure(_CHECKS.get(error.verify_code, "certificate"), alert)
        reason = error.reason or ""
        return TlsFailure(next((text for part, text in _REASONS if part in reason), "handshake"), alert)


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
