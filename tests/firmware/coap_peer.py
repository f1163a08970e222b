"""The other end of a UDP socket, in the same program, that answers as a test tells it to."""

import asyncio

from cellular.services import coap


class Peer:
    """A socket whose other end is `behave(peer, message)`, called for each datagram sent; it fills `inbox`."""

    def __init__(self, behave):
        self.sent = []
        self.inbox = []
        self.behave = behave

    async def send(self, buf):
        message = coap.decode(bytes(buf))
        self.sent.append(message)
        self.behave(self, message)

    async def recv_into(self, buf, timeout_ms):
        if not self.inbox:
            await asyncio.sleep_ms(min(timeout_ms, 20))
            return 0
        data = self.inbox.pop(0)
        n = min(len(data), len(buf))
        buf[:n] = data[:n]
        return n

    async def close(self):
        pass

    def put(self, mtype, code, mid, token=b"", payload=b"", options=()):
        buf = bytearray(1200)
        n = coap.encode(buf, mtype, code, mid, token, options, payload)
        self.inbox.append(bytes(buf[:n]))

    def requests(self):
        return [m for m in self.sent if m.code[0] == 0 and m.code[1]]

    def short(self):
        """The empty messages the client sent, as (type, mid)."""
        return [(m.mtype, m.mid) for m in self.sent if m.code == (0, 0)]


def changed(peer, m, payload=b""):
    peer.put(coap.ACK, 0x44, m.mid, m.token, payload)
