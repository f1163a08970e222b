"""SIMCom SIM7000. Sources: AT manual V1.06, hardware design V1.07, logs of SIM7000A and SIM7000G."""

SAME_AS = "sim7080"

NAME = "SIM7000"

BOOT_QUIET_MS = 4500
CA_PDP = b""
PSM_AT_BOOT = True
