"""Rules for playing logs that the families with these clients share: timers that the network has granted."""

from __future__ import annotations

import re

from cellkit.bench import timers
from cellkit.transcripts.stage import Rule, Stage

_WAIT_S = 60.0


def _granted(stage: Stage, match: re.Match[str]) -> None:
    """A registration line with timers: they were asked for, and granted or deactivated, before it was written."""
    modem, policy = stage.modem, stage.network.config.policy
    policy.psm = "deactivated" if match[1] == timers.DEACTIVATED else "granted"
    policy.t3412 = "deactivated" if match[2] == timers.DEACTIVATED else "granted"
    psm = modem.settings.nvram["CPSMS"]
    if psm["mode"] != 1:
        modem.settings.nvram["CPSMS"] = {"mode": 1, "t3412": "01000001", "t3324": "00000101"}
    if modem.ue.grant.t3324 is None or (modem.ue.grant.t3324 == timers.DEACTIVATED) != (policy.psm == "deactivated"):
        modem.standard.request_changed()  # type: ignore[attr-defined]
        modem.ue.renew()
        stage.wait(lambda: modem.ue.grant.t3324 is not None, _WAIT_S)
        stage.wait(lambda: modem.ue.registered and not modem.ue.connected, _WAIT_S)
        stage.forget()


COMMON = (Rule("before", "RX", r'\+CEREG: ?(?:[0-5],)?[15],.*,"([01]{8})","([01]{8})"', _granted),)
