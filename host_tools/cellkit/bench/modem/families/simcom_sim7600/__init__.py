"""SIMCom SIM7600 (Cat.1 to 4), and SIM767X (Cat.1bis) where its data say so.

Sources: SIM7600 AT manual V3.00, TTS note V3.00, SIM767XX AT manual V1.06, logs of SIM7600G, SIM7600E-H and SIM7670G.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cellkit.bench.modem.cmux import Cmux
from cellkit.bench.modem.families._simcom.cat1 import Cat1Modem, Cat1Standard, Mux
from cellkit.bench.modem.family import Handler, Reply, Traits
from cellkit.bench.modem.recipes import ALWAYS_AWAKE
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, SyntaxFault


class _Mux(Mux):
    """SIM7600: as the A76xx."""

    sends_msc = False
    shown = (0, 0, 5, 1500, 0, 0, 600)


class _Mux767(_Mux):
    """SIM767X: each UA of an AT channel comes twice, and the channel says that it is there (hex log of a SIM7670G)."""

    answers = 2
    greeting = b"\r\nQCRDY\r\n"
    frame_bytes = 64
    shown = (0, 0, 5, 64, 0, 0, 0)

    def _opened(self, channel: int) -> None:
        first = not self._open
        greeting, self.greeting = self.greeting, self.greeting if first else b""
        super()._opened(channel)
        self.greeting = greeting


class Module(Cat1Modem):
    """SIM7600E."""

    traits = Traits(banner=((0.0, "RDY"), (2.0, "+CPIN: READY"), (6.0, "SMS DONE"), (8.0, "PB DONE")))
    recipe = replace(ALWAYS_AWAKE, light=True, key_off_s=2.5, off_s=2.0)

    @property
    def bis(self) -> bool:
        """Whether it is of the SIM767X line."""
        return self.config.identity.more.get("line") == "767x"

    def make_quirks(self) -> None:
        """Where it differs from the A76xx."""
        self.cip_part.ipaddr_prefix = "+IP ERROR"
        self.mqtt_part.start_first = True
        self.http_part.data_header = True
        self.services.bare_tts = False
        self.services.call_reports = not self.bis

    def make_standard(self) -> Standard:
        """With other ends of lines."""
        standard = Cat1Standard(self)
        standard.context_end = ",0,0"
        return standard

    def make_cmux(self) -> Cmux:
        """By line."""
        return _Mux767(self) if self.bis else _Mux(self)

    def commands(self) -> Mapping[str, Handler | None]:
        """GNSS by CGPS, FOTA of its own, the dump of settings."""
        own: dict[str, Handler | None] = {
            "+CGPS": self._cgps, "&V": self._dump, "+NETACT": self._netact, "+COTA": self.agreed,
            "+CDELTA": self.agreed, "+CUSBPIDSWITCH": self.agreed, "+CUSBADB": self.agreed,
            "+CGPSINFOCFG": self.agreed,
        }  # fmt: skip
        if self.bis:
            own |= {"+CTTS": None, "+CTTSPARAM": None, "+CLBS": None, "+CEDRXS": self.standard.handlers()["+CEDRXS"],
                    "+CEDRXRDP": self.standard.handlers()["+CEDRXRDP"]}  # fmt: skip
        return {**super().commands(), **own}

    def cell_figures(self) -> str:
        """RSRQ, RSRP, RSSI in tenths of decibels below zero, SINR; a SIM767X has whole ones."""
        cell, scale = self.network.config.cell, 1 if self.bis else 10
        return f"{cell.rsrq_db * scale:.0f},{cell.rsrp_dbm * scale},{cell.rssi_dbm * scale},{cell.sinr_db}"

    def _cgps(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CGPS: (0-1),(1-3)"])
        if command.op == "read":
            return Reply([f"+CGPS: {int(self.gnss.on)},1"])
        on = command.integer(0, 0, 1)
        if on == self.gnss.on:
            raise SyntaxFault
        if on:
            self.gnss.start()
            return Reply()
        self.gnss.stop()
        return self.behind("+CGPS: 0", 1.0)

    def _netact(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+NETACT: (0-1)"])
        return Reply([f"+NETACT: {int(self.ue.registered)}"]) if command.op == "read" else Reply()

    def _dump(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        rate, cereg = nvram["IPR"], nvram["CEREG"] or int(self.bis)
        return Reply([
            f"&F: 0; &W: 0; E: {nvram['E']}; Q: 0; &C: 1; &D: 0; V: 1; Z: 0; +IPR: {rate}; +IPREX: {rate}; +CSCS: IRA;",
            f"+CREG: {nvram['CREG']}; +CEREG: {cereg}; +CSMP: 17, 167, 0, 241; +CGEREP: (1,0); +CMEE: {nvram['CMEE']}; "
            f"+CFUN: {nvram['CFUN']};",
        ])  # fmt: skip
