"""AT+QFTP…: the shapes of its answers, against a server that takes everything. Source: reports on an EG800K."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_cat1 import Module

_NOT_FOUND = "627,550"  # the module's code and the FTP reply
_BUSY = 603
_FACTORY = {
    "contextid": "1", "filetype": "0", "transmode": "1", "rsptimeout": "90", "ssltype": "0", "sslctxid": "1",
    "data_address": "0",
}  # fmt: skip
_IDLE, _TRANSFER, _CLOSING, _CLOSED = 1, 2, 3, 4
_LATE_S, _CLOSE_S = 0.5, 2.0


class FtpCommands:
    """Handlers bound to one modem; the server's files are names and sizes."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.files: dict[str, int] = {}
        self._settings = dict(_FACTORY)
        self._account = ("", "")
        self._folder = "/"
        self.state = _CLOSED
        modem.at_reset.append(self._forget)

    def _forget(self) -> None:
        self.state, self._folder = _CLOSED, "/"

    @property
    def is_open(self) -> bool:
        """Whether there is a session."""
        return self.state == _IDLE

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        told: dict[str, Callable[[Command], Reply]] = {
            "+QFTPPWD": self._pwd, "+QFTPCWD": self._cwd, "+QFTPSIZE": self._size, "+QFTPDEL": self._delete,
            "+QFTPRENAME": self._rename, "+QFTPPUT": self._put, "+QFTPLIST": self._list, "+QFTPNLST": self._list,
            "+QFTPGET": self._get, "+QFTPMDTM": self._time, "+QFTPMKDIR": self._done, "+QFTPRMDIR": self._done,
        }  # fmt: skip
        return {
            "+QFTPCFG": self._cfg, "+QFTPOPEN": self._opens, "+QFTPCLOSE": self._closes,
            "+QFTPSTAT": lambda command: Reply([f"+QFTPSTAT: 0,{self.state}"]),
            **{name: self._guarded(handler) for name, handler in told.items()},
        }  # fmt: skip

    def _guarded(self, handler: Callable[[Command], Reply]) -> Handler:
        """Without a session, or while one is being closed, all is 603."""

        def guarded(command: Command) -> Reply:
            if command.op != "test" and self.state != _IDLE:
                raise MeFault(_BUSY)
            return handler(command) if command.op != "test" else Reply()

        return guarded

    def _late(self, command: Command, text: str) -> Reply:
        modem = self._modem
        return Reply(after=lambda: modem.later(_LATE_S, modem.urc, f"{command.name}: {text}"))

    def _done(self, command: Command) -> Reply:
        return self._late(command, "0,0")

    def _cfg(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f'+QFTPCFG: "{key}",(0-65535)' for key in _FACTORY])
        key = command.string(0, 20).lower()
        if key == "account":
            if len(command.args) == 1:
                return Reply([f'+QFTPCFG: "account","{self._account[0]}","{"*" * max(1, len(self._account[1]))}"'])
            self._account = (command.string(1, 50), command.string(2, 50))
        elif key not in self._settings:
            raise SyntaxFault
        elif len(command.args) == 1:
            return Reply([f'+QFTPCFG: "{key}",{self._settings[key]}'])
        else:
            self._settings[key] = command.args[1].text
        return Reply()

    def _opens(self, command: Command) -> Reply:
        if command.op != "set":
            return Reply()
        if self.state != _CLOSED:
            raise MeFault(_BUSY)
        self.state = _IDLE
        return self._late(command, "0,0")

    def _closes(self, command: Command) -> Reply:
        """OK is only that it has begun."""
        if self.state != _IDLE:
            raise MeFault(_BUSY)
        self.state = _CLOSING

        def closed() -> None:
            self.state = _CLOSED
            self._modem.urc("+QFTPCLOSE: 0,0")

        return Reply(after=lambda: self._modem.later(_CLOSE_S, closed))

    def _pwd(self, command: Command) -> Reply:
        quoted = not self._modem.config.name.startswith("ec2")
        return self._late(command, f'0,"{self._folder}"' if quoted else f"0,{self._folder}")

    def _cwd(self, command: Command) -> Reply:
        self._folder = command.string(0, 80)
        return self._late(command, "0,0")

    def _size(self, command: Command) -> Reply:
        size = self.files.get(command.string(0, 80))
        return self._late(command, _NOT_FOUND if size is None else f"0,{size}")

    def _time(self, command: Command) -> Reply:
        known = command.string(0, 80) in self.files
        return self._late(command, f'0,"{self._modem.network.utc():%Y%m%d%H%M%S}"' if known else _NOT_FOUND)

    def _delete(self, command: Command) -> Reply:
        return self._late(command, _NOT_FOUND if self.files.pop(command.string(0, 80), None) is None else "0,0")

    def _rename(self, command: Command) -> Reply:
        size = self.files.pop(command.string(0, 80), None)
        if size is None:
            return self._late(command, _NOT_FOUND)
        self.files[command.string(1, 80)] = size
        return self._late(command, "0,0")

    def _put(self, command: Command) -> Reply:
        name, size = command.string(0, 80), command.integer(3, 0, 1 << 20)

        def typed(data: bytes | None) -> None:
            self.files[name] = len(data or b"")
            self._modem.complete(self._late(command, f"0,{size}"))

        return Reply(prompt=DataMode(size, size, typed, "\r\nCONNECT\r\n"))

    def _list(self, command: Command) -> Reply:
        names = [f"-rw-r--r-- 1 1001 1001 {size} Aug 07 14:10 {name}" for name, size in self.files.items()]
        if command.name == "+QFTPNLST":
            names = list(self.files)
        return self._shown(command, "\r\n".join(names) or "-rw-r--r-- 1 1001 1001 379 Aug 07 14:10 readme.txt")

    def _get(self, command: Command) -> Reply:
        size = self.files.get(command.string(0, 80))
        return self._late(command, _NOT_FOUND) if size is None else self._shown(command, "x" * size)

    def _shown(self, command: Command, text: str) -> Reply:
        reply = self._late(command, f"0,{len(text)}")
        reply.lines = ["CONNECT", text]
        return reply
