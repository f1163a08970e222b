"""AT+FTP…: the shapes of its answers, against a server that keeps what it is given. Source: guide for Air780E."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.families._clients.noted import Noted, noted_handlers
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.luat_air780e import Module

_GET, _PUT = 1460, 1360  # bytes in one piece
_QUIT = 86
_NO_FILE = 66
_NOTED = {
    f"+FTP{name}": Noted(value, merges=False)
    for name, value in {
        "CID": "1", "PORT": "21", "MODE": "1", "TYPE": '"I"', "PUTOPT": '"STOR"', "SERV": '""', "UN": '""', "PW": '""',
        "GETNAME": '""', "GETPATH": '""', "PUTNAME": '""', "PUTPATH": '""', "REST": "0", "TIMEOUT": "60",
    }.items()
}  # fmt: skip
_OPEN_S = 1.0


class FtpCommands:
    """Handlers bound to one modem; the server's files are a dictionary."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.files: dict[str, bytes] = {}
        self._session = ""  # GET, PUT or none
        self._left = b""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            **noted_handlers(self._modem, _NOTED), "+FTPGET": self._get, "+FTPPUT": self._put, "+FTPQUIT": self._quit,
            "+FTPSTATE": lambda command: Reply([f"+FTPSTATE: {int(bool(self._session))}"]),
            "+FTPSIZE": self._size, "+FTPDELE": self._delete,
        }  # fmt: skip

    def _setting(self, name: str) -> str:
        noted: dict[str, str] = self._modem.settings.nvram["noted"]
        return noted.get(f"+FTP{name}", "").strip('"')

    def _path(self, way: str) -> str:
        return self._setting(f"{way}PATH") + self._setting(f"{way}NAME")

    def _tell(self, text: str, delay_s: float = 0.3) -> None:
        self._modem.later(delay_s, self._modem.urc, text)

    def _get(self, command: Command) -> Reply:
        if command.integer(0, 1, 2) == 1:
            if self._session:
                raise SyntaxFault
            content = self.files.get(self._path("GET"))
            if content is None:
                return Reply(after=lambda: self._tell(f"+FTPGET: 1,{_NO_FILE}", _OPEN_S))
            self._session, self._left = "GET", content[int(self._setting("REST") or 0):]
            return Reply(after=lambda: self._tell("+FTPGET: 1,1", _OPEN_S))
        if self._session != "GET":
            raise SyntaxFault
        size = command.integer(1, 1, _GET)
        piece, self._left = self._left[:size], self._left[size:]

        def after() -> None:
            if not self._left:
                self._session = ""
                self._tell("+FTPGET: 1,0")
            elif size < _GET:
                self._tell("+FTPGET: 1,1")

        return Reply([f"+FTPGET: 2,{len(piece)}", *([piece.decode("latin-1")] if piece else [])], after=after)

    def _put(self, command: Command) -> Reply:
        ready = f"+FTPPUT: 1,1,{_PUT}"
        if command.integer(0, 1, 2) == 1:
            if self._session:
                raise SyntaxFault
            self._session, self._left = "PUT", b""
            return Reply(after=lambda: self._tell(ready, _OPEN_S))
        if self._session != "PUT":
            raise SyntaxFault
        size = command.integer(1, 0, _PUT)
        if not size:
            self._session = ""
            self.files[self._path("PUT")] = self._left
            return Reply(after=lambda: self._tell("+FTPPUT: 1,0"))

        def typed(data: bytes | None) -> None:
            self._left += data or b""
            self.files[self._path("PUT")] = self._left
            self._modem.complete(Reply(after=lambda: self._tell(ready)))

        return Reply(prompt=DataMode(size, size, typed, f"\r\n+FTPPUT: 2,{size}\r\n"))

    def _quit(self, command: Command) -> Reply:
        if not self._session:
            raise SyntaxFault
        session, self._session = self._session, ""
        return Reply(after=lambda: self._tell(f"+FTP{session}: 1,{_QUIT}"))

    def _size(self, command: Command) -> Reply:
        content = self.files.get(self._path("GET"))
        told = f"+FTPSIZE: 1,{_NO_FILE},0" if content is None else f"+FTPSIZE: 1,0,{len(content)}"
        return Reply(after=lambda: self._tell(told))

    def _delete(self, command: Command) -> Reply:
        gone = self.files.pop(self._path("GET"), None) is not None
        return Reply(after=lambda: self._tell(f"+FTPDELE: 1,{0 if gone else _NO_FILE}"))
