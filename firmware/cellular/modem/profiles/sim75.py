"""SIMCom SIM7500: as SIM7600."""

from cellular.modem.profiles.sim76 import *
