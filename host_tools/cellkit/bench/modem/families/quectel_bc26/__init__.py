"""Quectel BC26 and BC66 (MT2625), NB-IoT. Sources: BC26 AT, TCP(IP), MQTT, LwM2M and OneNET manuals; BC66 logs."""

from __future__ import annotations

from cellkit.bench.modem.families._quectel.base import QuectelModem
from cellkit.bench.modem.families._quectel.coap import CoapCommands
from cellkit.bench.modem.families.quectel_bc26.platforms import Platforms
from cellkit.bench.modem.family import Handler, Reply, Traits
from cellkit.bench.modem.standard import Standard
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

_ROM = (
    "F1: 0000 0000", "V0: 0000 0000 [0001]", "00: 0006 000C", "01: 0000 0000", "U0: 0000 0001 [0000]",
    "T0: 0000 00B4", "Leaving the BROM",
)  # fmt: skip
_NOT_ALLOWED = 3
_SEARCH_STOPS_S = 70.0


class _Standard(Standard):
    """Address without quotes; APN of the default bearer by QCGDEFCONT."""

    def address_line(self, cid: int) -> str:
        ip = self.modem.ue.grant.ip
        return self.line("+CGPADDR", cid, *([ip] if cid == self.modem.cid and ip else []))

    def _cfun(self, command: Command) -> Reply | None:
        """CFUN=0 waits for a search to end: 60 to 80 s where there is no cell (low-power guide)."""
        if command.op == "set" and command.args[0].text == "0":
            self._switch_off(command, _SEARCH_STOPS_S)
            return None
        return super()._cfun(command)

    def _switch_off(self, command: Command, patience_s: float) -> None:
        if self.modem.ue.searching and patience_s > 0:
            self.modem.later(1.0, self._switch_off, command, patience_s - 1.0)
            return
        try:
            reply = super()._cfun(command)
        except (SyntaxFault, MeFault) as fault:
            self.modem.fail(fault)
            return
        if reply is not None:
            self.modem.complete(reply)

    def cgsn(self, command: Command) -> Reply:
        if command.op == "set":
            return Reply([self.line("+CGSN", self.modem.config.identity.imei)])
        return super().cgsn(command)


class Module(QuectelModem):
    """BC26; BC66 answers alike."""

    traits = Traits(
        prompt="\r\n>", banner=tuple((0.02 * number, line) for number, line in enumerate(_ROM)), auto_baud_lost=2,
    )
    qi_send = "inline"
    close_ok = True
    state_port = None
    contexts = 1
    sockets = 5
    file_prompt = "\r\n>"
    powered_down = ""
    lasting = {"IPR": 0, "QNBIOTEVENT": 0, "QATWAKEUP": 0, "QBAND": (), "CMEE": 1}
    volatile = {"QSCLK": 1, "QNBIOTRAI": 0}
    whole = frozenset({"+QISEND", "+QMTPUB"})
    mqtt_forms = (
        '"will",(0-5),(0,1),(0-2),(0,1),"will_topic","will_msg"', '"timeout",(0-5),(1-60),(0-10),(0,1)',
        '"session",(0-5),(0,1)', '"keepalive",(0-5),(0-3600)',
        '"aliauth",(0-5),"productkey","devicename","devicesecret"',
        '"version",(0-5),(3,4)',
    )  # fmt: skip

    def make_standard(self) -> Standard:
        """Forms of MediaTek's core."""
        return _Standard(self)

    def commands(self) -> dict[str, Handler]:
        """What BC26 has of its own, and without what it lacks."""
        self.platforms = Platforms(self)
        self.coap = CoapCommands(self, lambda: self.links, several=False)
        missing = dict.fromkeys(
            ("+QIACT", "+QIDEACT", "+QIACTEX", "+QIDEACTEX", "+QICSGP", "+QSSLCFG", "+QSSLOPEN", "+QHTTPURL",
             "+QNWINFO", "+QCSQ", "+QFUPL", "+QGPS", "+QGPSLOC", "+QURCCFG", "+QCFG", "+QMTPUBEX")
        )  # fmt: skip
        return {
            **super().commands(), **missing, **self.platforms.handlers(), **self.coap.handlers(),  # type: ignore[dict-item]
            "+CGMI": self._cgmi, "+CGMR": self._cgmr, "+QCGDEFCONT": self._qcgdefcont, "+QRST": self._qrst,
            "+QENG": self._qeng, "+QBAND": self._qband, "+QLOCKF": lambda command: Reply(),
            "+QCSEARFCN": lambda command: Reply(["+QCSEARFCN: 0"]), "+QNBIOTEVENT": self._event_setting,
            "+QATWAKEUP": lambda command: self.standard.number(command, "QATWAKEUP", 0, 1),
            "+QRELLOCK": lambda command: Reply(after=self._release_lock), "+QNBIOTRAI": self._rai,
            "+CBC": lambda command: Reply([f"+CBC: 0,0,{self.config.supply_mv}"]), "+QCCLK": self._qcclk,
            "+CESQ": self._cesq, "+QPOWD": self._off,
        }  # fmt: skip

    # Start, sleep and wake

    def banner_line(self, text: str) -> None:
        """Nothing of it depends on card or function."""
        self.urc(text)

    def sleep_mode(self) -> int:
        """QSCLK: 1 light and deep, 2 light."""
        return int(self.settings.ram["QSCLK"])

    def wakes_on_uart(self) -> bool:
        """In deep sleep the UART is dead: PSM_EINT, T3412."""
        return False

    def wakes_on_key(self) -> bool:
        """PWRKEY is another way (hardware design)."""
        return True

    def woke(self, how: str) -> None:
        """The processor is awake; the modem stays in PSM until there is uplink."""
        if self.settings.nvram["QATWAKEUP"]:
            self.later(0.1, self.urc, "+QATWAKEUP")

    def _release_lock(self) -> None:
        self.power.let_sleep()

    def psm_changed(self) -> None:
        """+QNBIOTEVENT, with quotes as the low-power guide has it; the AT manual has none."""
        if self.settings.nvram["QNBIOTEVENT"]:
            quote = "" if self.config.identity.more.get("event_quotes") == "no" else '"'
            self.urc(f"+QNBIOTEVENT: {quote}{'ENTER' if self.ue.psm else 'EXIT'} PSM{quote}")

    def address_assigned(self) -> None:
        """+IP."""
        self.urc(f"+IP: {self.ue.grant.ip}")

    # Commands

    def _cgmi(self, command: Command) -> Reply:
        identity = self.config.identity
        lines = [identity.manufacturer, identity.model, f"Revision: {identity.cgmi_revision}"]
        return self.standard.told(command, *lines)

    def _cgmr(self, command: Command) -> Reply:
        return self.standard.told(command, f"Revision: {self.config.identity.revision}")

    def _qcgdefcont(self, command: Command) -> Reply:
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(['+QCGDEFCONT: ("IP","IPV6","IPV4V6","NONIP")'])
        if command.op == "read":
            kind, apn = nvram["QCGDEFCONT"]
            return Reply([f'+QCGDEFCONT: "{kind}","{apn}"'])
        nvram["QCGDEFCONT"] = (command.string(0, 6), command.string(1, 99, default=""))
        return Reply()

    def _qrst(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QRST: (1)"])
        command.integer(0, 1, 1)
        return Reply(final="", after=lambda: self.reset("AT+QRST"))

    def _off(self, command: Command) -> Reply:
        command.integer(0, 0, 0)
        return Reply(after=lambda: self.later(1.02, self.power.shut_down))

    def _qeng(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QENG: (0-2)"])
        cell, mode = self.network.config.cell, command.integer(0, 0, 2)
        if mode:
            return Reply()
        if not self.ue.camped:
            raise MeFault(_NOT_ALLOWED)
        power = 10 * cell.tx_power_dbm if self.ue.connected else 0
        return Reply([
            f'+QENG: 0,{cell.earfcn},{cell.earfcn_offset % 5},{cell.pci},"{cell.ci.lstrip("0")}",{cell.rsrp_dbm},'
            f'{cell.rsrq_db:.0f},{cell.rssi_dbm},{cell.sinr_db},{cell.band},"{cell.tac}",{cell.ecl},{power}'
        ])  # fmt: skip

    def _qband(self, command: Command) -> Reply:
        bands = (1, 2, 3, 5, 8, 12, 13, 17, 18, 19, 20, 25, 26, 28, 66)
        if command.op == "test":
            return Reply([f"+QBAND: (0-{len(bands)}),({','.join(map(str, bands))})"])
        if command.op == "read":
            return Reply(["+QBAND: " + ",".join(map(str, self.settings.nvram["QBAND"] or (5,)))])
        count = command.integer(0, 0, len(bands))
        chosen = [command.integer(1 + at, 1, 66) for at in range(count)]
        if any(band not in bands for band in chosen):
            raise SyntaxFault
        self.settings.nvram["QBAND"] = tuple(chosen)
        return Reply(after=self._search_anew)

    def _search_anew(self) -> None:
        self.ue.stop()
        self.later(0.5, self.standard.register_if_possible)

    def _event_setting(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+QNBIOTEVENT: {self.settings.nvram['QNBIOTEVENT']},1"])
        if command.op == "test":
            return Reply(["+QNBIOTEVENT: (0,1),(1)"])
        self.settings.nvram["QNBIOTEVENT"] = command.integer(0, 0, 1)
        return Reply()

    def _rai(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([f"+QNBIOTRAI: {self.settings.ram['QNBIOTRAI']}"])
        if command.op == "test":
            return Reply(["+QNBIOTRAI: (0-2)"])
        mode = command.integer(0, 0, 2)
        return Reply(after=self.ue.release_assistance if mode and self.ue.connected else None)

    def _qcclk(self, command: Command) -> Reply:
        if command.op == "read":
            return Reply([self.standard.clock_line().replace("+CCLK", "+QCCLK")])
        return Reply()

    def _cesq(self, command: Command) -> Reply:
        reply = self.standard.handlers()["+CESQ"](command)
        return reply or Reply()
