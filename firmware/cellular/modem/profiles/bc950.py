"""Quectel BC950K-GL: as BC660K-GL."""

SAME_AS = "bc660k"
