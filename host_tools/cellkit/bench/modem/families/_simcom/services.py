"""Clock, position, voice, speech, files and firmware of A76xx and SIM7600: commands without a service behind them.

Sources: A76XX AT manual V1.09, application notes on audio V1.02, LBS, GNSS, FOTA V1.00; logs of A7670E.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.engines.gnss import Fix
from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families._simcom.base import SimcomModem

_READY_S = 7.8  # log: CGNSSPWR=1 to READY!
_IMAGE = 1 << 23
_RING_S = 6.0


class ServiceCommands:
    """Handlers bound to one modem."""

    def __init__(self, modem: SimcomModem) -> None:
        self._modem = modem
        self.bare_tts = True
        """`+CTTS:` before OK (A76xx); else OK first, and `+CTTS:0` at the end (SIM7600)."""
        self.call_reports = False
        """+CLCC by itself at each step of a call (SIM7600)."""
        self.forget()

    def forget(self) -> None:
        """Reset or power cut."""
        self.gnss_ready = False
        self.call: tuple[str, float] | None = None
        self.ringing = ""
        self.ntp = ("pool.ntp.org", 0)
        self.tts = (1, 3, 0, 1, 1)
        self.speaking = False
        self.image = 0
        self.listed = 0

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        agreed, noted = self._modem.agreed, self._modem.noted
        return {
            "+CNTP": self._cntp, "+CBC": self._cbc, "+CLBS": self._clbs, "+CGNSSPWR": self._cgnsspwr,
            "+CGNSSINFO": self._cgnssinfo, "+CGPSINFO": self._cgpsinfo, "+CGNSSIPR": noted("CGNSSIPR", high=921600),
            "+CGNSSTST": noted("CGNSSTST"), "+CGNSSPORTSWITCH": agreed, "+CGNSSMODE": noted("CGNSSMODE", high=15),
            "+CGNSSNMEA": agreed, "+CGPSNMEARATE": agreed, "+CGPSCOLD": self._gnss_start, "+CAGPS": self._cagps,
            "+CGPSWARM": self._gnss_start, "+CGPSHOT": self._gnss_start, "+CGDRT": agreed, "+CGSETV": agreed,
            "+CGGETV": lambda command: Reply([f"+CGGETV: {command.integer(0, 0, 99)},0"]),
            "D": self._dial, "A": self._answer, "H": self._ath, "+CHUP": self._hang_up, "+CVHU": noted("CVHU"),
            "+CLCC": self._clcc, "+CLIP": noted("CLIP"), "+CTTS": self._ctts, "+CTTSPARAM": self._cttsparam,
            "+CDTAM": self._cdtam, "+CCMXPLAY": self._play, "+CCMXSTOP": self._play_stop,
            "+CLVL": noted("CLVL", high=5), "+CPCMREG": noted("CPCMREG"), "+CUSD": self._cusd,
            "+CFTRANRX": self._modem.upload, "+FSLS": self._fsls, "+FSDEL": self._fsdel, "+FSMEM": self._fsmem,
            "*IMSRCFG": self._imsrcfg, "+LFOTA": self._lfota, "+CFOTA": self._cfota, "+CPAS": self._cpas,
        }  # fmt: skip

    def _cpas(self, command: Command) -> Reply:
        return Reply([f"+CPAS: {3 if self.ringing else 4 if self.call else 0}"])

    # Clock, supply

    def _cntp(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CNTP: 255,(-47-48)"])
        if command.op == "read":
            return Reply([f'+CNTP: "{self.ntp[0]}",{self.ntp[1]}'])
        if command.op == "set":
            self.ntp = (command.string(0, 255), command.integer(1, -47, 48, default=0))
            return Reply()
        return Reply(after=self._ntp_ask)

    def _ntp_ask(self) -> None:
        modem = self._modem

        def found(ip: str | None) -> None:
            ok = ip is not None and modem.network.blocked() is None
            if ok:
                modem.standard.set_clock(modem.network.utc(), self.ntp[1])
            modem.urc(f"+CNTP: {0 if ok else 1}")

        if modem.ue.registered:
            modem.links.lookup(self.ntp[0], lambda ip: modem.later(0.3, found, ip))
        else:
            modem.say("+CNTP: 2", 0.2)

    def _cbc(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        return Reply([f"+CBC: {self._modem.config.supply_mv / 1000:.3f}V"])

    # Position

    def _clbs(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(["+CLBS: (1,2,3,4),(1-15),(-180.000000-180.000000),(-90.000000-90.000000),(0,1)"])
        kind = command.integer(0, 1, 9)

        def told(fix: Fix | None) -> None:
            if fix is None:
                modem.urc("+CLBS: 1")
                return
            place = f"+CLBS: 0,{fix.latitude:.6f},{fix.longitude:.6f},{fix.accuracy_m:.0f}"
            if kind == 4:
                utc = fix.utc
                place += f",{utc.year}/{utc.month}/{utc.day},{utc.hour}:{utc.minute}:{utc.second}"
            modem.urc(place)

        return Reply(after=lambda: modem.gnss.cell(told))

    def _cgnsspwr(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(["+CGNSSPWR: (0,1),(0,1),(0,1)"])
        if command.op == "read":
            return Reply([f"+CGNSSPWR: {int(self.gnss_ready)}"])
        if not command.integer(0, 0, 1):
            modem.gnss.stop()
            self.gnss_ready = False
            return Reply()
        return Reply(after=lambda: modem.later(_READY_S, self._gnss_on))

    def _gnss_on(self) -> None:
        self.gnss_ready = True
        self._modem.gnss.start()
        self._modem.urc("+CGNSSPWR: READY!")

    def _gnss_start(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        self._require_gnss()
        self._modem.gnss.stop()
        self._modem.gnss.start(cold=command.name == "+CGPSCOLD")
        return Reply()

    def _require_gnss(self) -> None:
        if not self.gnss_ready and not self._modem.gnss.on:
            raise SyntaxFault

    def _cagps(self, command: Command) -> Reply:
        self._require_gnss()
        return self._modem.behind("+AGPS: success.", 2.0)

    def _cgnssinfo(self, command: Command) -> Reply:
        if command.op in ("test", "set"):
            return Reply(["+CGNSSINFO: (0-255)"]) if command.op == "test" else Reply()
        self._require_gnss()
        fix = self._modem.gnss.fix()
        if fix is None:
            return Reply(["+CGNSSINFO: ,,,,,,,,"])
        latitude, longitude = ",".join(fix.nmea_latitude(6)), ",".join(fix.nmea_longitude(6))
        return Reply([
            f"+CGNSSINFO: 3,{fix.satellites:02d},05,03,{latitude},{longitude},{fix.utc:%d%m%y},{fix.utc:%H%M%S}.0,"
            f"{fix.altitude_m:.1f},{fix.speed_kmh:.1f},{fix.course_deg:.1f},1.4,{fix.hdop:.1f},0.9"
        ])  # fmt: skip

    def _cgpsinfo(self, command: Command) -> Reply:
        if command.op in ("test", "set"):
            return Reply(["+CGPSINFO: (0-255)"]) if command.op == "test" else Reply()
        self._require_gnss()
        fix = self._modem.gnss.fix()
        if fix is None:
            return Reply(["+CGPSINFO: ,,,,,,,,"])
        latitude, longitude = ",".join(fix.nmea_latitude(6)), ",".join(fix.nmea_longitude(6))
        return Reply([
            f"+CGPSINFO: {latitude},{longitude},{fix.utc:%d%m%y},{fix.utc:%H%M%S}.0,{fix.altitude_m:.1f},"
            f"{fix.speed_kmh:.1f},{fix.course_deg:.1f}"
        ])  # fmt: skip

    # Voice

    def _dial(self, command: Command) -> Reply:
        modem = self._modem
        number = command.raw.rstrip(";").strip('"')
        if number.startswith("*99"):
            return Reply(final=modem.connected_text(), after=lambda: modem.go_online(lambda data: None))
        if not modem.ue.registered:
            return Reply(final="NO CARRIER")
        modem.later(0.1, self.call_step, number, 2)
        modem.later(2.0, self.call_step, number, 0)
        return Reply()

    def call_step(self, number: str, state: int) -> None:
        """2 dialling, 0 talks, 6 over (which 27.007 does not have)."""
        modem = self._modem
        if state == 0:
            self.call = (number, modem.clock.now())
            modem.urc("VOICE CALL: BEGIN")
        if self.call_reports:
            modem.urc(f'+CLCC: 1,0,{state},0,0,"{number}",129')

    def hang_up(self) -> None:
        """The call ends, by either side."""
        modem = self._modem
        number, began_s = self.call or (self.ringing, modem.clock.now())
        missed = self.call is None
        self.call, self.ringing = None, ""
        seconds = round(modem.clock.now() - began_s)
        if self.call_reports:
            modem.urc(f'+CLCC: 1,{int(missed)},6,0,0,"{number}",129')
        if missed:
            if self.call_reports:
                modem.urc(f"MISSED_CALL: {modem.standard.local_time()[0]:%I:%M%p} {number}")
            return
        modem.urc(f"VOICE CALL: END: {seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}")

    def ring(self, number: str = "+15550001111") -> None:
        """Somebody calls."""
        if not self.ringing:
            self.ringing = number
            self._ring_again()

    def _ring_again(self) -> None:
        if self.ringing:
            self._modem.urc("RING")
            if self.call_reports:
                self._modem.urc(f'+CLCC: 1,1,4,0,0,"{self.ringing}",129')
            if self._modem.settings.ram.get("CLIP"):
                self._modem.urc(f'+CLIP: "{self.ringing}",145,,,,0')
            self._modem.later(_RING_S, self._ring_again)

    def _answer(self, command: Command) -> Reply:
        number, self.ringing = self.ringing, ""
        if not number:
            return Reply(final="NO CARRIER")
        self.call = (number, self._modem.clock.now())
        return Reply(["VOICE CALL: BEGIN"])

    def _hang_up(self, command: Command) -> Reply:
        if command.op == "test" or not (self.call or self.ringing):
            return Reply()
        return Reply(after=lambda: self._modem.later(0.1, self.hang_up))

    def _ath(self, command: Command) -> Reply:
        if self._modem.settings.ram.get("CVHU", 1):
            return Reply()  # ignored, with OK
        return self._hang_up(command)

    def _clcc(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CLCC: (0-1)"])
        if command.op == "set":
            self.listed = command.integer(0, 0, 1)
            return Reply()
        return Reply([f'+CLCC: 1,0,0,0,0,"{self.call[0]}",129'] if self.call else [])

    def _cusd(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply(["+CUSD: (0-2)"])
        if command.op == "read":
            return Reply([f"+CUSD: {modem.settings.ram.get('CUSD', 0)}"])
        modem.settings.ram["CUSD"] = command.integer(0, 0, 2)
        if not command.given(1):
            return Reply()
        if modem.settings.ram.get("IMS"):  # fact of the manual: USSD wants it off
            raise SyntaxFault
        if not modem.ue.registered:
            raise MeFault(30)
        return modem.behind('+CUSD: 2,"OK",15', 2.0)

    def _imsrcfg(self, command: Command) -> Reply:
        ram = self._modem.settings.ram
        if command.op == "test":
            return Reply(['*IMSRCFG: "switch",(0,1)'])
        if command.string(0, 16) == "switch" and command.given(1):
            ram["IMS"] = command.integer(1, 0, 1)
            return Reply()
        return Reply([f'*IMSRCFG: switch: {ram.get("IMS", 0)}'])

    # Speech and sound

    def _ctts(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CTTS: (0-4),<text>"])
        if command.op == "read":
            return Reply([f"+CTTS: {int(self.speaking)}"])
        mode = command.integer(0, 0, 4)
        if mode == 0:
            self.speaking = False
            return Reply(["+CTTS: 0"])
        text = command.string(1, 1024)
        self.speaking = True
        return Reply(["+CTTS:"] if self.bare_tts else [],
                     after=lambda: self._modem.later(0.3 + 0.05 * len(text), self._spoken))  # fmt: skip

    def _spoken(self) -> None:
        if self.speaking:
            self.speaking = False
            self._modem.urc("+CTTS: 0" if self.bare_tts else "+CTTS:0")

    def _cttsparam(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CTTSPARAM:(0-2),(0-3),(0-3),(0-2),(0-2)"])
        if command.op == "read":
            return Reply(["+CTTSPARAM:" + ",".join(map(str, self.tts))])
        limits = (2, 3, 3, 2, 2)
        self.tts = tuple(  # type: ignore[assignment]
            command.integer(at, 0, high, default=self.tts[at]) for at, high in enumerate(limits)
        )
        return Reply()

    def _cdtam(self, command: Command) -> Reply:
        ram = self._modem.settings.ram
        if command.op == "test":
            return Reply(["+CDTAM: (0-1)"])
        if command.op == "read":
            return Reply([f"+CDTAM: {ram.get('CDTAM', 0)}"])
        ram["CDTAM"] = command.integer(0, 0, 1)
        return Reply(["+CDTAM:"])

    def _play(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CCMXPLAY: (0-3),(0-255)"])
        modem = self._modem

        def begin() -> None:
            modem.say("+AUDIOSTATE: audio play")
            modem.say("+AUDIOSTATE: audio play stop", 2.0)

        return Reply(["+CCMXPLAY:"], after=begin)

    def _play_stop(self, command: Command) -> Reply:
        return Reply(["+CCMXSTOP:"])

    # Files and firmware

    def _fsls(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+FSLS: (0-2)"])
        names = self._modem.files.names()
        return Reply(["+FSLS: FILES:", *names] if names else [])

    def _fsdel(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        return Reply(final="OK" if self._modem.files.delete(command.string(0, 120)) else "ERROR")

    def _fsmem(self, command: Command) -> Reply:
        files = self._modem.files
        return Reply([f"+FSMEM: C:({files.size_bytes},{files.used_bytes})"])

    def _lfota(self, command: Command) -> Reply:
        modem = self._modem
        if command.op == "test":
            return Reply([f"+LFOTA: (0-1),(1-{_IMAGE})"])
        if command.op == "read":
            return Reply([f"+LFOTA: {int(self.image > 0)}"])
        mode, size = command.integer(0, 0, 1), command.integer(1, 1, _IMAGE)
        if mode == 0:
            self.image = 0
            return Reply()

        def done(data: bytes) -> None:
            self.image = len(data)
            modem.complete(Reply())

        return modem.ask(size, size, done)

    def _cfota(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+CFOTA: (0-1),(0-1),<url>"])
        if not self._modem.ue.registered:
            return Reply(final="ERROR")
        return Reply(after=lambda: self._modem.later(60.0, self._modem.reset, "FOTA"))
