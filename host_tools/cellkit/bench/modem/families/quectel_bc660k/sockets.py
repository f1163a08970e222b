"""UDP and TCP sockets of the BC660K-GL.

Source: BC660K-GL&BC950K-GL TCP/IP Application Note V1.2 (2023-06-27). Where real logs say more, they are named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.families.quectel_bc660k.names import LONGEST_HOST, OK, Names
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_bc660k.module import VirtualModem

# Result codes, chapter 3 of the note.
_NOT_SUPPORTED, _PDP_OPEN, _ID_IN_USE, _CONNECT_FAILED = 555, 561, 563, 566
_OUTCOMES = {"ok": OK, "no bearer": 561, "dns": 565, "refused": 566, "timeout": 569}
_SEND = re.compile(r" *([0-4]) *(?:, *(\d{1,5}) *(?:,(.*))?)?", re.DOTALL)
_RAI = re.compile(r" *(?:, *([0-2]))? *")

SOCKET_NVRAM: dict[str, Any] = {"dataformat": (0, 0), "viewmode": 0, "showlength": 0, "showRA": 0}


@dataclass
class _Socket:
    """One socket; a UDP one has its `flow` once it is open."""

    host: str
    port: int
    local_port: int
    access: int
    flow: int | None = None
    link: Link | None = None
    """Of a TCP socket."""
    sent: int = 0
    sending: bool = False
    buffer: bytearray = field(default_factory=bytearray)
    announced: bool = False
    """Whether the host knows of data; the next URC comes only after a read has found nothing left (real module)."""

    @property
    def connected(self) -> bool:
        """Whether it can send."""
        return self.flow is not None or (self.link is not None and self.link.state == "open")


class Sockets:
    """Handlers bound to one modem."""

    def __init__(self, modem: VirtualModem, names: Names) -> None:
        self._modem = modem
        self._names = names
        self._open: dict[int, _Socket] = {}

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+QIOPEN": self._qiopen,
            "+QICLOSE": self._qiclose,
            "+QISTATE": self._qistate,
            "+QISEND": self._qisend,
            "+QIRD": self._qird,
            "+QISWTMD": self._qiswtmd,
            "+QICFG": self._qicfg,
        }

    @property
    def numbers(self) -> list[int]:
        """Those in use."""
        return sorted(self._open)

    def say(self, number: int, data: bytes) -> None:
        """What the peer of a socket sends."""
        self._arrived(number, self._open[number], data)

    def forget(self) -> None:
        """All sockets are gone without a word: reset or power cut (or deep sleep, if so configured)."""
        for socket in self._open.values():
            self._end(socket)
        self._open.clear()

    def _end(self, socket: _Socket) -> None:
        if socket.flow is not None:
            self._modem.ue.session.close(socket.flow)
        if socket.link is not None:
            socket.link.close()

    def lose_bearer(self) -> None:
        """Detached: open sockets lose their flows and have to be closed (unverified: what the module says then)."""
        for socket in self._open.values():
            socket.flow = None

    # Opening and closing

    def _qiopen(self, command: Command) -> Reply:
        if command.op == "test":
            kinds = '"TCP/UDP/TCP LISTENER/UDP SERVICE"'
            return Reply([f"+QIOPEN: (0-10),(0-4),{kinds},<host>,(1-65535),(0-65535),(0,1)"])
        if command.op != "set" or not 5 <= len(command.args) <= 7:
            raise SyntaxFault
        command.integer(0, 0, 0)  # note 1: only context 0 is supported
        number, kind = command.integer(1, 0, 4), command.string(2, 12).upper()
        host, port = command.string(3, LONGEST_HOST), command.integer(4, 1, 65535)
        socket = _Socket(host, port, command.integer(5, 0, 65535, default=0), command.integer(6, 0, 1, default=1))
        if kind not in ("TCP", "UDP", "TCP LISTENER", "UDP SERVICE") or not host:
            raise SyntaxFault
        if number in self._open:
            return Reply(after=lambda: self._opened(number, None, _ID_IN_USE))
        self._open[number] = socket
        if kind == "TCP":
            return Reply(after=lambda: self._dial(number, socket))
        if kind != "UDP":
            return Reply(after=lambda: self._opened(number, socket, _NOT_SUPPORTED))
        return Reply(after=lambda: self._names.lookup(host, lambda ip, code: self._connect(number, socket, ip, code)))

    def _dial(self, number: int, socket: _Socket) -> None:
        rule = self._modem.faults.take("open_error")
        if rule is not None or not self._modem.ue.registered:
            self._opened(number, socket, _PDP_OPEN if rule is None else rule.code)
            return

        def done(outcome: str) -> None:
            self._opened(number, socket, _OUTCOMES.get(outcome, _CONNECT_FAILED))

        link = socket.link = self._modem.links.open(
            number, "tcp", socket.host, socket.port, done, local_port=socket.local_port
        )
        link.on_data = lambda data: self._arrived(number, socket, data)
        link.on_closed = lambda why: self._modem.urc(f'+QIURC: "closed",{number}')

    def _connect(self, number: int, socket: _Socket, ip: str, code: int) -> None:
        rule = self._modem.faults.take("open_error")
        if self._open.get(number) is not socket:
            return
        if rule is not None:
            code = rule.code
        elif not self._modem.ue.registered:
            code = _PDP_OPEN
        if code == OK:
            try:
                socket.flow = self._modem.ue.session.open(ip, socket.port)
            except OSError:
                code = _CONNECT_FAILED
        self._opened(number, socket, code)

    def _opened(self, number: int, socket: _Socket | None, code: int) -> None:
        # A socket that failed to open stays in use until QICLOSE (note 3).
        def report() -> None:
            if socket is None or self._open.get(number) is socket:
                self._modem.urc(f"+QIOPEN: {number},{code}")

        self._modem.later(self._modem.config.timing.socket_open_s.value, report)

    def _qiclose(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QICLOSE: (0-4)"])
        if command.op != "set" or len(command.args) != 1:
            raise SyntaxFault
        socket = self._open.pop(command.integer(0, 0, 4), None)
        if socket is not None:
            self._end(socket)
        # Closing what is not open succeeds as well (renode's model, compared with a real module).
        wait_s = self._modem.config.timing.close_ok_s.value
        return Reply(after=lambda: self._modem.later(wait_s, self._modem.urc, "CLOSE OK"))

    def _qistate(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QISTATE: 0,(0-10)", "+QISTATE: 1,(0-4)"])
        wanted = sorted(self._open)
        if command.op == "set":
            by_socket = command.integer(0, 0, 1)
            chosen = command.integer(1, 0, 4 if by_socket else 10)
            wanted = [number for number in wanted if number == chosen] if by_socket else wanted if chosen == 0 else []
        elif command.op != "read":
            raise SyntaxFault
        return Reply([self._state_line(number) for number in wanted])

    def _state_line(self, number: int) -> str:
        socket = self._open[number]
        state, kind = 2 if socket.connected else 0, "UDP" if socket.link is None else "TCP"
        peer = f'"{kind}","{socket.host}",{socket.port}'
        return f"+QISTATE: {number},{peer},{socket.local_port},{state},0,{socket.access}"

    # Sending

    def _qisend(self, command: Command) -> Reply:
        if command.op == "test":
            limit = self._modem.config.limits.send_text_bytes
            return Reply([f"+QISEND: (0-4),<remote_ip>,<remote_port>,(0-{limit}),<data>,(0-2)"])
        match = _SEND.fullmatch(command.raw)
        if command.op != "set" or match is None:
            raise SyntaxFault
        number, length = int(match[1]), None if match[2] is None else int(match[2])
        socket = self._open.get(number)
        # Note 4: the next sending has to wait for SEND OK or SEND FAIL; the BC26 refuses it until then.
        if socket is None or not socket.connected or socket.sending:
            raise SyntaxFault
        if length == 0 and match[3] is None:
            return Reply([f"+QISEND: {socket.sent},0,{socket.sent}"])
        limits = self._modem.config.limits
        in_hex = self._modem.settings.nvram["dataformat"][0] == 1
        longest = limits.send_hex_bytes if in_hex else limits.send_text_bytes
        if length is not None and not 1 <= length <= longest:
            raise SyntaxFault
        if match[3] is None:
            return Reply(prompt=self._data_mode(socket, length, in_hex))
        if length is None:
            raise SyntaxFault
        data, rai = _inline(match[3], length, in_hex)
        return Reply(after=lambda: self._send(socket, data, rai))

    def _data_mode(self, socket: _Socket, length: int | None, in_hex: bool) -> DataMode:
        characters = 2 if in_hex else 1
        longest = self._modem.config.limits.data_mode_bytes if length is None else length

        def done(typed: bytes | None) -> None:
            if typed is None:
                self._modem.complete(Reply())
                return
            try:
                data = bytes.fromhex(typed.decode("ascii")) if in_hex else typed
            except ValueError:
                self._modem.fail(SyntaxFault())
                return
            self._modem.complete(Reply(after=lambda: self._send(socket, data, 0)))

        return DataMode(None if length is None else characters * length, characters * longest, done)

    def _send(self, socket: _Socket, data: bytes, rai: int) -> None:
        modem = self._modem
        failed = modem.faults.take("send_fail") is not None or not modem.ue.registered or not socket.connected
        socket.sending = True
        if not failed:
            socket.sent += len(data)
        if not failed and socket.flow is not None:
            modem.ue.send(socket.flow, data, rai)
        elif not failed and socket.link is not None:
            socket.link.send(data)

        def report() -> None:
            socket.sending = False
            modem.urc("SEND FAIL" if failed else "SEND OK")

        modem.later(modem.config.timing.send_ok_s.value, report)

    # Receiving

    def came(self, flow: int, data: bytes) -> None:
        """A datagram arrived over the air."""
        for number, socket in self._open.items():
            if socket.flow == flow:
                self._arrived(number, socket, data)
                return

    def _arrived(self, number: int, socket: _Socket, data: bytes) -> None:
        if socket.access == 1:
            self._push(number, socket, data)
        else:
            self._store(number, socket, data)

    def _push(self, number: int, socket: _Socket, data: bytes) -> None:
        nvram = self._modem.settings.nvram
        sender = f',"{socket.host}",{socket.port}' if nvram["showRA"] else ""
        self._modem.urc(f'+QIURC: "recv",{number},{len(data)}{sender}{self._shown(data)}')

    def _store(self, number: int, socket: _Socket, data: bytes) -> None:
        if len(socket.buffer) + len(data) > self._modem.config.limits.receive_buffer_bytes:
            self._modem.urc(f'+QIURC: "recv",{number},"buff full"')
            return
        socket.buffer += data
        if not socket.announced:
            socket.announced = True
            length = f",{len(data)}" if self._modem.settings.nvram["showlength"] else ""
            self._modem.urc(f'+QIURC: "recv",{number}{length}')

    def _shown(self, data: bytes) -> str:
        nvram = self._modem.settings.nvram
        text = data.hex().upper() if nvram["dataformat"][1] == 1 else data.decode("latin-1")
        return ("," if nvram["viewmode"] == 0 else "\r\n") + f'"{text}"'

    def _qird(self, command: Command) -> Reply:
        limit = self._modem.config.limits.read_bytes
        if command.op == "test":
            return Reply([f"+QIRD: (0-4),(1-{limit})"])
        if command.op != "set" or len(command.args) != 2:
            raise SyntaxFault
        socket, length = self._open.get(command.integer(0, 0, 4)), command.integer(1, 1, limit)
        if socket is None or socket.access != 0:
            raise SyntaxFault
        if not socket.buffer:
            socket.announced = False
            return Reply(["+QIRD: 0"])
        data = bytes(socket.buffer[:length])
        del socket.buffer[:length]
        left = f",{len(socket.buffer)}" if self._modem.settings.nvram["showlength"] else ""
        return Reply([f"+QIRD: {len(data)}{left}{self._shown(data)}"])

    def _qiswtmd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QISWTMD: (0-4),(0,1)"])
        if command.op == "read":
            return Reply()
        if command.op != "set" or len(command.args) != 2:
            raise SyntaxFault
        socket, access = self._open.get(command.integer(0, 0, 4)), command.integer(1, 0, 1)
        if socket is None:
            raise SyntaxFault
        socket.access = access
        return Reply()

    # Settings

    def _qicfg(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            lines = ['+QICFG: "dataformat",(0,1),(0,1)']
            return Reply(lines + [f'+QICFG: "{key}",(0,1)' for key in ("showRA", "showlength", "viewmode")])
        if command.op != "set" or not command.args:
            raise SyntaxFault
        key = {name.lower(): name for name in SOCKET_NVRAM}.get(command.string(0, 12).lower())
        if key is None:
            raise SyntaxFault
        if key == "dataformat":
            if len(command.args) == 1:
                return Reply(['+QICFG: "dataformat",{},{}'.format(*nvram[key])])
            send, receive = command.integer(1, 0, 1), command.integer(2, 0, 1)
            nvram[key] = (send, receive)
        elif len(command.args) == 1:
            return Reply([f'+QICFG: "{key}",{nvram[key]}'])
        else:
            nvram[key] = command.integer(1, 0, 1)
        return Reply()


def _inline(text: str, length: int, in_hex: bool) -> tuple[bytes, int]:
    """Payload of `length` bytes and release assistance of `"data"[,rai]` or `data[,rai]`. Raises SyntaxFault."""
    characters = 2 * length if in_hex else length
    text = text.lstrip(" ")
    quoted = text.startswith('"')
    start = 1 if quoted else 0
    payload, rest = text[start:start + characters], text[start + characters:]
    if quoted:
        if not rest.startswith('"'):
            raise SyntaxFault
        rest = rest[1:]
    match = _RAI.fullmatch(rest)
    if len(payload) != characters or match is None:
        raise SyntaxFault
    try:
        data = bytes.fromhex(payload) if in_hex else payload.encode("latin-1")
    except ValueError:
        raise SyntaxFault from None
    if len(data) != length:
        raise SyntaxFault
    return data, int(match[1] or 0)
