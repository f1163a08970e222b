"""u-blox SARA-R410M, SARA-R422, SARA-R510S. Sources: SARA-R4 AT manual UBX-17003787 R09 to R22, SARA-R5 and R4 logs,
system integration manuals, driver notes (ubxlib)."""

from __future__ import annotations

from dataclasses import replace

from cellkit.bench import timers
from cellkit.bench.modem.families._clients import done, shown
from cellkit.bench.modem.families._clients.standard import ClientsStandard
from cellkit.bench.modem.families._ublox.base import UbloxModem
from cellkit.bench.modem.families.ublox_sara_r.queries import QueryCommands
from cellkit.bench.modem.family import Dialect, Handler, Reply, Traits
from cellkit.bench.modem.recipes import POWERS_DOWN
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.standard_dial import DialCommands
from cellkit.bench.modem.v250 import Command, MeFault

_NOT_ALLOWED = 3
_CONNECT = "CONNECT 150000000"  # log of a SARA-R410M
_GSM_FRAME_S = 0.004615
_R4_UPSV_S = 6.0  # UPSV=4 of R4: a fixed time
_NOT_COORDINATED = 0b100  # UPSMVER: deep sleep without the network's consent is forbidden (driver notes)


class _Standard(ClientsStandard):
    """Layouts: +CEREG of R41x-02B has one field more, +CGREG shows its area only, long contexts."""

    modem: Module

    def __init__(self, modem: Module) -> None:
        super().__init__(modem)
        self.reset_levels = (15,) if modem.r4 else (15, 16)
        self.function_modes = "(0,1,4,15),(0-1)" if modem.r4 else "(0,1,4,15,16,19,126,127),(0-1)"

    def card_ready(self) -> None:
        """Nothing is said of the card."""

    def registration_modes(self, name: str) -> str:
        return ("(0-4)" if self.modem.r4 else "(0-5)") if name == "CEREG" else "(0-2)"

    def registration_fields(self, name: str, n: int, unsolicited: bool) -> list[object]:
        cell = self.modem.network.config.cell
        if name != "CEREG":
            if n < 2 or not self.modem.ue.registered:
                return []
            area: list[object] = [f'"{cell.tac}"', f'"{cell.ci}"']
            if name == "CREG":
                return [*area, self.modem.act]
            return area if unsolicited else [*area, self.modem.act, '"01"']
        fields = super().registration_fields(name, n, unsolicited)
        if n == 4 and fields and self.modem.r410:
            fields.insert(1, f'"{cell.tac[-2:]}"')
        return fields

    def cell_fields(self, name: str) -> list[object]:
        cell = self.modem.network.config.cell
        return [f'"{cell.tac.lower()}"', f'"{cell.ci.lower():0>8}"', self.modem.act]

    def context_line(self, cid: int, kind: str, apn: str, ip: str) -> str:
        shown_ip = ip if cid == self.modem.cid and ip else "0.0.0.0"
        zeros = [0] * 4 if self.modem.r4 else [0, 0, 0, 2, 0, 0, 0, 0, 0, 0]
        return self.line("+CGDCONT", cid, f'"{kind}"', f'"{apn}"', f'"{shown_ip}"', *zeros)

    def cgcontrdp(self, command: Command) -> Reply:
        reply = super().cgcontrdp(command)
        return Reply([f'{line},"10.0.0.1","8.8.8.8","8.8.4.4"' for line in reply.lines])

    def edrx_lines(self) -> list[str]:
        """R4 leaves out an AcT without eDRX, so that R422 has an empty line; R5 shows both."""
        edrx, act = self.modem.settings.nvram["CEDRXS"], self.modem.edrx_act
        cycles = {4: "0000", 5: "0000", act: edrx["cycle"]} if edrx["mode"] else {4: "0000", 5: "0000"}
        lines = [f'+CEDRXS: {key},"{bits}"' for key, bits in cycles.items() if bits != "0000" or not self.modem.r4]
        return lines or (["+CEDRXS:"] if self.modem.r422 else [])

    def _cedrxs(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CEDRXS: (0-3),(4,5),("0000"-"1111")'])
        if command.op == "read":
            return Reply(self.edrx_lines())
        if self.modem.r4 and self.modem.ue.connected:
            raise MeFault(_NOT_ALLOWED)
        other = command.given(1) and command.integer(1, 4, 5) != self.edrx_act
        return Reply() if other else super()._cedrxs(command)

    def _cpsms(self, command: Command) -> Reply:
        modem, nvram = self.modem, self.modem.settings.nvram
        if command.op == "test":
            return Reply(['+CPSMS: (0,1,2),,,("00000000"-"11111111"),("00000000"-"11111111")'])
        if command.op == "read":
            psm = nvram["CPSMS"]
            if modem.r422 and not psm["mode"]:  # as logged
                return Reply(['+CPSMS:0,"01100000","00000000",,"00000000"'])
            tau, active = _recoded(psm["t3412"]), psm["t3324"]
            if modem.r4 and not psm["mode"]:
                tau, active = "01100000", "00000000"
            return Reply([f'+CPSMS: {psm["mode"]},,,"{tau}","{active}"'])
        if command.op == "set" and not command.given(0):
            nvram["CPSMS"] = {"mode": 0, "t3412": "00011000", "t3324": "00001010"}
            return Reply(after=self._psm_set)
        reply = super()._cpsms(command)
        return Reply(after=self._psm_set) if reply.after is not None else reply

    def _psm_set(self) -> None:
        """R4 takes its new timers over at the next start or registration; R5 asks for them at once."""
        if not self.modem.r4:
            self.request_changed()


def _recoded(bits: str) -> str:
    """A TAU as R4 shows it: in the smallest of the units 2 s, 30 s, 1 min that holds it."""
    seconds = timers.decode_t3412(bits)
    for unit, size_s in ((0b011, 2), (0b100, 30), (0b101, 60)):
        if seconds and seconds % size_s == 0 and seconds // size_s <= 31:
            return f"{unit:03b}{seconds // size_s:05b}"
    return bits


class Module(UbloxModem):
    """SARA-R410M by default. No banner: whoever wants to know polls AT."""

    traits = Traits(case_of_error=True)
    recipe = replace(POWERS_DOWN, boot_banner=False, key_off_s=2.0)
    edrx_act = 4
    lasting = {
        "CMEE": 0, "UPSV": (0, 2000), "UPSMR": 0, "UPSMVER": 0, "UMNOPROF": 100, "URAT": "7", "UDCONF1": 0, "UPSD": "",
    }
    error_texts = {3: "operation not allowed", 4: "operation not supported"}

    def _make_dialect(self) -> Dialect:
        self.queries = QueryCommands(self)
        self._active = False  # the packet switched profile of R5
        self._own_psm = False
        self.dialling = DialCommands(self)
        return super()._make_dialect()

    def make_standard(self) -> Standard:
        """Layouts of its own."""
        return _Standard(self)

    @property
    def act(self) -> int:  # type: ignore[override]
        """7 LTE-M, 9 NB-IoT, by the RAT chosen."""
        return 9 if str(self.settings.at_boot["URAT"]).startswith("8") else 7

    def commands(self) -> dict[str, Handler]:
        """Over those of all u-blox modules."""
        found = {**super().commands(), **self.queries.handlers(), "+CPWROFF": self._cpwroff, "+UFACTORY": done}
        if self.r4:
            found |= {"+UPSMVER": self._upsmver}
        else:
            found |= {"+UPSD": self._upsd, "+UPSDA": self._upsda, "+UPSND": self._upsnd}
        if self.r410:
            found |= {"D": self._dial}
        return {**found, "+UPSV": self._upsv, "+UPSMR": self._upsmr, "+UCPSMS": self._ucpsms, "+ULGASP": shown("OK")}

    def _dial(self, command: Command) -> Reply:
        """R410 tells the rate of its link."""
        reply = self.dialling.handlers()["D"](command) or Reply()
        if reply.final == "CONNECT":
            reply.final = _CONNECT
        return reply

    def bearer_up(self) -> bool:
        """R5 needs its profile besides the attach bearer."""
        return super().bearer_up() and (self.r4 or self._active)

    # Power

    def sleep_lock_s(self) -> float:
        """R4 waits 6 s without AT traffic before deep sleep, or as UPSV says."""
        mode, frames = self.settings.nvram["UPSV"]
        return frames * _GSM_FRAME_S if mode == 1 else _R4_UPSV_S

    def sleep_mode(self) -> int:
        """PSM is power-down; the UART naps with UPSV."""
        if self.ue.psm and not self.sim.locks:
            return 1
        return 2 if self.settings.nvram["UPSV"][0] else 0

    def wake_loses(self) -> int | None:
        """A nap of the UART costs the character that ends it."""
        return 1

    def lost_memory(self) -> None:
        """Hex mode outlives a reset on R5-01B only."""
        self._active = False
        if self.r4:
            self.settings.nvram["UDCONF1"] = 0
        super().lost_memory()

    def _cpwroff(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        return Reply(after=lambda: self.later(2.0, self.power.shut_down))

    def _upsv(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(["+UPSV: (0,4)" if self.r4 else "+UPSV: (0-4),(40-65000)"])
        if command.op == "read":
            mode, frames = nvram["UPSV"]
            return Reply([f"+UPSV: {mode},{frames}" if mode in (1, 4) and not self.r4 else f"+UPSV: {mode}"])
        mode = command.integer(0, 0, 4)
        if self.r4 and mode not in (0, 4):
            raise MeFault(_NOT_ALLOWED)
        nvram["UPSV"] = (mode, command.integer(1, 40, 65000, default=2000))
        return Reply()

    def _upsmr(self, command: Command) -> Reply:
        return self.standard.number(command, "UPSMR", 0, 1) if command.op != "test" else Reply(["+UPSMR: (0-1)"])

    def _upsmver(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UPSMVER: (0-15)"])
        return self.standard.number(command, "UPSMVER", 0, 15)

    def _ucpsms(self, command: Command) -> Reply:
        grant = self.ue.grant
        if command.op == "test" or not (grant.t3324 and grant.t3412) or self._own_psm:
            return Reply(["+UCPSMS: 0,,,,"] if command.op == "read" else [])
        return Reply([f'+UCPSMS: 1,,,"{grant.t3412}","{grant.t3324}",0'])

    def psm_changed(self) -> None:
        """+UUPSMR: 1 before it goes, 0 when it is back."""
        if self.settings.nvram["UPSMR"]:
            self.urc(f"+UUPSMR: {int(self.ue.psm)}")

    def woke(self, how: str) -> None:
        """A boot without a banner."""
        if self.settings.nvram["UPSMR"]:
            self.urc("+UUPSMR: 0")
        super().woke(how)

    def registration_changed(self) -> None:
        """An R4 that asked for PSM and was refused goes to sleep by timers of its own, unless UPSMVER forbids it."""
        grant, psm = self.ue.grant, self.settings.nvram["CPSMS"]
        if self.ue.registered and not self._own_psm:
            refused = psm["mode"] == 1 and grant.t3324 is None
            if self.r4 and refused and not self.settings.nvram["UPSMVER"] & _NOT_COORDINATED:
                self._own_psm = True
                self.ue.grant = replace(grant, t3324=psm["t3324"], t3412=psm["t3412"])
        elif not self.ue.registered:
            self._own_psm = self._active = False
        super().registration_changed()

    # The profile of R5

    def _upsd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UPSD: (0-6),(0-19,100,101)"])
        number, what = command.integer(0, 0, 6), command.integer(1, 0, 101)
        if len(command.args) == 2:
            return Reply([f"+UPSD: {number},{what},{1 if what == 100 else 0}"])
        return Reply()

    def _upsda(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UPSDA: (0-6),(0-4)"])
        number, action = command.integer(0, 0, 6), command.integer(1, 0, 4)
        if action == 3:
            if not super().bearer_up() or self._active:
                raise MeFault(_NOT_ALLOWED)
            self._active = True
            return Reply(after=lambda: self.later(0.5, self.urc, f'+UUPSDA: 0,"{self.ue.grant.ip}"'))
        if action == 4:
            if not self._active:
                raise MeFault(_NOT_ALLOWED)
            self._active = False
            return Reply(after=lambda: self.later(0.2, self.urc, f"+UUPSDD: {number}"))
        return Reply()

    def _upsnd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+UPSND: (0-6),(0-20)"])
        number, what = command.integer(0, 0, 6), command.integer(1, 0, 20)
        values: dict[int, object] = {0: f'"{self.ue.grant.ip if self._active else "0.0.0.0"}"', 8: int(self._active)}
        return Reply([f"+UPSND: {number},{what},{values.get(what, 0)}"])
