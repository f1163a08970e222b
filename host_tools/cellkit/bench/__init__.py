"""The virtual bench: a modem, a cell with its core network, and what they cost in charge, for real firmware to meet."""
