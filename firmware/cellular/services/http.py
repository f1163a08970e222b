"""HTTP/1.1 requests (RFC 9112): by the module where it has a client, else over a TCP or TLS socket of it.

status, body = await http.request(modem, "POST", "https://api.example/v1/up", {"Content-Type": CBOR}, body, tls)
"""

from time import ticks_add, ticks_diff, ticks_ms

from cellular.errors import CellularError
from micropython import const

BODY_MAX = const(8192)  # of an answer: more would not fit the heap
TIMEOUT_MS = const(120000)
_HEAD_MAX = const(2048)


class HttpError(CellularError):
    """No answer, or one that is none. An answer with any status is no error. `code` is the module's own number."""

    def __init__(self, what, code=None, text=""):
        super().__init__("HTTP %s failed: %s (code %s)" % (what, text or "refused", code))
        self.code = code


def parse_url(url):
    """(secure, host, port, path with query). Raises ValueError."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    host, _, port = authority.partition(":")
    secure = scheme == "https"
    if not (secure or scheme == "http") or not host or "@" in authority or "#" in url:
        raise ValueError("expected http[s]://host[:port]/path without user and fragment, not %s" % url)
    for c in url:
        if c <= " " or c == '"' or c > "~":
            raise ValueError("expected a URL of printable characters with others as %%xx, not %r" % url)
    try:
        number = int(port) if port else 443 if secure else 80
    except ValueError:
        number = 0
    if not 0 < number < 65536:
        raise ValueError("expected a port from 1 to 65535 in %s" % url)
    return secure, host, number, slash + path or "/"


async def request(modem, method, url, headers=None, body=b"", tls=None, timeout_ms=TIMEOUT_MS):
    """One request; returns (status, body of the answer as bytes). `headers`: dict of text; tls: a `Tls` for https.

    Raises HttpError, TlsError, NotSupported, what CellularError the modem raises, ValueError.
    """
    secure, host, port, path = parse_url(url)
    if secure and tls is None:
        raise ValueError("expected tls=Tls(ca=...) for %s" % url)
    for name, value in (headers or {}).items():
        for c in name + value:
            if c < " " or c == "\x7f":
                raise ValueError("expected a header without control characters, not %r" % name)
    name = "https" if secure else "http"
    if name in modem.capabilities:
        way = modem.dialect(name)
        if method in way.METHODS:
            return await way.request(modem, method, url, headers or {}, body, tls if secure else None, timeout_ms)
    end = ticks_add(ticks_ms(), timeout_ms)
    stream = await modem.tls_open(host, port, tls) if secure else await modem.tcp_open(host, port)
    try:
        await stream.send(head(method, host, port, path, headers or {}, body, secure))
        if body:
            await stream.send(body)
        answer = Answer(method)
        buf = bytearray(512)
        view = memoryview(buf)
        while not answer.done:
            left = ticks_diff(end, ticks_ms())
            if left <= 0:
                raise HttpError("request", None, "no complete answer within %d ms" % timeout_ms)
            try:
                n = await stream.recv_into(buf, left)
            except CellularError as e:
                if answer.closed():
                    break
                raise HttpError("request", None, "connection lost: %s" % e)
            answer.feed(view[:n])
        return answer.status, bytes(answer.body)
    finally:
        await stream.close()


def head(method, host, port, path, headers, body, secure):
    """The request up to its empty line."""
    default = 443 if secure else 80
    out = ["%s %s HTTP/1.1" % (method, path), "Host: %s" % (host if port == default else "%s:%d" % (host, port))]
    out += ["%s: %s" % item for item in headers.items()]
    out.append("Connection: close")
    if body or method in ("POST", "PUT", "PATCH"):
        out.append("Content-Length: %d" % len(body))
    return ("\r\n".join(out) + "\r\n\r\n").encode()


class Answer:
    """Takes the bytes of one answer: `status`, `body`, and `done` as soon as it is complete. Raises HttpError."""

    def __init__(self, method="GET"):
        self.status = None
        self.body = bytearray()
        self.done = False
        self._no_body = method == "HEAD"
        self._head = bytearray()
        self._left = None  # bytes of the body or chunk to come; None: until the end of the connection
        self._chunked = False
        self._trailer = False

    def closed(self):
        """The connection has ended. True if the answer is complete."""
        self.done = self.done or (self.status is not None and self._left is None and not self._chunked)
        return self.done

    def feed(self, data):
        data = bytes(data)
        while data and not self.done:
            if self.status is None or (self._chunked and not self._left):
                data = self._line(data)
            else:
                n = len(data) if self._left is None else min(len(data), self._left)
                if len(self.body) + n > BODY_MAX:
                    raise HttpError("answer", None, "more than %d bytes" % BODY_MAX)
                self.body.extend(data[:n])
                data = data[n:]
                if self._left is not None:
                    self._left -= n
                    if not self._left and not self._chunked:
                        self.done = True

    def _line(self, data):
        """Take bytes of the head or of a chunk's size line; returns the rest."""
        mark = b"\n" if self.status is not None else b"\n\r\n"
        self._head.extend(data)
        i = self._head.find(mark)
        if i < 0:
            if len(self._head) > _HEAD_MAX:
                raise HttpError("answer", None, "a head of more than %d bytes" % _HEAD_MAX)
            return b""
        line = bytes(self._head[:i])
        rest = bytes(self._head[i + len(mark) :])
        self._head = bytearray()
        if self.status is None:
            self._take_head(line)
        else:
            self._chunk(line.strip())
        return rest

    def _chunk(self, line):
        if self._trailer:
            self.done = not line
        elif line:
            try:
                self._left = int(line.split(b";")[0], 16)
            except ValueError:
                raise HttpError("answer", None, "a damaged chunk size")
            self._trailer = self._left == 0

    def _take_head(self, text):
        lines = text.split(b"\n")
        first = lines[0].split()
        try:
            status = int(first[1])
            if not first[0].startswith(b"HTTP/1."):
                raise ValueError
            length = None
            for line in lines[1:]:
                name, _, value = line.partition(b":")
                name = name.strip().lower()
                if name == b"content-length":
                    length = int(value)
                elif name == b"transfer-encoding":
                    self._chunked = value.strip().lower() == b"chunked"
        except (ValueError, IndexError):
            raise HttpError("answer", None, "no HTTP/1.1 head")
        if 100 <= status < 200:
            self._chunked = False
            return  # 100 Continue: the answer follows
        self.status = status
        self._left = None if self._chunked else length
        if self._no_body or status in (204, 304) or (length == 0 and not self._chunked):
            self.done = True
