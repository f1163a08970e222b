"""A module of any make in a few lines, for unit tests of dialects inside the VM: a table of answers, as FakeUart takes.

It judges nothing: the examiners are the virtual modems of the bench.
"""

from cellular.modem import Modem
from fake_uart import FakeUart

OK = b"\r\nOK\r\n"
ERROR = b"\r\nERROR\r\n"


def says(*texts):
    """Lines as a module frames them."""
    return b"".join([b"\r\n" + t + b"\r\n" for t in texts])


class Scripted(FakeUart):
    """Answers OK to what is not in `answers`. `commands`: what was asked, in order. `data`: what went to prompts.

    prompts: {beginning of a command: (prompt, fn(command, data) -> what follows)}; the length of the data is the
    command's last number, or that with the index given as third element, counted from the end.
    """

    def __init__(self, identity, answers=None, prompts=None):
        super().__init__()
        self.commands = []
        self.data = []
        self.answers = {b"ATI": says(*identity) + OK, b"AT+CPIN?": says(b"+CPIN: READY") + OK}
        self.answers.update(answers or {})
        self.prompts = prompts or {}
        self._wants = None
        self._taken = b""

    def write(self, data):
        data = bytes(data)
        if self._wants:
            self._taken += data
            self._take()
            return len(data)
        self._line += data
        while b"\r" in self._line and not self._wants:
            i = self._line.find(b"\r")
            line = self._line[:i]
            self._line = self._line[i + 1 :]
            self._command(line[max(line.find(b"AT"), 0) :])
        return len(data)

    def _command(self, line):
        self.commands.append(line)
        for beginning, prompt in self.prompts.items():
            if line.startswith(beginning):
                count = int(line[line.find(b"=") + 1 :].split(b",")[prompt[2] if len(prompt) > 2 else -1])
                self._wants = (line, prompt[1], count)
                self.reads.append(prompt[0])
                return
        answer = self.answers.get(line, OK)
        if callable(answer):
            answer = answer(line)
        if isinstance(answer, list):
            self.reads.extend(answer)
        elif answer:
            self.reads.append(answer)

    def _take(self):
        line, answer, count = self._wants
        if len(self._taken) < count:
            return
        data, self._taken, self._wants = self._taken[:count], b"", None
        self.data.append(data)
        answer = answer(line, data) if callable(answer) else answer
        if isinstance(answer, list):
            self.reads.extend(answer)
        else:
            self.reads.append(answer)

    def asked(self, beginning):
        return len([c for c in self.commands if c.startswith(beginning)])


async def started(fake):
    modem = Modem(fake)
    await modem.start()
    return modem
