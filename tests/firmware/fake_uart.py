"""A UART for unit tests inside the VM: a script says what comes back for what is written."""

import io

_POLL = 3
_EINVAL = -22


class FakeUart(io.IOBase):
    """answers: {line written: bytes, list of bytes (one a read), or fn(line) -> bytes}; unknown lines get no answer."""

    def __init__(self, answers=None):
        self.answers = answers or {}
        self.sent = []
        self.reads = []
        self._line = b""

    def write(self, data):
        self.sent.append(bytes(data))
        self._line += bytes(data)
        while b"\r" in self._line:
            i = self._line.find(b"\r")
            line = self._line[:i]
            self._line = self._line[i + 1 :]
            answer = self.answers.get(line)
            if callable(answer):
                answer = answer(line)
            if isinstance(answer, list):
                self.reads.extend(answer)
            elif answer:
                self.reads.append(answer)
        return len(data)

    def say(self, data):
        """Unsolicited bytes."""
        self.reads.append(data)

    def readinto(self, buf):
        if not self.reads:
            return None
        data = self.reads.pop(0)
        n = min(len(buf), len(data))
        buf[:n] = data[:n]
        if n < len(data):
            self.reads.insert(0, data[n:])
        return n

    def ioctl(self, request, arg):
        if request == _POLL:
            return arg & 1 if self.reads else 0
        return _EINVAL
