"""A SIMCom module for NB-IoT or Cat-M: what SIM7020 and SIM7080 share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cellkit.bench.modem.families._clients import ClientsModem
from cellkit.bench.modem.families._clients.noted import Noted, noted_handlers
from cellkit.bench.modem.family import Dialect, Handler, Reply
from cellkit.bench.modem.v250 import Command, SyntaxFault

COMMON: dict[str, Noted] = {
    "+CGAUTH": Noted(""), "+CSCLK": Noted("0", "(0-2)"), "+CSGS": Noted("1", "(0-2)"),
    "+CSCS": Noted('"IRA"', '("IRA","GSM","UCS2")', False), "+CGEREP": Noted("0,0", "(0-2),(0,1)"),
    "+CFGRI": Noted("0", "(0,1)"), "+ICF": Noted("3,3", "(1-3),(0-3)"), "+CGTFT": Noted(""), "+CGQREQ": Noted(""),
    "+CGQMIN": Noted(""), "+CGEQREQ": Noted(""), "+CNETLIGHT": Noted("1", "(0,1)"), "+CLPORT": Noted("TCP: 0"),
    "+CIPCCFG": Noted("5,2,1024,1,0,1460,50"),
    "+CIPATS": Noted("0", "(0,1)"), "+CIPSGTXT": Noted("0"), "+CIPCSGP": Noted('1,"CMNET","",""'),
    "+CLIP": Noted("0,0"),
    "+CRC": Noted("0"), "+CRSM": Noted(None),
}  # fmt: skip


def digits(command: Command, index: int, low: int, high: int, default: int | None = None) -> int:
    """A number that may stand in quotes. Raises SyntaxFault."""
    text = command.string(index, 10, default=None if default is None else str(default))
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SyntaxFault
    return int(text)


def number_of(text: str, default: int = 0) -> int:
    """A stored text as a number."""
    return int(text) if text.isascii() and text.isdigit() else default


class LpwaModem(ClientsModem):
    """Class attributes say what differs between the families; `parts` are what `handlers()` come from."""

    noted: Mapping[str, Noted] = {}
    profile: tuple[str, ...] = ("E", "CMEE", "CREG", "CGREG", "CEREG")
    """Settings that a restart takes back to what AT&W has stored."""
    powers_off = "NORMAL POWER DOWN"
    parts: list[Any]

    def _make_dialect(self) -> Dialect:
        self.parts = []
        self.saying_goodbye = False
        dialect = super()._make_dialect()
        dialect.nvram["noted"], dialect.ram["noted"] = {}, {}
        self._stored: dict[str, Any] = {}
        self.at_reset.append(self._restore)
        return dialect

    def booted(self, cause: str) -> None:
        """The first start finds what was stored before."""
        if not self._stored:
            self._store()
        super().booted(cause)

    def _store(self) -> None:
        self._stored = {key: self.settings.nvram[key] for key in self.profile}

    def _restore(self) -> None:
        self.settings.nvram.update(self._stored)

    def commands(self) -> dict[str, Handler]:
        """Noted settings and what all have; a family adds its own over it."""
        found = noted_handlers(self, {**COMMON, **self.noted})
        found.update({
            "+GCAP": self.shows("+GCAP: +CGSM"), "+GOI": self.shows(self.config.identity.model),
            "+CPAS": self.shows("+CPAS: 0"), "+CEER": self.shows("+CEER: No cause information available"),
            "&W": self._save, "+CPOWD": self._cpowd, "+CRESET": self._restarts, "+CREBOOT": self._restarts,
            "+CCID": self._ccid, "+ICCID": self._ccid,
        })  # fmt: skip
        for part in self.parts:
            found.update(part.handlers())
        return found

    def shows(self, *lines: str) -> Handler:
        """A command that is only asked for."""
        return lambda command: self.standard.told(command, *lines)

    def noted_value(self, name: str, lasting: bool = True) -> str:
        """What a noted setting has been set to, or its factory value."""
        store: dict[str, str] = (self.settings.nvram if lasting else self.settings.ram)["noted"]
        return store.get(name, self.noted[name].value or "")

    # Off and again

    def _save(self, command: Command) -> Reply:
        self._store()
        return Reply()

    def _cpowd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CPOWD: (0,1)"])
        normal = command.integer(0, 0, 1)
        self.saying_goodbye = True
        return Reply([self.powers_off] if normal else [], final="", after=lambda: self.later(0.5, self.power.shut_down))

    def switched_off(self) -> None:
        """By the key; a command has said it already."""
        if not self.saying_goodbye:
            self.urc(self.powers_off)
        self.saying_goodbye = False

    def _restarts(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        return Reply(after=lambda: self.later(0.3, self.reset, command.name))

    def _ccid(self, command: Command) -> Reply:
        return self.standard.told(command, self.sim.iccid)

    # For parts

    def told(self, delay_s: float, text: str) -> Callable[[], object]:
        """Something to do behind a final: `text` comes as a URC after `delay_s`."""
        return lambda: self.later(delay_s, self.urc, text)

    def online(self) -> None:
        """Raises SyntaxFault without a bearer."""
        if not (self.ue.registered and self.ue.grant.ip):
            raise SyntaxFault
