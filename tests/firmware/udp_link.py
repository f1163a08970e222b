"""A link that is always up, over plain UDP sockets of the unix port: for services against real servers, no modem."""

import asyncio
import errno
import socket
import time

_POLL_MS = 5


class UdpSocket:
    """The interface of the modem's sockets over a socket of the host, polled."""

    def __init__(self, host, port):
        address = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0][-1]
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.connect(address)
        self._sock.setblocking(False)

    async def send(self, buf):
        try:
            self._sock.send(buf)
        except OSError as e:
            if e.errno != errno.ECONNREFUSED:  # an ICMP message about an earlier datagram: radio gives no such hint
                raise

    async def recv_into(self, buf, timeout_ms):
        end = time.ticks_add(time.ticks_ms(), timeout_ms)
        while True:
            try:
                data = self._sock.recv(len(buf))
                buf[: len(data)] = data
                return len(data)
            except OSError as e:
                if e.errno not in (errno.EAGAIN, errno.ECONNREFUSED):
                    raise
            if time.ticks_diff(end, time.ticks_ms()) <= 0:
                return 0
            await asyncio.sleep_ms(_POLL_MS)

    async def close(self):
        self._sock.close()


class UdpLink:
    async def up(self, urgent):
        pass

    async def udp(self, host, port):
        return UdpSocket(host, port)

    async def release(self):
        pass
