"""HTTP, TLS and files as this line has them where the other Quectel lines differ. Source: reports on an EG800K."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.families._quectel.files import FileCommands, check
from cellkit.bench.modem.families._quectel.http import HttpCommands
from cellkit.bench.modem.families._quectel.sockets import SocketCommands
from cellkit.bench.modem.families._quectel.tls import TlsCommands
from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_cat1 import Module

_DRIFT_S = 30.0  # so long a request takes to fail when the bearer has moved
_CONNECT, _WORN_OUT = 716, 552
_EXISTS, _NOT_FOUND, _TIMEOUT = 407, 405, 421
FILE_TEXTS = {_EXISTS: "file already exist", _NOT_FOUND: "file not found"}


class Http(HttpCommands):
    """A request that cannot be made ends with +CME ERROR in place of OK, where the firmware is so."""

    def __init__(self, modem: Module) -> None:
        super().__init__(modem)
        self._own = modem
        self.unreachable = False
        """The next server cannot be reached."""

    def handlers(self) -> dict[str, Handler]:
        """With what ends otherwise."""
        shared = super().handlers()

        def guarded(command: Command) -> Reply | None:
            modem = self._own
            if command.op != "set":
                return shared[command.name](command)
            drifted = modem.settings.ram["drift"] is not None
            if not drifted and not self.unreachable:
                return shared[command.name](command)
            self._body, self.unreachable = None, False
            modem.later(_DRIFT_S, modem.fail, MeFault(_CONNECT))
            return None

        def cfg(command: Command) -> Reply | None:
            if command.op == "read":
                return Reply([f'+QHTTPCFG: "{key}",{value}' for key, value in self._settings.items()])
            return shared["+QHTTPCFG"](command)

        return {**shared, "+QHTTPGET": guarded, "+QHTTPGETEX": guarded, "+QHTTPCFG": cfg}


class Tls(TlsCommands):
    """Settings are read back with two parameters always; an EG800K wears out."""

    def __init__(self, modem: Module) -> None:
        super().__init__(modem)
        self._own = modem
        self._opens = 0

    def handlers(self) -> dict[str, Handler]:
        """With the counter of openings."""
        shared = super().handlers()

        def opens(command: Command) -> Reply | None:
            if command.op == "set":
                if self.worn_out:
                    number, modem = command.integer(2, 0, 11), self._own
                    return Reply(after=lambda: modem.later(0.05, modem.urc, f"+QSSLOPEN: {number},{_WORN_OUT}"))
                self._opens += 1
            return shared["+QSSLOPEN"](command)

        return {**shared, "+QSSLOPEN": opens}

    @property
    def worn_out(self) -> bool:
        """After so many openings of TLS no socket can be opened until the power was off (report)."""
        limit = self._own.config.identity.more.get("tls_opens")
        return limit is not None and self._opens >= int(limit)

    def power_cut(self) -> None:
        """It can again."""
        self._opens = 0

    def _cfg(self, command: Command) -> Reply:
        if command.op == "set" and len(command.args) == 2 and command.string(0, 30).lower() == "ignorelocaltime":
            number = command.integer(1, 0, 5)
            return Reply([f'+QSSLCFG: "ignorelocaltime",{number},{self._context(number)["ignorelocaltime"]}'])
        return super()._cfg(command)


class Sockets(SocketCommands):
    """An EG800K whose TLS has worn out opens no plain sockets either."""

    def __init__(self, modem: Module) -> None:
        super().__init__(modem)
        self._own = modem

    def handlers(self) -> dict[str, Handler]:
        """With that."""
        shared = super().handlers()

        def opens(command: Command) -> Reply | None:
            if command.op == "set" and self._own.tls_own.worn_out:
                number = command.integer(1, 0, 11)
                return Reply(after=lambda: self._told(number, _WORN_OUT))
            return shared["+QIOPEN"](command)

        return {**shared, "+QIOPEN": opens}


class Own(FileCommands):
    """Names are those in UFS, with or without that word; a file is not overwritten."""

    def _qfupl(self, command: Command) -> Reply:
        if command.op == "test":
            return super()._qfupl(command)
        name, size = plain(command.string(0, 80)), command.integer(1, 1, 1 << 20, default=10240)
        files, modem = self._modem.files, self._modem
        if files.read(name) is not None:
            raise MeFault(_EXISTS)

        def typed(data: bytes | None) -> None:
            got = bytes(mode.data) if data is None else data
            if not files.write(name, got):
                modem.fail(MeFault(423))
                return
            line = f"+QFUPL: {len(got)},{check(got):x}"
            modem.complete(Reply([line], final="OK" if data is not None else f"+CME ERROR: {_TIMEOUT}"))

        mode = DataMode(size, size, typed, "\r\nCONNECT\r\n")
        return Reply(prompt=mode)

    def _qflst(self, command: Command) -> Reply:
        files = self._modem.files
        wanted = plain(command.string(0, 80, default="*")) if command.op == "set" else "*"
        names = files.names() if wanted in ("*", "") else [name for name in files.names() if name == wanted]
        if not names and wanted not in ("*", ""):
            raise MeFault(_NOT_FOUND)
        return Reply([f'+QFLST: "UFS:{name}",{len(files.read(name) or b"")}' for name in names])

    def _qfdel(self, command: Command) -> Reply:
        files, wanted = self._modem.files, plain(command.string(0, 80))
        doomed = files.names() if wanted == "*" else [wanted]
        if not all(files.delete(name) for name in list(doomed)):
            raise MeFault(_NOT_FOUND)
        return Reply()


def plain(name: str) -> str:
    """A name without the word for the file system."""
    return "" if name.upper() == "UFS" else name[4:] if name.upper().startswith("UFS:") else name
