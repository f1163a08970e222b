"""SIMCom SIM7500: as SIM7600."""

SAME_AS = "sim76"
