"""Commands of the BC660K-GL beside registration, sockets and sleep: card, contexts, control plane, searching, ADC.

Source: AT Commands Manual V1.4, chapters 4, 5, 7, 8 and 10. Settings without effect on what is modelled are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_bc660k.module import VirtualModem

_NOT_ALLOWED, _NOT_SUPPORTED, _LAST_PDN = 3, 4, 171
_LONGEST_CONTROL_PLANE = 950
_DRX_IDLE_MS = 2560
_GPIOS = 4
# Settings of numbers: name -> (ranges, values at the factory).
_KEPT: dict[str, tuple[tuple[range, ...], tuple[int, ...]]] = {
    "QOOSAIND": ((range(2),), (0,)),
    "QRHPLMNS": ((range(2), range(2)), (0, 1)),
    "QLAPI": ((range(2),), (0,)),
    "QBANDSCAN": ((range(2),), (0,)),
    "QSIMPOLL": ((range(2),), (0,)),
    "CIPCA": ((range(3, 4), range(2)), (3, 0)),
    "CCIOTOPT": ((range(4), range(1, 4), range(3)), (0, 1, 1)),
}
FURTHER_NVRAM: dict[str, Any] = {"CREG": 0, **{name: values for name, (_, values) in _KEPT.items()}}
FURTHER_RAM: dict[str, Any] = {"QSIMSLEEP": 1, "CRTDCP": 0, "CGAUTH": {}, "channels": 0}


class Further:
    """Handlers bound to one modem."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            **{f"+{name}": self._kept for name in _KEPT},
            "+CREG": self._creg, "+CGACT": self._cgact, "+CGAPNRC": self._cgapnrc, "+CGAUTH": self._cgauth,
            "+CRTDCP": lambda command: self._flag(command, "CRTDCP", "(0,1),(0-10),1600"), "+CSODCP": self._csodcp,
            "+QNBPARA": self._qnbpara, "+QEMMTIMER": self._qemmtimer, "+QDRX": self._qdrx, "+QADC": self._qadc,
            "+QRFSTAT": self._qrfstat, "+QSIMSLEEP": lambda command: self._flag(command, "QSIMSLEEP", "(0,1)"),
            "+CLCK": self._clck, "+CPWD": self._cpwd, "+CRSM": self._crsm, "+CSIM": self._csim, "+CCHO": self._ccho,
            "+CCHC": self._cchc, "+CGLA": self._cgla, "+QIPERF": self._qiperf,
        }  # fmt: skip

    # Settings

    def _kept(self, command: Command) -> Reply:
        name, nvram = command.name.lstrip("+"), self._modem.settings.nvram
        ranges = _KEPT[name][0]
        if command.op == "test":
            return Reply([f"+{name}: {','.join(map(_range, ranges))}"])
        if command.op == "read":
            return Reply([f"+{name}: {','.join(map(str, nvram[name]))}"])
        if command.op != "set" or not 1 <= len(command.args) <= len(ranges):
            raise SyntaxFault
        new = [command.integer(at, ranges[at][0], ranges[at][-1]) for at in range(len(command.args))]
        nvram[name] = (*new, *nvram[name][len(new):])
        return Reply()

    def _flag(self, command: Command, key: str, form: str) -> Reply:
        ram = self._modem.settings.ram
        if command.op == "test":
            return Reply([f"{command.name}: {form}"])
        if command.op == "read":
            return Reply([f"{command.name}: {ram[key]}"])
        ram[key] = command.integer(0, 0, 1)
        return Reply()

    # Network

    def _creg(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(["+CREG: (0-3)"])
        if command.op == "read":
            return Reply([self._modem.core.registration_line("CREG")])
        if command.op != "set" or len(command.args) != 1:
            raise SyntaxFault
        nvram["CREG"] = command.integer(0, 0, 3)
        return Reply()

    def _cgact(self, command: Command) -> Reply:
        ue, contexts = self._modem.ue, self._modem.settings.nvram["CGDCONT"]
        if command.op == "test":
            return Reply(["+CGACT: (0,1)"])
        if command.op == "read":
            up = int(ue.registered and bool(ue.grant.ip))
            return Reply([f"+CGACT: 0,{up}", *(f"+CGACT: {cid},0" for cid in sorted(contexts))])
        if command.op != "set" or len(command.args) != 2:
            raise SyntaxFault
        state, cid = command.integer(0, 0, 1), command.integer(1, 0, 10)
        if cid == 0 and not state:
            raise MeFault(_LAST_PDN)
        if cid and (cid not in contexts or state):
            raise MeFault(_NOT_ALLOWED)  # this network gives one bearer
        return Reply()

    def _cgapnrc(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CGAPNRC: (0)"])
        return Reply([f"+CGAPNRC: {command.integer(0, 0, 10)}"])

    def _cgauth(self, command: Command) -> Reply:
        known = self._modem.settings.ram["CGAUTH"]
        if command.op == "test":
            return Reply(["+CGAUTH: (0-10),(0-1),(20),(20)"])
        if command.op == "read":
            shown = sorted({0: (0, "", ""), **known}.items())
            return Reply([f'+CGAUTH: {cid},{kind},"{user}","{word}"' for cid, (kind, user, word) in shown])
        cid, kind = command.integer(0, 0, 10), command.integer(1, 0, 1, default=0)
        known[cid] = (kind, command.string(2, 20, default=""), command.string(3, 20, default=""))
        return Reply()

    def _csodcp(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply([f"+CSODCP: (0-10),{_LONGEST_CONTROL_PLANE},(0-2),(0,1)"])
        command.integer(0, 0, 10)
        size = command.integer(1, 0, _LONGEST_CONTROL_PLANE)
        text = command.string(2, 2 * _LONGEST_CONTROL_PLANE, default="")
        rai = command.integer(3, 0, 2, default=0)
        command.integer(4, 0, 1, default=0)
        try:
            data = bytes.fromhex(text)
        except ValueError:
            raise SyntaxFault from None
        if len(data) != size:
            raise SyntaxFault
        if not modem.ue.registered:
            raise MeFault(_NOT_ALLOWED)

        def sent(ok: bool) -> None:
            if ok and rai:
                modem.ue.release_assistance("now" if rai == 1 else "downlink")

        return Reply(after=lambda: modem.ue.transmit(size, sent))

    def _qnbpara(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+QNBPARA: "TA",(-1-1282)'])
        if command.op == "set" and command.string(0, 2).upper() != "TA":
            raise SyntaxFault
        return Reply([f'+QNBPARA: "TA",{0 if self._modem.ue.connected else -1}'])

    def _qemmtimer(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QEMMTIMER: (0-7)"])
        if command.op == "set":
            command.integer(0, 0, 7)
            return Reply()
        left_s = self._modem.t3412_left_s()
        state = "1" if left_s is None else f"0,{left_s:.0f}"
        return Reply(["+QEMMTIMER: 0,1", "+QEMMTIMER: 1,1", f"+QEMMTIMER: 2,{state}"])

    def _qdrx(self, command: Command) -> Reply:
        ue = self._modem.ue
        if command.op != "read":
            return Reply()
        if ue.connected:
            return Reply(["+QDRX: 2,32,8,0,8,2048,8"])
        return Reply([f"+QDRX: 1,{_DRX_IDLE_MS}" if ue.registered and not ue.psm else "+QDRX: 3"])

    def _qrfstat(self, command: Command) -> Reply:
        return Reply() if command.op == "test" else Reply([f"+QRFSTAT: {int(self._modem.ue.on)}"])

    def _qiperf(self, command: Command) -> Reply:
        if command.op == "test":
            counts = ",".join(["(1-65000)"] * 3)
            return Reply([f"+QIPERF: (0-5),(0,1),(1-65535),<ipaddr>,(1-1200000),(36-1472),{counts}"])
        raise MeFault(_NOT_SUPPORTED)  # no iperf server is part of this network

    # Card

    def _clck(self, command: Command) -> Reply:
        sim = self._modem.sim
        if command.op == "test":
            return Reply(['+CLCK: ("SC")'])
        if command.op != "set" or command.string(0, 2).upper() != "SC":
            raise MeFault(_NOT_SUPPORTED)
        mode = command.integer(1, 0, 2)
        if mode == 2:
            return Reply([f"+CLCK: {int(sim.locks)}"])
        sim.set_lock(mode == 1, command.string(2, 8))
        return Reply()

    def _cpwd(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(['+CPWD: ("SC",8)'])
        raise MeFault(_NOT_SUPPORTED)  # the card's code does not change

    def _apdu_answer(self) -> str:
        self._modem.sim.require_ready()
        if self._modem.settings.ram["QSIMSLEEP"]:
            raise MeFault(_NOT_ALLOWED)  # manual: the card's sleep has to be switched off before
        return "6A82"  # file not found: there is no file system in this card but for its numbers

    def _crsm(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        what, file = command.integer(0, 0, 255), command.integer(1, 0, 65535, default=0)
        sim = self._modem.sim
        sim.require_ready()
        if what == 176 and file == 12258:  # EF ICCID, digits swapped in pairs
            digits = sim.iccid.ljust(20, "F")
            swapped = "".join(digits[at + 1] + digits[at] for at in range(0, 20, 2))
            return Reply([f'+CRSM: 144,0,"{swapped}"'])
        return Reply(["+CRSM: 106,130"])

    def _csim(self, command: Command) -> Reply:
        size, text = command.integer(0, 2, 520), command.string(1, 520)
        if size != len(text):
            raise SyntaxFault
        answer = self._apdu_answer()
        return Reply([f'+CSIM: {len(answer)},"{answer}"'])

    def _ccho(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        self._modem.sim.require_ready()
        ram = self._modem.settings.ram
        ram["channels"] += 1
        return Reply([str(ram["channels"])])

    def _cchc(self, command: Command) -> Reply:
        return Reply() if command.op == "test" else Reply(["+CCHC"])

    def _cgla(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        command.integer(0, 0, 19)
        return Reply(['+CGLA: 4,"6A82"'])

    # The rest

    def _qadc(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QADC: (0)"])
        if command.op == "set":
            command.integer(0, 0, 0)
        return Reply(["+QADC: 0,0"])

    def gpio(self, command: Command) -> Reply:
        """AT+QCFG="GPIO": all pins are inputs that are pulled up."""
        mode = command.integer(1, 1, 3, default=2)
        if mode != 2:
            command.integer(2, 1, _GPIOS)
            return Reply()
        count = 1 if command.given(2) else _GPIOS
        return Reply(['+QCFG: "GPIO",' + ",".join("1" * count)])


def _range(values: range) -> str:
    if len(values) == 1:
        return f"({values[0]})"
    return f"({values[0]}{',' if len(values) == 2 else '-'}{values[-1]})"
