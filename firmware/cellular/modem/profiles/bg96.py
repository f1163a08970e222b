"""Quectel BG96: as BG95."""

SAME_AS = "bg95"
