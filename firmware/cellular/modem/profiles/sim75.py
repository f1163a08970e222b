"""SIMCom SIM7500: as A76xx."""

SAME_AS = "a76"
