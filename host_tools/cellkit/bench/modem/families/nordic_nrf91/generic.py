"""#X commands that are neither sockets nor clients: versions, sleep, reset, DNS, ping, SMS, FOTA, cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.cmux import Cmux
from cellkit.bench.modem.engines.sms import Message
from cellkit.bench.modem.families._clients import done, shown
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.nordic_nrf91 import Module

_DFU_BYTES = 294912
_STEPS = (0, 25, 50, 75, 100)


class GenericCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self._downloaded = False

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        more = self._modem.config.identity.more
        version = shown(f"#X{more['name']}VER: {more['versions']}")
        return {
            f"#X{more['name']}VER": version, "#XCLAC": self._xclac, "#XSLEEP": self._xsleep, "#XRESET": self._xreset,
            "#XSHUTDOWN": self._xshutdown, "#XMODEMRESET": self._xmodemreset,
            "#XUUID": shown("#XUUID: 50503041-3633-4261-803d-1e2b8f70111a"), "#XSLMUART": self._xslmuart,
            "#XGETADDRINFO": self._xgetaddrinfo, "#XPING": self._xping, "#XSMS": self._xsms, "#XFOTA": self._xfota,
            "#XCMUX": self._xcmux, "#XCMUXCLD": self._xcmuxcld, "#XBOOTINFO": self._xbootinfo,
            "#XDATACTRL": self._xdatactrl, "#XCARRIER": done, "#XGPIOCFG": done, "#XGPIO": done, "#XLOG": done,
            "#XTRACE": done,
        }  # fmt: skip

    def _xclac(self, command: Command) -> Reply:
        return Reply([f"AT{name}" for name in self._modem.dialect.handlers if name.startswith("#X")])

    def _xslmuart(self, command: Command) -> Reply:
        return Reply(["#XSLMUART: 115200,0"] if command.op == "read" else [])

    def _xdatactrl(self, command: Command) -> Reply:
        return Reply(["#XDATACTRL: 50"] if command.op == "read" else [])

    def _xcmux(self, command: Command) -> Reply:
        """The multiplexer, by its own command up to Serial Modem 1: one AT channel."""
        if command.op == "read":
            return Reply(["#XCMUX: 1,1"])
        command.integer(0, 1, 1, default=1)
        return Reply(after=self._multiplexer.start)

    def _xcmuxcld(self, command: Command) -> Reply:
        return Reply(after=self._multiplexer.stop)

    @property
    def _multiplexer(self) -> Cmux:
        mux = self._modem.mux
        assert isinstance(mux, Cmux)
        return mux

    def _xbootinfo(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["#XBOOTINFO: (0,1)"])
        return Reply([f"#XBOOTINFO: {1 - command.integer(0, 0, 1)}"])

    # Power

    def _xsleep(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(["#XSLEEP: (1,2)"])
        mode = command.integer(0, 1, 2)

        def sleep() -> None:
            if mode == 1:
                modem.store_profile()
                modem.ue.stop()
            modem.asleep = mode

        return Reply(after=sleep)

    def _xreset(self, command: Command) -> Reply:
        def restart() -> None:
            self._modem.reset("AT#XRESET")
            self._activated()

        return Reply(after=lambda: self._modem.later(0.1, restart))

    def _activated(self) -> None:
        if self._downloaded:
            self._downloaded = False
            boot_s = self._modem.config.timing.boot_s.value
            self._modem.later(boot_s + 1.0, self._modem.urc, "#XFOTA: 5,0")

    def _xshutdown(self, command: Command) -> Reply:
        return Reply(after=lambda: self._modem.later(0.1, self._modem.power.shut_down))

    def _xmodemreset(self, command: Command) -> Reply:
        modem = self._modem
        modem.ue.stop()
        modem.settings.nvram["CFUN"] = 0
        modem.store_profile()
        first = ["#XFOTA: 5,0"] if self._downloaded else []
        self._downloaded = False
        return Reply([*first, "#XMODEMRESET: 0"])

    # Network

    def _xgetaddrinfo(self, command: Command) -> Reply | None:
        if command.op == "test":
            return Reply(["#XGETADDRINFO: <hostname>,<address_family>"])
        modem = self._modem

        def found(ip: str | None) -> None:
            if ip is None:
                modem.complete(Reply(['#XGETADDRINFO: "DNS request failed: -2"'], final="ERROR"))
            else:
                modem.complete(Reply([f'#XGETADDRINFO: "{ip}"']))

        modem.links.lookup(command.string(0, 128), found)
        return None

    def _xping(self, command: Command) -> Reply:
        modem, host = self._modem, command.string(0, 128)
        command.integer(1, 0, 65535)
        limit_ms, count = command.integer(2, 1, 1 << 20), command.integer(3, 1, 100, default=1)
        pause_s = command.integer(4, 1, 1 << 20, default=1000) / 1000

        def found(ip: str | None) -> None:
            if ip is None:
                return
            lost = modem.faults.ping_lost
            times = [0.5 + 0.01 * index for index in range(count)]
            for index, seconds in enumerate(times):
                line = "#XPING: timeout" if lost else f"#XPING: {seconds:.3f} seconds"
                modem.later(pause_s * index + (limit_ms / 1000 if lost else seconds), modem.urc, line)
            if count > 1 and not lost:
                average = sum(times) / count
                modem.later(pause_s * count, modem.urc, f"#XPING: average {average:.3f} seconds")

        return Reply(after=lambda: modem.links.lookup(host, found))

    def _xsms(self, command: Command) -> Reply | None:
        modem, store = self._modem, self._modem.messages.store
        if command.op == "test":
            return Reply(["#XSMS: (0,1,2),<number>,<text>"])
        op = command.integer(0, 0, 2)
        if op == 1:
            store.on_message = self._message
            return Reply()
        if op == 0:
            return Reply()

        def sent(reference: int | None) -> None:
            modem.complete(Reply(final="OK" if reference is not None else "ERROR"))

        store.submit(command.string(1, 24), command.string(2, 1000), sent)
        return None

    def _message(self, message: Message) -> bool:
        hours, quarters = divmod(abs(message.quarters), 4)
        sign = "-" if message.quarters < 0 else "+"
        stamp = f"{message.time:%y-%m-%d %H:%M:%S} UTC{sign}{hours:02}:{15 * quarters:02}"
        self._modem.urc(f'#XSMS: "{stamp}","{message.number}","{message.text}"')
        return True

    def _xfota(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(["#XFOTA: (0,1,2,3,5,7,9),<file_url>,<sec_tag>,<pdn_id>"])
        op = command.integer(0, 0, 9)
        if op == 7:
            return Reply([f"#XFOTA: {_DFU_BYTES},0"])
        if op in (0, 9):
            return Reply()
        command.string(1, 500)
        if not modem.ue.registered:
            raise SyntaxFault

        def download() -> None:
            for index, percent in enumerate(_STEPS):
                modem.later(2.0 * index + 0.5, modem.urc, f"#XFOTA: 1,0,{percent}")
            modem.later(2.0 * len(_STEPS), self._loaded)

        return Reply(after=download)

    def _loaded(self) -> None:
        self._downloaded = True
        self._modem.urc("#XFOTA: 4,0")
