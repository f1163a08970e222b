"""Names to addresses, for modules whose sockets take addresses only. The profile's DNS is (command, beginning of the
line with the address, which comes as its answer or later)."""

from cellular.at.fields import split
from cellular.errors import ATError, SocketError
from micropython import const

_DNS_MS = const(60000)


def is_address(host):
    """Whether `host` (str) is an IPv4 or IPv6 address."""
    return ":" in host or all([part.isdigit() for part in host.split(".")])


async def address(modem, host):
    """`host` (str) as an address (bytes). Raises SocketError."""
    if is_address(host):
        return host.encode()
    dns = modem.profile.DNS
    if dns is None:
        raise SocketError("open", None, "%s has no DNS; give the server's address in place of its name" % modem.model)
    try:
        line = await modem.channel.cmd(dns[0] % host.encode(), None, _DNS_MS, dns[1], _DNS_MS)
    except ATError as e:
        raise SocketError("open", e.code, "DNS failed: check the host name")
    for field in reversed(split(line[line.find(b":") + 1 :])):
        if field and "." in field and is_address(field):
            return field.encode()
    raise SocketError("open", None, "DNS failed: check the host name")
