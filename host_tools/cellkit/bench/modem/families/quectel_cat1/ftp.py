"""AT+QFTP…: the shapes of its answers, against a server that takes everything. Source: reports on an EG800K."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_cat1 import Module

_NOT_FOUND = "627,550"  # the module's code and the FTP reply
_NOT_OPEN = 603


class FtpCommands:
    """Handlers bound to one modem; the server's files are a dictionary."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.files: dict[str, int] = {}
        self._account = ("", "")
        self.is_open = False

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+QFTPCFG": self._cfg, "+QFTPOPEN": self._opens, "+QFTPCLOSE": self._closes, "+QFTPPWD": self._pwd,
            "+QFTPSTAT": lambda command: Reply([f"+QFTPSTAT: 0,{1 if self.is_open else 4}"]),
            "+QFTPCWD": lambda command: self._late(command, "0,0"), "+QFTPSIZE": self._size,
            "+QFTPDEL": self._delete, "+QFTPRENAME": self._rename, "+QFTPPUT": self._put,
        }  # fmt: skip

    def _late(self, command: Command, text: str) -> Reply:
        modem = self._modem
        shown = text if self.is_open or command.name == "+QFTPOPEN" else f"{_NOT_OPEN},0"
        return Reply(after=lambda: modem.later(0.5, modem.urc, f"{command.name}: {shown}"))

    def _cfg(self, command: Command) -> Reply:
        if command.string(0, 20).lower() != "account":
            return Reply()
        if len(command.args) == 1:
            return Reply([f'+QFTPCFG: "account","{self._account[0]}","{"*" * max(1, len(self._account[1]))}"'])
        self._account = (command.string(1, 50), command.string(2, 50))
        return Reply()

    def _opens(self, command: Command) -> Reply:
        self.is_open = True
        return self._late(command, "0,0")

    def _closes(self, command: Command) -> Reply:
        reply = self._late(command, "0,0")
        self.is_open = False
        return reply

    def _pwd(self, command: Command) -> Reply:
        quoted = not self._modem.config.name.startswith("ec2")
        return self._late(command, '0,"/"' if quoted else "0,/")

    def _size(self, command: Command) -> Reply:
        size = self.files.get(command.string(0, 80))
        return self._late(command, _NOT_FOUND if size is None else f"0,{size}")

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
            self._modem.complete(Reply(after=lambda: self._modem.later(0.5, self._modem.urc, f"+QFTPPUT: 0,{size}")))

        return Reply(prompt=DataMode(size, size, typed, "\r\nCONNECT\r\n"))
