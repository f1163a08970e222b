"""What a TLS connection of the module needs: certificates as PEM, and how strictly the server is checked."""

from binascii import hexlify
from hashlib import sha256

from cellular.errors import CellularError


class TlsError(CellularError):
    """The secure connection was not made. `code` is the module's own number or None."""

    def __init__(self, what, code=None, text=""):
        super().__init__(
            "TLS %s failed: %s (code %s); check CA, client certificate, server name and clock"
            % (what, text or "refused by module or server", code)
        )
        self.code = code


class Tls:
    """ca, cert, key: PEM as bytes, or None. verify: the server must show a certificate that `ca` has signed.
    sni: tell the server the name that is wanted (RFC 6066).

    A module keeps certificates in its own file system or key store, under names made from their contents, so what it
    has is not sent again.
    """

    def __init__(self, ca=None, cert=None, key=None, verify=True, sni=True):
        if verify and not ca:
            raise ValueError("expected a CA certificate: give Tls(ca=...), or verify=False for a test")
        if bool(cert) != bool(key):
            raise ValueError("expected certificate and key of the client together")
        for name, pem in (("ca", ca), ("cert", cert), ("key", key)):
            if pem and b"-----BEGIN " not in pem:
                raise ValueError("expected PEM for %s" % name)
        self.ca = ca
        self.cert = cert
        self.key = key
        self.verify = verify
        self.sni = sni

    def items(self):
        """(kind, PEM) of what there is: "ca", "cert", "key"."""
        return [(kind, pem) for kind, pem in (("ca", self.ca), ("cert", self.cert), ("key", self.key)) if pem]


def digest(pem, length=8):
    """The first hex digits of a PEM's SHA-256."""
    return hexlify(sha256(pem).digest()).decode()[:length]


def name_of(kind, pem):
    """A file name for `pem` that is its own as long as its contents are: `ca_0123abcd.pem`."""
    return "%s_%s.pem" % (kind, digest(pem))


def der(pem):
    """The bytes inside the first PEM block."""
    from binascii import a2b_base64

    lines = pem.strip().split(b"\n")
    inside = []
    for line in lines[1:]:
        if line.startswith(b"-----"):
            break
        inside.append(line.strip())
    return a2b_base64(b"".join(inside))
