"""A UART for unit tests inside the VM: a script says what comes back for what is written."""

import io

_POLL = 3
_EINVAL = -22


class FakeUart(io.IOBase):
    """answers: {line written: bytes, list of bytes (one a read), or fn(line) -> bytes}; unknown lines get no answer.

    takes: the most bytes that one write takes, as where the driver's buffer is small; 0: the line is stuck.
    """

    def __init__(self, answers=None):
        self.answers = answers or {}
        self.sent = []
        self.reads = []
        self.takes = None
        self._line = b""

    def write(self, data):
        if self.takes is not None:
            data = data[: self.takes]
            if not data:
                return None
        self.sent.append(bytes(data))
        self._line += bytes(data)
        while b"\r" in self._line:
            i = self._line.find(b"\r")
            line = self._line[:i]
            self._line = self._line[i + 1 :]
            line = line[max(line.find(b"AT"), 0) :]  # V.250: noise before AT does not count
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

    def written(self):
        """All that was written, in one piece."""
        return b"".join(self.sent)

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
