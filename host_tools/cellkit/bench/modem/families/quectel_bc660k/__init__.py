"""Quectel BC660K-GL, NB-IoT. Sources: AT Commands Manual V1.4, application notes and real logs."""

from cellkit.bench.modem.families.quectel_bc660k.module import VirtualModem as Module

__all__ = ["Module"]
