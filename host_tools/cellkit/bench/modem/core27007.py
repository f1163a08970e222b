"""Commands of 3GPP TS 27.007 that many families share in form: registration, timers, function, card, signal.

Where forms differ by module they are those of the BC660K-GL AT Commands Manual V1.4 and of real logs of that module.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.radio import Stat
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault
from cellkit.bench.network import Request

if TYPE_CHECKING:
    from cellkit.bench.modem.modem import Modem

_NOT_ALLOWED, _NO_SERVICE = 3, 30
_ACT_NB_S1 = 9
_CGATT_LIMIT_S = 70.0  # AT manual, CGATT: maximum response time
_CEDRXS_ACT = 5  # E-UTRAN, NB-S1 mode
PSM_FACTORY = {"mode": 0, "t3412": "01000001", "t3324": "00000101"}
EDRX_FACTORY = {"mode": 0, "cycle": "0011"}
CORE_NVRAM = {
    "E": 1,
    "CEREG": 0,
    "CSCON": 0,
    "CMEE": 1,
    "CFUN": 1,
    "CPSMS": PSM_FACTORY,
    "CEDRXS": EDRX_FACTORY,
    "COPS": {"mode": 0, "oper": ""},
    "CGDCONT": {},
}


def number_setting(modem: Modem, name: str, low: int, high: int) -> Handler:
    """Handler of a command that is one number in NVRAM: test, read and set."""

    def handler(command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"{name}: ({low}-{high})"])
        key = name.lstrip("+")
        if command.op == "read":
            return Reply([f"{name}: {modem.settings.nvram[key]}"])
        if command.op != "set" or len(command.args) != 1:
            raise SyntaxFault
        modem.settings.nvram[key] = command.integer(0, low, high)
        return Reply()

    return handler


class Core27007:
    """Handlers bound to one modem."""

    def __init__(self, modem: Modem) -> None:
        self._modem = modem
        self._attaching = False
        self._attach_attempt = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "E": self._echo,
            "+CEREG": self._cereg,
            "+CSCON": self._cscon,
            "+CMEE": number_setting(self._modem, "+CMEE", 0, 2),
            "+CFUN": self._cfun,
            "+CGATT": self._cgatt,
            "+COPS": self._cops,
            "+CPSMS": self._cpsms,
            "+CEDRXS": self._cedrxs,
            "+CEDRXRDP": self._cedrxrdp,
            "+CPIN": self._cpin,
            "+CPINR": self._cpinr,
            "+CIMI": self._cimi,
            "+CSQ": self._csq,
            "+CESQ": self._cesq,
            "+CGPADDR": self._cgpaddr,
            "+CGDCONT": self._cgdcont,
        }

    # Registration

    def registration_line(self, unsolicited: bool) -> str:
        """+CEREG in the form that <n> asks for; cause fields stay empty where there is no cause."""
        modem = self._modem
        n, ue, cell = modem.settings.nvram["CEREG"], modem.ue, modem.network.config.cell
        fields = [str(int(ue.stat))] if unsolicited else [str(n), str(int(ue.stat))]
        camped = ue.registered or (ue.stat is Stat.DENIED and ue.cause is not None)
        if n >= 2 and camped:
            fields += [f'"{cell.tac}"', f'"{cell.ci}"', str(_ACT_NB_S1)]
            cause = ["0", str(ue.cause)] if n in (3, 5) and ue.cause is not None else ["", ""]
            times = [ue.grant.t3324, ue.grant.t3412] if n >= 4 else [None, None]
            if any(times):
                fields += cause + ["" if bits is None else f'"{bits}"' for bits in times]
            elif any(cause):
                fields += cause
        return "+CEREG: " + ",".join(fields)

    def _cereg(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([self.registration_line(unsolicited=False)])
        return self._flag(command, "CEREG", 5, "(0-5)")

    def _cscon(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+CSCON: {self._modem.settings.nvram['CSCON']},{int(self._modem.ue.connected)}"])
        return self._flag(command, "CSCON", 1, "(0,1)")

    def _flag(self, command: Command, key: str, high: int, test: str) -> Reply:
        if command.op == "test":
            return Reply([f"+{key}: {test}"])
        if command.op != "set" or len(command.args) != 1:
            raise SyntaxFault
        self._modem.settings.nvram[key] = command.integer(0, 0, high)
        return Reply()

    def _echo(self, command: Command) -> Reply:
        self._modem.settings.nvram["E"] = command.integer(0, 0, 1, default=0)
        return Reply()

    # Function

    def _cfun(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply(["+CFUN: (0,1,4,),(0,1)"])
        if command.op == "read":
            return Reply([f"+CFUN: {modem.settings.nvram['CFUN']}"])
        level, restart = command.integer(0, 0, 4), command.integer(1, 0, 1, default=0)
        if command.op != "set" or level not in (0, 1, 4):
            raise SyntaxFault
        before = modem.settings.nvram["CFUN"]
        modem.settings.nvram["CFUN"] = level
        if restart:
            return Reply(after=lambda: modem.reset("AT+CFUN"))
        if level == before:
            return Reply()
        wait_s = modem.config.timing.cfun_s.value
        if level == 1:
            modem.later(wait_s, modem.complete, Reply(after=lambda: self.switch_on(from_minimum=before == 0)))
        else:
            if modem.ue.registered:
                wait_s += modem.network.radio.network.detach_s.value
            modem.ue.stop()
            modem.later(wait_s, modem.complete, Reply())
        return None

    def switch_on(self, from_minimum: bool) -> None:
        """Full functionality: power up the card, say what it asks for, and register if it may be used."""
        modem = self._modem
        if from_minimum:
            modem.sim.power_up()
        if modem.sim.present:
            modem.urc(f"+CPIN: {modem.sim.state}")
        self.register_if_possible()

    def register_if_possible(self) -> None:
        """Start the radio unless function level, card or a manual deregistration forbid it."""
        modem = self._modem
        if modem.settings.nvram["CFUN"] == 1 and modem.sim.ready and modem.settings.nvram["COPS"]["mode"] != 2:
            modem.ue.data_inactivity_s = modem.settings.nvram.get("DataInactTimer", modem.ue.data_inactivity_s)
            modem.ue.request = self.request()
            modem.ue.start()

    def _cgatt(self, command: Command) -> Reply | None:
        modem = self._modem
        if command.op == "test":
            return Reply(["+CGATT: (0,1)"])
        if command.op == "read":
            return Reply([f"+CGATT: {int(modem.ue.registered)}"])
        if command.op != "set":
            raise SyntaxFault
        wanted = command.integer(0, 0, 1)
        if wanted == modem.ue.registered:
            return Reply()
        modem.sim.require_ready()
        if modem.settings.nvram["CFUN"] != 1:
            raise MeFault(_NOT_ALLOWED)
        if not wanted:
            modem.ue.stop()
            modem.later(modem.network.radio.network.detach_s.value, modem.complete, Reply())
        else:
            self._attaching = True
            self._attach_attempt += 1
            modem.later(_CGATT_LIMIT_S, self._attach_too_long, self._attach_attempt)
            modem.ue.request = self.request()
            modem.ue.start()
        return None

    def attach_progressed(self) -> None:
        """Registration changed: an AT+CGATT=1 that waits for it may end."""
        if self._attaching and self._modem.ue.registered:
            self._attach_ended(True)
        elif self._attaching and self._modem.ue.stat is Stat.DENIED:
            self._attach_ended(False)

    def _attach_too_long(self, attempt: int) -> None:
        if attempt == self._attach_attempt:
            self._attach_ended(False)

    def _attach_ended(self, attached: bool) -> None:
        if self._attaching:
            self._attaching = False
            if attached:
                self._modem.complete(Reply())
            else:
                self._modem.fail(MeFault(_NO_SERVICE))

    def _cops(self, command: Command) -> Reply | None:
        modem = self._modem
        chosen, cell = modem.settings.nvram["COPS"], modem.network.config.cell
        if command.op == "test":
            found = f'({2 if modem.ue.registered else 1},"","","{cell.plmn}",{_ACT_NB_S1})' if modem.ue.covered else ""
            line = f"+COPS: {found},,(0-4),(0-2)"
            modem.later(modem.network.radio.network.operators_s.value, modem.complete, Reply([line]))
            return None
        if command.op == "read":
            mode = chosen["mode"]
            named = f',2,"{cell.plmn}",{_ACT_NB_S1}' if modem.ue.registered else ""
            return Reply([f"+COPS: {mode}{named}"])
        mode = command.integer(0, 0, 4)
        if command.op != "set" or (mode in (1, 4) and not command.given(2)):
            raise SyntaxFault
        if mode == 3:
            return Reply()
        modem.sim.require_ready()
        if modem.ue.connected:
            raise MeFault(_NOT_ALLOWED)  # AT manual, COPS note 2: only when idle or deregistered
        oper = command.string(2, 6, default="")
        if mode == 1 and oper != cell.plmn:
            raise MeFault(_NO_SERVICE)
        modem.settings.nvram["COPS"] = {"mode": mode, "oper": oper}
        if mode == 2:
            modem.ue.stop()
        else:
            self.register_if_possible()
        return Reply()

    # Power saving

    def request(self) -> Request:
        """What the settings make the device ask of the network."""
        psm, edrx = self._modem.settings.nvram["CPSMS"], self._modem.settings.nvram["CEDRXS"]
        request = Request()
        if psm["mode"] == 1:
            request.t3324, request.t3412 = psm["t3324"], psm["t3412"]
        if edrx["mode"] in (1, 2):
            request.edrx = edrx["cycle"]
        return request

    def request_changed(self) -> None:
        """Settings of power saving changed: the next request carries them, and one is sent if they differ."""
        request = self.request()
        if request != self._modem.ue.request:
            self._modem.ue.request = request
            self._modem.ue.renew()

    def _cpsms(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(['+CPSMS: (0-2),,,("00000000"-"11111111"),("00000000"-"11111111")'])
        if command.op == "read":
            psm = nvram["CPSMS"]
            return Reply([f'+CPSMS: {psm["mode"]},,,"{psm["t3412"]}","{psm["t3324"]}"'])
        mode = command.integer(0, 0, 2)
        if command.op != "set" or command.given(1) or command.given(2) or len(command.args) > 5:
            raise SyntaxFault
        tau, active = command.bits(3, 8), command.bits(4, 8)
        if mode == 2:
            nvram["CPSMS"] = dict(PSM_FACTORY)
        else:
            old = nvram["CPSMS"]
            nvram["CPSMS"] = {"mode": mode, "t3412": tau or old["t3412"], "t3324": active or old["t3324"]}
        return Reply(after=self.request_changed)

    def _cedrxs(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply([f'+CEDRXS: (0-3),({_CEDRXS_ACT}),("0000"-"1111")'])
        if command.op == "read":
            return Reply([f'+CEDRXS: {_CEDRXS_ACT},"{nvram["CEDRXS"]["cycle"]}"'])
        mode = command.integer(0, 0, 3)
        command.integer(1, _CEDRXS_ACT, _CEDRXS_ACT, default=_CEDRXS_ACT)
        if command.op != "set" or len(command.args) > 3:
            raise SyntaxFault
        self.set_edrx(mode, command.bits(2, 4))
        return Reply(after=self.request_changed)

    def set_edrx(self, mode: int, cycle: str | None) -> None:
        """Store a request for eDRX; mode 3 goes back to the factory's, no cycle keeps the one before."""
        nvram = self._modem.settings.nvram
        if mode == 3:
            nvram["CEDRXS"] = dict(EDRX_FACTORY)
        else:
            nvram["CEDRXS"] = {"mode": mode, "cycle": cycle or nvram["CEDRXS"]["cycle"]}

    def edrx_fields(self) -> str:
        """AcT-type with requested cycle, granted cycle and PTW, or `0` where the network uses no eDRX."""
        grant = self._modem.ue.grant
        if not self._modem.ue.registered or grant.edrx is None:
            return "0"
        asked = self._modem.settings.nvram["CEDRXS"]["cycle"]
        return f'{_CEDRXS_ACT},"{asked}","{grant.edrx}","{grant.ptw}"'

    def _cedrxrdp(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if command.op != "action":
            raise SyntaxFault
        return Reply([f"+CEDRXRDP: {self.edrx_fields()}"])

    # Card

    def _cpin(self, command: Command) -> Reply:
        sim = self._modem.sim
        if command.op == "test":
            return Reply()
        if self._modem.settings.nvram["CFUN"] == 0:
            raise MeFault(_NOT_ALLOWED)  # the card has no power at minimum functionality
        if command.op == "read":
            return Reply([f"+CPIN: {sim.state}"])
        if command.op != "set" or not 1 <= len(command.args) <= 2:
            raise SyntaxFault
        codes = [arg.text for arg in command.args]
        if not all(re.fullmatch(r"[0-9]{4,8}", code) for code in codes):
            raise SyntaxFault
        sim.enter(codes[0], codes[1] if len(codes) > 1 else None)
        return Reply(after=lambda: self.switch_on(from_minimum=False))

    def _cpinr(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        sim = self._modem.sim
        if not sim.present:
            raise MeFault(10)
        counts = {"SIM PIN": (sim.pin_tries, 3), "SIM PUK": (sim.puk_tries, 10)}
        wanted = command.string(0, 7, default="")
        if wanted and wanted not in counts:
            raise SyntaxFault
        return Reply(
            [f'+CPINR: "{code}",{left},{full}' for code, (left, full) in counts.items() if wanted in ("", code)]
        )

    def _cimi(self, command: Command) -> Reply:
        return Reply() if command.op == "test" else Reply([self._modem.sim.imsi])

    # Signal and address

    def _csq(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CSQ: (0-31,99),(0-7,99)"])
        if self._modem.faults.no_signal or not self._modem.ue.covered or not self._modem.ue.on:
            return Reply(["+CSQ: 99,99"])
        step = (self._modem.network.config.cell.rssi_dbm + 113) // 2
        return Reply([f"+CSQ: {min(max(step, 0), 31)},0"])

    def _cesq(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CESQ: (0-63,99),(0-7,99),(0-96,255),(0-49,255),(0-34,255),(0-97,255)"])
        if not self._modem.ue.covered or not self._modem.ue.on:
            return Reply(["+CESQ: 99,99,255,255,255,255"])
        cell = self._modem.network.config.cell
        rsrq = min(max(int((cell.rsrq_db + 20) * 2), 0), 34)
        rsrp = min(max(cell.rsrp_dbm + 141, 0), 97)
        return Reply([f"+CESQ: 99,99,255,255,{rsrq},{rsrp}"])

    def _cgpaddr(self, command: Command) -> Reply:
        defined = [0, *sorted(self._modem.settings.nvram["CGDCONT"])]
        if command.op == "test":
            return Reply([f"+CGPADDR: ({','.join(map(str, defined))})"])
        wanted = [command.integer(0, 0, 10)] if command.op == "set" else defined
        ip = self._modem.ue.grant.ip
        return Reply([f'+CGPADDR: {cid},"{ip}"' if cid == 0 and ip else f"+CGPADDR: {cid}" for cid in wanted])

    def _cgdcont(self, command: Command) -> Reply:
        nvram, ue = self._modem.settings.nvram, self._modem.ue
        if command.op == "read":
            apn = self._modem.settings.at_boot["QCGDEFCONT"][1] or self._modem.network.config.apn
            bearer = f'"IP","{apn}","{ue.grant.ip}"' if ue.grant.ip else '"IP",""'
            lines = [f"+CGDCONT: 0,{bearer}"]
            for cid, (kind, apn) in sorted(nvram["CGDCONT"].items()):
                lines.append(f'+CGDCONT: {cid},"{kind}","{apn.upper()}"')
            return Reply(lines)
        if command.op != "set":
            raise SyntaxFault
        cid = command.integer(0, 1, 10)  # cid 0 is set with QCGDEFCONT only
        if len(command.args) == 1:
            nvram["CGDCONT"].pop(cid, None)
        else:
            kind = command.string(1, 6)
            if kind.upper() not in ("IP", "IPV6", "IPV4V6", "NON-IP"):
                raise SyntaxFault
            nvram["CGDCONT"][cid] = (kind, command.string(2, 99, default=""))
        return Reply()
