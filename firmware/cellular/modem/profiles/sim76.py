"""SIMCom SIM7600, SIM7500 and SIM767x: as A76xx, with another banner and order of some answers, which the dialects take
either way. Sources: AT manuals V3.00 and V1.06, application notes V3.00, logs of SIM7600E, SIM7600G and SIM7670G."""

from cellular.modem.profiles.a76 import *

NAME = "SIM7600"

PWRKEY_MS = 500
BOOT_MS = 30000
