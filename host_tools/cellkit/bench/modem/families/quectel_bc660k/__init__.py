"""Quectel BC660K-GL; its commands are in cellkit.bench.modem.bc660k and beside it."""

from cellkit.bench.modem.bc660k import VirtualModem as Module

__all__ = ["Module"]
