"""Commands of the BC660K-GL that only tell something: identity, card number, cell, state, supply voltage.

Source: AT Commands Manual V1.4 and a real log of firmware BC660KGLAAR01A05.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.radio import Stat
from cellkit.bench.modem.v250 import Command, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_bc660k.module import VirtualModem

_TX_POWER_IDLE_DBM = -128  # real log: what QENG shows while RRC is idle
# Captured right after boot (cornucopia-machines/ugly-duckling-firmware, its unit tests).
_NO_CELL = '+QENG: 0,0,0,0,"00000000",-157,-20,-137,-30,0,"0000",255,-128,255'


class Queries:
    """Handlers bound to one modem."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        return {
            "I": self._ati,
            "+CGMI": self._cgmi,
            "+CGMM": self._cgmm,
            "+CGMR": self._cgmr,
            "+CGSN": self._cgsn,
            "+QCCID": self._qccid,
            "+CBC": self._cbc,
            "+QENG": self._qeng,
            "+QEMMS": self._qemms,
            "+QESMC": self._qesmc,
            "+QR14FEATURE": self._qr14feature,
        }

    # Identity

    def _ati(self, command: Command) -> Reply:
        if command.args:
            raise SyntaxFault
        identity = self._modem.config.identity
        lines = [identity.manufacturer, identity.model, f"Revision: {identity.revision}"]
        return Reply(self._modem.faults.identity or lines)

    def _cgmi(self, command: Command) -> Reply:
        identity = self._modem.config.identity
        return self._told(command, identity.manufacturer, identity.model, f"Revision: {identity.cgmi_revision}")

    def _cgmm(self, command: Command) -> Reply:
        other = self._modem.faults.identity
        return self._told(command, other[1] if other else self._modem.config.identity.model)

    def _cgmr(self, command: Command) -> Reply:
        return self._told(command, f"Revision: {self._modem.config.identity.revision}")

    def _told(self, command: Command, *lines: str) -> Reply:
        if command.op == "test":
            return Reply()
        if command.op != "action":
            raise SyntaxFault
        return Reply(list(lines))

    def _cgsn(self, command: Command) -> Reply:
        identity = self._modem.config.identity
        if command.op == "test":
            return Reply(["+CGSN: (0-3)"])
        if command.op == "read":
            raise SyntaxFault
        kind = command.integer(0, 0, 3, default=0)
        if kind == 0:
            return Reply([identity.serial_number])
        return Reply([f"+CGSN: {(identity.imei, identity.imeisv, identity.svn)[kind - 1]}"])

    def _qccid(self, command: Command) -> Reply:
        if command.op != "action":
            raise SyntaxFault
        return Reply([f"+QCCID: {self._modem.sim.iccid}"])

    def _cbc(self, command: Command) -> Reply:
        return self._told(command, f"+CBC: {self._modem.config.supply_mv}")

    # Cell and state

    def _qeng(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+QENG: (0-3)"])
        if command.op != "set":
            raise SyntaxFault
        mode = command.integer(0, 0, 3)
        if mode == 0:
            return Reply([self._serving_cell(), *(f"+QENG: 1,{cell}" for cell in self._modem.neighbours)])
        if mode == 3:
            return Reply([self._emm()])
        raise SyntaxFault  # 1 is not supported by the module (manual), the times of 2 are not modelled

    def _serving_cell(self) -> str:
        ue, cell = self._modem.ue, self._modem.network.config.cell
        if not ue.camped:
            return _NO_CELL
        power_dbm = cell.tx_power_dbm if ue.connected else _TX_POWER_IDLE_DBM
        return (
            f'+QENG: 0,{cell.earfcn},{cell.earfcn_offset},{cell.pci},"{cell.ci}",{cell.rsrp_dbm},{cell.rsrq_db:.0f},'
            f'{cell.rssi_dbm},{cell.sinr_db},{cell.band},"{cell.tac}",{cell.ecl},{power_dbm},{cell.operation_mode}'
        )

    def _emm(self) -> str:
        ue, plmn = self._modem.ue, self._modem.network.config.cell.plmn
        state = "REG" if ue.registered else "DEREG" if ue.on else "NULL"
        mode = "CONNECTED" if ue.connected else "PSM" if ue.psm else "IDLE" if ue.camped else "UNKNOWN"
        if ue.camped:
            kind = "VPLMN" if ue.stat is Stat.ROAMING else "HPLMN"
            mcc, mnc = plmn[:3], plmn[3:] if len(plmn) == 6 else f"f0{plmn[3:]}"  # manual: 46000 is 0x460,0xf000
            return f'+QENG: 4,"{state}","{mode}","SELECTED","{kind}","0x{mcc},0x{mnc}"'
        return f'+QENG: 4,"{state}","{mode}","{"SEARCHING" if ue.searching else "NO PLMN"}","UNKNOWN","0x0,0x0"'

    def _qemms(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if command.op != "read":
            raise SyntaxFault
        ue = self._modem.ue
        if ue.registered:
            state = "EMM_REGISTERED,NORMAL_SERVICE"
        elif not ue.on:
            state = "NULL"
        elif ue.stat is Stat.DENIED:
            state = "EMM_DEREGISTERED,LIMITED_SERVICE"
        elif ue.searching:
            state = "EMM_DEREGISTERED,PLMN_SEARCH"
        elif ue.stat is Stat.UNKNOWN:
            state = "EMM_DEREGISTERED,NO_CELL_AVAILABLE"
        else:
            state = "EMM_REGISTERED_INITIATED"
        return Reply([f'+QEMMS: "{state}"'])

    def _qesmc(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply()
        if command.op != "read":
            raise SyntaxFault
        return Reply(["+QESMC: 0,0,0"])  # no session request is ever rejected by this network

    def _qr14feature(self, command: Command) -> Reply:
        modem = self._modem
        release, mac_rai = modem.settings.at_boot["relversion"], modem.settings.at_boot["MacRAI"]
        # Manual: what the network supports can only be seen in connected state.
        network_rai = int(modem.ue.connected and release == 14 and modem.network.config.policy.rai)
        return self._told(
            command,
            f"+QR14FEATURE: {release},{mac_rai}",
            f"+QR14FEATURE: {network_rai}",
            f"+QR14FEATURE: 0,{network_rai},0,0,0",
        )
