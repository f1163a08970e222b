"""SIMCom SIM7600 and SIM767x: as A76xx."""

SAME_AS = "a76"
