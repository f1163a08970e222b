"""Nordic nRF9151 with Serial Modem: sockets by handle, commands end with CR."""

SAME_AS = "nrf91"

NAME = "nRF91 Serial Modem"

LINE_END = b"\r"
XS = "handle"
UDP_POLL_MS = 10000
SOCKETS = 8
