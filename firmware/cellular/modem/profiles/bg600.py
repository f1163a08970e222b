"""Quectel BG600L: as BG95."""

SAME_AS = "bg95"
