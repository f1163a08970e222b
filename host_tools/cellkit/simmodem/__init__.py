"""A virtual modem by itself, at a pty, a TCP port or an RFC 2217 port."""
