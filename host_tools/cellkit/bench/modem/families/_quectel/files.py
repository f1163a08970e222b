"""AT+QF…, AT+QFOTADL: files, as far as certificates and downloads need them. Source: EG800K logs, BG96 manuals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._quectel.base import QuectelModem

_NOT_FOUND, _NO_SPACE = 405, 423


class FileCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: QuectelModem) -> None:
        self._modem = modem
        self._handles: dict[int, tuple[str, int]] = {}
        self.steps = {"UPDATING": 3, "RESTORE": 3}
        """How many lines of progress each phase of an update tells of."""

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+QFUPL": self._qfupl, "+QFLST": self._qflst, "+QFDEL": self._qfdel, "+QFLDS": self._qflds,
            "+QFDWL": self._qfdwl, "+QFOTADL": self._qfotadl, "+QFOPEN": self._qfopen, "+QFREAD": self._qfread,
            "+QFCLOSE": lambda command: Reply(),
        }  # fmt: skip

    def _qfupl(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QFUPL: <filename>[,(1-<freesize>)[,(1-65535)[,(0,1)]]]"])
        name, size = command.string(0, 80), command.integer(1, 1, 1 << 20, default=10240)

        def typed(data: bytes | None) -> None:
            if data is None or not self._modem.files.write(name, data):
                self._modem.fail(MeFault(_NO_SPACE))
            else:
                self._modem.complete(Reply([f"+QFUPL: {len(data)},{check(data):x}"]))

        return Reply(prompt=DataMode(size, size, typed, "\r\nCONNECT\r\n"))

    def _qflst(self, command: Command) -> Reply:
        files = self._modem.files
        wanted = command.string(0, 80, default="*") if command.op == "set" else "*"
        names = files.names() if wanted in ("*", "UFS", "UFS:*") else [n for n in files.names() if n == wanted]
        if not names and wanted not in ("*", "UFS", "UFS:*"):
            raise MeFault(_NOT_FOUND)
        return Reply([f'+QFLST: "{name}",{len(files.read(name) or b"")}' for name in names])

    def _qfdel(self, command: Command) -> Reply:
        if not self._modem.files.delete(command.string(0, 80)):
            raise MeFault(_NOT_FOUND)
        return Reply()

    def _qflds(self, command: Command) -> Reply:
        files = self._modem.files
        return Reply([f"+QFLDS: {files.size_bytes - files.used_bytes},{files.size_bytes}"])

    def _qfdwl(self, command: Command) -> Reply:
        data = self._modem.files.read(command.string(0, 80))
        if data is None:
            raise MeFault(_NOT_FOUND)
        return Reply(["CONNECT", data.decode("latin-1"), f"+QFDWL: {len(data)},{check(data):x}"])

    def _qfopen(self, command: Command) -> Reply:
        name = command.string(0, 80)
        if self._modem.files.read(name) is None:
            self._modem.files.write(name, b"")
        handle = len(self._handles) + 1
        self._handles[handle] = (name, 0)
        return Reply([f"+QFOPEN: {handle}"])

    def _qfread(self, command: Command) -> Reply:
        handle = command.integer(0, 1, 1 << 20)
        name, at = self._handles.get(handle, ("", 0))
        data = self._modem.files.read(name)
        if data is None:
            raise MeFault(_NOT_FOUND)
        piece = data[at:at + command.integer(1, 1, 1 << 20, default=len(data) or 1)]
        self._handles[handle] = (name, at + len(piece))
        return Reply([f"CONNECT {len(piece)}", piece.decode("latin-1")])

    def _qfotadl(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply()
        # The first word is misspelt by the firmware (DFOTA notes of BC26 and BG96).
        percents = {
            name: [f'"{name}", {100 * (n + 1) // count}%' for n in range(count)] for name, count in self.steps.items()
        }
        stages = ['"HTTPTART"', *percents.pop("DOWNLOADING", ()), '"HTTPEND",0']
        if command.raw == "1":  # from a file that is there
            stages = []
        stages += ['"START"', *(line for lines in percents.values() for line in lines), '"END",0']

        def begin() -> None:
            for number, stage in enumerate(stages):
                modem.later(1.0 + number, modem.urc, f'+QIND: "FOTA",{stage}')

        return Reply(after=begin)


def check(data: bytes) -> int:
    """The 16-bit XOR that QFUPL tells."""
    value = 0
    for at in range(0, len(data), 2):
        value ^= int.from_bytes(data[at:at + 2].ljust(2, b"\0"), "big")
    return value
