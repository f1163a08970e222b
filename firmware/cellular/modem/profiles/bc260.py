"""Quectel BC260Y: as BC660K-GL."""

SAME_AS = "bc660k"
