"""AT+QI…: contexts and sockets. Sources: TCP/IP notes of BG96, BG95, EC200U; BC26 TCP(IP) manual V1.0."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.links import Link
from cellkit.bench.modem.families._quectel.contexts import ContextCommands
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault, split_args

if TYPE_CHECKING:
    from cellkit.bench.modem.families._quectel.base import QuectelModem

_OUTCOMES = {"ok": 0, "no bearer": 561, "dns": 565, "refused": 566, "timeout": 569, "tls": 566}
ERRORS = {
    0: "operate successfully", 550: "unknown error", 552: "invalid parameters", 561: "open PDP context failed",
    563: "socket identity has been used", 565: "DNS parse failed", 566: "socket connect failed", 569: "timeout",
    572: "operation not allowed",
}  # fmt: skip
_LONGEST = 1460
_HEX_LONGEST = 512
_INLINE = re.compile(r" *(\d{1,2}) *, *(\d{1,4}) *, *(.*)", re.DOTALL)


class _Socket:
    """One id: its link, how it gives what comes, and its counters."""

    def __init__(self, kind: str, context: int, access: int) -> None:
        self.kind = kind
        self.context = context
        self.access = access
        self.link: Link | None = None
        self.state = 0
        self.host, self.port, self.local_port = "", 0, 0
        self.buffer = bytearray()
        self.datagrams: list[tuple[bytes, str, int]] = []
        self.announced = False
        self.got = 0
        self.sending = False


class SocketCommands(ContextCommands):
    """Handlers bound to one modem."""

    def __init__(self, modem: QuectelModem) -> None:
        super().__init__(modem)
        self.open: dict[int, _Socket] = {}
        modem.at_reset.append(self.forget)
        self.config = {
            "dataformat": (0, 0), "viewmode": 0, "showlength": 0, "showRA": 0, "sendinfo": 0, "close/mode": 0,
        }  # fmt: skip

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            **super().handlers(), "+QIOPEN": self._qiopen, "+QICLOSE": self._qiclose,
            "+QISTATE": self._qistate, "+QISEND": self._qisend, "+QISENDEX": self._qisendex, "+QIRD": self._qird,
            "+QISWTMD": self._qiswtmd, "+QIGETERROR": self._qigeterror, "+QICFG": self._qicfg,
        }  # fmt: skip

    # Opening and closing

    def _qiopen(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply([
                '+QIOPEN: (1-16),(0-11),"TCP/UDP/TCP LISTENER/UDP SERVICE","<IP_address>/<domain_name>",(0-65535),'
                "(0-65535),(0-2)"
            ])  # fmt: skip
        if command.op != "set" or len(command.args) < 5:
            raise SyntaxFault
        context, number = self._context(command), command.integer(1, 0, modem.sockets - 1)
        kind, host = command.string(2, 12).upper(), command.string(3, 200)
        port, local = command.integer(4, 0, 65535), command.integer(5, 0, 65535, default=0)
        access = command.integer(6, 0, 2, default=1 if modem.qi_send == "inline" else 0)
        if kind not in ("TCP", "UDP", "TCP LISTENER", "UDP SERVICE"):
            raise SyntaxFault
        if number in self.open:
            return Reply(after=lambda: self._told(number, 563))
        socket = self.open[number] = _Socket(kind, context, access)
        socket.host, socket.port, socket.local_port = host, port, local or (49152 + number if kind == "TCP" else 0)
        if access == 2 and kind == "TCP":
            self._connect(number, socket, transparent=True)
            return Reply(final="")
        return Reply(after=lambda: self._connect(number, socket))

    def _told(self, number: int, code: int) -> None:
        self.last_error = code
        self._modem.later(self._modem.config.timing.socket_open_s.value, self._modem.urc, f"+QIOPEN: {number},{code}")

    def _connect(self, number: int, socket: _Socket, transparent: bool = False) -> None:
        modem = self._modem
        rule = modem.faults.take("open_error")
        if socket.kind == "TCP LISTENER":
            socket.state, socket.host = 3, modem.ue.grant.ip
            self._told(number, 0)
            return
        if rule is not None:
            self._told(number, rule.code)
            return
        if socket.context not in self.active and not self._implied(socket.context):
            self._told(number, 561)
            return
        socket.state = 1

        def done(outcome: str) -> None:
            if self.open.get(number) is not socket:
                return
            socket.state = 2 if outcome == "ok" else 0
            if transparent:
                modem.output.block(["CONNECT" if outcome == "ok" else "NO CARRIER"])
                if outcome == "ok":
                    modem.go_online(link.send)
            else:
                self._told(number, _OUTCOMES.get(outcome, 566))

        host = "" if socket.kind == "UDP SERVICE" else socket.host
        kind = "tcp" if socket.kind == "TCP" else "udp"
        link = modem.links.open(number, kind, host, socket.port, done, local_port=socket.local_port)  # type: ignore[arg-type]
        socket.link = link
        link.on_data = lambda data: self._came(number, socket, data)
        link.on_closed = lambda why: self._closed(number, socket)

    def _implied(self, context: int) -> bool:
        """Whether the attach bearer serves a context that nobody has activated (BC26: only context 1)."""
        return self._modem.qi_send == "inline" and bool(self._modem.ue.grant.ip)

    def _closed(self, number: int, socket: _Socket) -> None:
        socket.state = 4
        if socket.access == 2 and self._modem.payload.online is not None:
            self._modem.payload.online = None
            self._modem.urc("NO CARRIER")
        else:
            self._modem.urc(f'+QIURC: "closed",{number}')

    def incoming(self, listener: int, ip: str, port: int) -> int:
        """A peer has connected to a listener: the id that its connection gets; -1: all are in use."""
        number = next((key for key in range(self._modem.sockets - 1, 0, -1) if key not in self.open), -1)
        if number < 0:
            self._modem.urc('+QIURC: "incoming full"')
            return number
        socket = self.open[number] = _Socket("TCP INCOMING", self.open[listener].context, self.open[listener].access)
        socket.state, socket.host, socket.port = 2, ip, port
        self._modem.urc(f'+QIURC: "incoming",{number},{listener},"{ip}",{port}')
        return number

    def forget(self) -> None:
        """Reset or power cut: nothing is open."""
        self.open.clear()
        self.active.clear()
        self.last_error = 0

    def context_closed(self, number: int) -> None:
        """Its sockets are closed."""
        for key, socket in list(self.open.items()):
            if socket.context == number:
                self._forget(key)

    def _forget(self, number: int) -> None:
        socket = self.open.pop(number, None)
        if socket is not None and socket.link is not None:
            socket.link.close()

    def _qiclose(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QICLOSE: (0-11),(0-65535)"])
        number = command.integer(0, 0, self._modem.sockets - 1)
        self._forget(number)
        if not self._modem.close_ok:
            return Reply()
        wait_s = self._modem.config.timing.close_ok_s.value
        return Reply(after=lambda: self._modem.later(wait_s, self._modem.urc, "CLOSE OK"))

    def _qistate(self, command: Command) -> Reply:
        wanted = sorted(self.open)
        if command.op == "test":
            return Reply(["+QISTATE: (0,1),(0-11)"])
        if command.op == "set":
            by_socket, chosen = command.integer(0, 0, 1), command.integer(1, 0, 16)
            wanted = [n for n in wanted if (n == chosen if by_socket else self.open[n].context == chosen)]
        return Reply([self._state_line(number) for number in wanted])

    def _state_line(self, number: int) -> str:
        socket = self.open[number]
        name = self._modem.state_port
        port = f',{number},{socket.access},"{name}"' if name else f",{socket.access}"
        return (
            f'+QISTATE: {number},"{socket.kind}","{socket.host}",{socket.port},{socket.local_port},{socket.state},'
            f"{socket.context}{port}"
        )

    # Sending

    def _sendable(self, number: int) -> tuple[_Socket, Link]:
        socket = self.open.get(number)
        if socket is None or socket.link is None or socket.state != 2 or socket.sending:
            raise SyntaxFault
        return socket, socket.link

    def _qisend(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QISEND: (0-11),(0-1460)"])
        if self._modem.qi_send == "inline":
            match = _INLINE.fullmatch(command.raw)
            if match:
                return self._inline(int(match[1]), match[3].encode("latin-1"), int(match[2]))
        args = Command("", "set", command.raw, command.args or split_args(command.raw))
        number = args.integer(0, 0, self._modem.sockets - 1)
        socket, link = self._sendable(number)
        length = args.integer(1, 0, _LONGEST) if args.given(1) else None
        if length == 0:
            acked = link.acked if socket.kind == "TCP" else link.sent
            return Reply([f"+QISEND: {link.sent},{acked},{link.sent - acked}"])
        peer = (args.string(2, 200), args.integer(3, 1, 65535)) if args.given(2) else None

        def typed(data: bytes | None) -> None:
            if data is None:
                self._modem.complete(Reply())
            elif self._modem.qi_send == "inline":
                self._modem.complete(self._late_send(socket, link, data))
            elif peer is not None:
                link.send_to(*peer, data, self._sent)
            else:
                self._send(link, data)

        return Reply(prompt=DataMode(length, _LONGEST, typed))

    def _send(self, link: Link, data: bytes) -> None:
        if self._modem.faults.take("send_fail") is not None:
            self._sent(False)
        else:
            link.send(data, self._sent)

    def _sent(self, ok: bool) -> None:
        self._modem.complete(Reply(final="SEND OK" if ok else "SEND FAIL"))

    def _inline(self, number: int, data: bytes, length: int) -> Reply:
        socket, link = self._sendable(number)
        if data[:1] == data[-1:] == b'"' and len(data) == length + 2:
            data = data[1:-1]
        if len(data) != length:
            raise SyntaxFault
        return self._late_send(socket, link, data)

    def _late_send(self, socket: _Socket, link: Link, data: bytes) -> Reply:
        socket.sending = True
        modem = self._modem

        def told(ok: bool) -> None:
            def say() -> None:
                socket.sending = False
                modem.urc("SEND OK" if ok else "SEND FAIL")

            modem.later(modem.config.timing.send_ok_s.value, say)

        failed = modem.faults.take("send_fail") is not None
        return Reply(after=lambda: told(False) if failed else link.send(data, told))

    def _qisendex(self, command: Command) -> Reply | None:
        if command.op != "set":
            return Reply(["+QISENDEX: (0-11),<hex_string>"])
        socket, link = self._sendable(command.integer(0, 0, self._modem.sockets - 1))
        inline = self._modem.qi_send == "inline"
        text = command.string(2 if inline else 1, 2 * _HEX_LONGEST)
        try:
            data = bytes.fromhex(text)
        except ValueError:
            raise SyntaxFault from None
        if inline:
            if len(data) != command.integer(1, 1, _HEX_LONGEST):
                raise SyntaxFault
            return self._late_send(socket, link, data)
        self._send(link, data)
        return None

    # Receiving

    def _came(self, number: int, socket: _Socket, data: bytes) -> None:
        if socket.access == 2:
            self._modem.output.raw(data)
        elif socket.access == 1:
            self._push(number, socket, data)
        else:
            self._store(number, socket, data)

    def _push(self, number: int, socket: _Socket, data: bytes) -> None:
        text = self._shown(data)
        joint = "," if self.config["viewmode"] else "\r\n"
        self._modem.urc(f'+QIURC: "recv",{number},{len(data)}{joint}{text}')

    def _shown(self, data: bytes) -> str:
        formats = self.config["dataformat"]
        return data.hex().upper() if isinstance(formats, tuple) and formats[1] else data.decode("latin-1")

    def _store(self, number: int, socket: _Socket, data: bytes) -> None:
        held = len(socket.buffer) + sum(len(item[0]) for item in socket.datagrams)
        if held + len(data) > self._modem.config.limits.receive_buffer_bytes:
            self._modem.urc(f'+QIURC: "recv",{number},"buff full"')
            return
        if socket.kind == "UDP SERVICE" and socket.link is not None:
            socket.datagrams.append((data, *socket.link.sender))
        else:
            socket.buffer += data
        if not socket.announced:
            socket.announced = True
            self._modem.urc(f'+QIURC: "recv",{number}' + (f",{len(data)}" if self.config["showlength"] else ""))

    def _qird(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QIRD: (0-11),(0-1500)"])
        number = command.integer(0, 0, self._modem.sockets - 1)
        socket = self.open.get(number)
        if socket is None or socket.access != 0:
            raise SyntaxFault
        if command.given(1) and command.integer(1, 0, 1500) == 0:
            left = len(socket.buffer)
            return Reply([f"+QIRD: {socket.got + left},{socket.got},{left}"])
        if socket.kind == "UDP SERVICE":
            if not socket.datagrams:
                socket.announced = False
                return Reply(["+QIRD: 0"])
            data, ip, port = socket.datagrams.pop(0)
            return Reply([f'+QIRD: {len(data)},"{ip}",{port}', self._shown(data)])
        if not socket.buffer:
            socket.announced = False
            return Reply(["+QIRD: 0"])
        size = command.integer(1, 1, 1500, default=1500)
        data = bytes(socket.buffer[:size])
        del socket.buffer[:size]
        socket.got += len(data)
        left_text = f",{len(socket.buffer)}" if self.config["showlength"] else ""
        if self.config["viewmode"]:
            return Reply([f"+QIRD: {len(data)}{left_text},{self._shown(data)}"])
        return Reply([f"+QIRD: {len(data)}{left_text}", self._shown(data)])

    def _qiswtmd(self, command: Command) -> Reply:
        socket = self.open.get(command.integer(0, 0, 11))
        if socket is None:
            raise SyntaxFault
        socket.access = command.integer(1, 0, 2)
        return self.back() if socket.access == 2 else Reply()

    def back(self) -> Reply:
        """ATO: to the transparent socket, if there is one."""
        link = next((one.link for one in self.open.values() if one.access == 2 and one.state == 2), None)
        if link is None:
            return Reply(final="NO CARRIER")
        live = link
        return Reply(final="CONNECT", after=lambda: self._modem.go_online(live.send))

    # The rest

    def _qigeterror(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        return Reply([f"+QIGETERROR: {self.last_error},{ERRORS.get(self.last_error, 'unknown error')}"])

    def _qicfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f'+QICFG: "{key}",(0,1)' for key in self.config])
        key = next((name for name in self.config if name.lower() == command.string(0, 40).lower()), None)
        if key is None:
            return Reply()
        value = self.config[key]
        if len(command.args) == 1:
            shown = ",".join(map(str, value)) if isinstance(value, tuple) else value
            return Reply([f'+QICFG: "{key}",{shown}'])
        if isinstance(value, tuple):
            self.config[key] = (command.integer(1, 0, 1), command.integer(2, 0, 1))
        else:
            self.config[key] = command.integer(1, 0, 1)
        return Reply()
