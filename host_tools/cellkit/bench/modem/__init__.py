"""The virtual modem: a Quectel BC660K-GL written from manuals and real logs, never from a driver."""

from cellkit.bench.modem.bc660k import VirtualModem
from cellkit.bench.modem.config import ModemConfig

__all__ = ["ModemConfig", "VirtualModem"]
