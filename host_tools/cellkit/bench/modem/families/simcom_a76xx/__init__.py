"""SIMCom A76xx: A7670E, A7672E (ASR, Cat.1). Sources: A76XX AT manual V1.09, application notes, logs of A7670E-FASE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cellkit.bench.modem.families._simcom.cat1 import Cat1Modem
from cellkit.bench.modem.family import Handler, Reply, Traits
from cellkit.bench.modem.recipes import ALWAYS_AWAKE
from cellkit.bench.modem.v250 import Command, SyntaxFault

_CARD_S = 1.46  # log: +CPIN: READY behind *ATREADY; another unit took 2.65 s


class Module(Cat1Modem):
    """A7670E; A7672E answers alike."""

    traits = Traits(
        banner=((0.0, "*ATREADY: 1"), (_CARD_S, "+CPIN: READY"), (3.89, "+CGEV: EPS PDN ACT 1"), (4.52, "SMS DONE"),
                (5.06, "+CGEV: ME PDN ACT 8,1"), (7.92, "PB DONE")),
        sim_error_s=_CARD_S,
        ready_lines=(r'\*ISIMAID: ".*"',),
    )  # fmt: skip
    recipe = replace(ALWAYS_AWAKE, light=True, key_off_s=2.5, off_s=2.0)
    lasting = {"CMEE": 2, "CPSMS_SET": (0, "", "")}
    error_texts = {3: "operation not allowed", 13: "SIM failure"}

    def commands(self) -> Mapping[str, Handler | None]:
        """PSM in name, the IMS switch and the category."""
        return {
            **super().commands(), "+CPSMS": self._psm, "*COMCFG": self.agreed,
            "*CELLCFG": self.agreed, "+CGNSSFLP": self.agreed,
        }  # fmt: skip

    def _psm(self, command: Command) -> Reply:
        """The command is there and saved; no log shows that PSM is ever entered."""
        nvram = self.settings.nvram
        if command.op == "test":
            return Reply(['+CPSMS: (0-1),,,("00000000"-"11111111"),("00000000"-"11111111")'])
        if command.op == "read":
            mode, tau, active = nvram["CPSMS_SET"]
            return Reply([f'+CPSMS: {mode},,,"{tau}","{active}"' if tau else f"+CPSMS: {mode}"])
        if command.op != "set":
            raise SyntaxFault
        mode, old = command.integer(0, 0, 2), nvram["CPSMS_SET"]
        nvram["CPSMS_SET"] = (mode, command.bits(3, 8) or old[1], command.bits(4, 8) or old[2])
        return Reply()
