"""AT+FS…: the file system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import DataMode, Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.luat_air780e import Module

_NOT_FOUND, _EXISTS = 53, 54


class FileCommands:
    """Handlers bound to one modem. Folders are names that end with `/`."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._folders: list[str] = []

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "+FSMKDIR": self._mkdir, "+FSRMDIR": self._rmdir, "+FSCREATE": self._create, "+FSLS": self._ls,
            "+FSWRITE": self._write, "+FSREAD": self._read, "+FSREADHEAD": self._read,
            "+FSFLSIZE": self._size, "+FSDEL": self._delete,
            "+FSMEM": self._mem, "+FSDRIVE": lambda command: Reply(["+FSDRIVE: C"]),
        }  # fmt: skip

    def _mkdir(self, command: Command) -> Reply:
        name = command.string(0, 100).rstrip("/")
        if name in self._folders:
            raise MeFault(_EXISTS)
        self._folders.append(name)
        return Reply()

    def _rmdir(self, command: Command) -> Reply:
        name = command.string(0, 100).rstrip("/")
        if name not in self._folders:
            raise MeFault(_NOT_FOUND)
        self._folders.remove(name)
        return Reply()

    def _create(self, command: Command) -> Reply:
        self._modem.files.write(command.string(0, 100), b"")
        return Reply()

    def _ls(self, command: Command) -> Reply:
        folder = command.string(0, 100, default="/").rstrip("/") + "/" if command.op == "set" else "/"
        names = [name[len(folder):] for name in self._modem.files.names() if name.startswith(folder)]
        names += [name[len(folder):] + "\\" for name in self._folders if name.startswith(folder)]
        return Reply([name for name in names if "/" not in name])

    def _write(self, command: Command) -> Reply:
        name, mode = command.string(0, 100), command.integer(1, 0, 1)
        size = command.integer(2, 1, 1 << 16)
        before = self._modem.files.read(name)
        if before is None:
            raise MeFault(_NOT_FOUND)

        def typed(data: bytes | None) -> None:
            if data is None or not self._modem.files.write(name, (before if mode else b"") + data):
                self._modem.fail(MeFault(_NOT_FOUND))
            else:
                self._modem.complete(Reply())

        return Reply(prompt=DataMode(size, size, typed))

    def _content(self, command: Command) -> bytes:
        data = self._modem.files.read(command.string(0, 100))
        if data is None:
            raise MeFault(_NOT_FOUND)
        return data

    def _read(self, command: Command) -> Reply:
        data = self._content(command)
        start = command.integer(3, 0, 1 << 16, default=0) if command.integer(1, 0, 1, default=0) else 0
        return Reply([data[start:start + command.integer(2, 1, 1 << 16, default=1 << 16)].decode("latin-1")])

    def _size(self, command: Command) -> Reply:
        return Reply([f"+FSFLSIZE: {len(self._content(command))}"])

    def _delete(self, command: Command) -> Reply:
        if not self._modem.files.delete(command.string(0, 100)):
            raise MeFault(_NOT_FOUND)
        return Reply()

    def _mem(self, command: Command) -> Reply:
        free = self._modem.files.size_bytes - self._modem.files.used_bytes
        return Reply([f"+FSMEM: {free} bytes"], final="")  # no result in the log of an Air780E
