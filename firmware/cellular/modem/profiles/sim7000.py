"""SIMCom SIM7000. Sources: AT manual V1.06, hardware design V1.07, logs of SIM7000A and SIM7000G."""

from cellular.modem.profiles.sim7080 import *

NAME = "SIM7000"

BOOT_QUIET_MS = 4500
CA_PDP = b""
PSM_AT_BOOT = True
CURRENTS_NA = dict(CURRENTS_NA, psm=9000, radio_off=1200000, awake=11000000, tx=171000000)


async def bearer(modem):
    """Have the application context up, with the APN that was set."""
    line = await modem.ask(b"AT+CNACT?", b"+CNACT")
    if line is None or not line.startswith(b"1"):
        command = b'AT+CNACT=1,"%s"' % (modem.apn or "")
        await modem.channel.cmd(command, None, 15000, b"+APP PDP: ACTIVE", 60000)


async def set_apn(modem, apn):
    """Set the APN of the attach."""
    from cellular.modem.profiles import base

    return await base.set_apn(modem, apn)
