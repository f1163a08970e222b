"""The virtual modem: a Quectel BC660K-GL written from manuals and real logs, never from a driver."""

from cellkit.bench.modem.config import ModemConfig
from cellkit.bench.modem.families.quectel_bc660k.module import VirtualModem

__all__ = ["ModemConfig", "VirtualModem"]
