"""A BC660K-GL in a few lines, for unit tests of modem and link inside the VM: a table of answers and two keys.

It judges nothing: the examiner is the virtual modem of the bench. Answers: transcripts quectel-bc660k.
"""

import asyncio
import os

from fake_uart import FakeUart

OK = b"\r\nOK\r\n"
ERROR = b"\r\nERROR\r\n"
BANNER = b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n"
GRANTED = b'\r\n+CEREG: 5,1,"0001","0000ABCD",9,,,"00000011","01001010"\r\n\r\nOK\r\n'


def lines(*texts):
    return b"".join(b"\r\n" + t + b"\r\n" for t in texts) + b"\r\nOK\r\n"


class FakeModem(FakeUart):
    """`answers` are those of a registered module, to be changed by a test; `commands` what was asked, in order.

    `on`: answers at all. `asleep`: the next AT is lost, a bare CR LF follows. `banner`: said after a start. Pins:
    `power`, `reset`.
    """

    def __init__(self):
        super().__init__()
        self.on = True
        self.asleep = False
        self.banner = BANNER
        self.function = 1
        self.sleep_lock_s = 2
        self.boots = 0
        self.commands = []
        self.power = Key(self._started)
        self.reset = Key(self._started)
        self.answers = {
            b"AT": OK,
            b"ATE0": OK,
            b"AT+CMEE=1": OK,
            b"ATI": lines(b"Quectel_Ltd", b"Quectel_BC660K-GL", b"Revision: BC660KGLAAR01A05"),
            b"AT+CGSN=1": lines(b"+CGSN: 001010000000001"),
            b"AT+QCCID": lines(b"+QCCID: 89000000000000000001"),
            b"AT+CPIN?": lines(b"+CPIN: READY"),
            b"AT+QCGDEFCONT?": lines(b'+QCGDEFCONT: "IP","iot"'),
            b"AT+QNBIOTEVENT?": lines(b"+QNBIOTEVENT: 1,1"),
            b"AT+CFUN?": lambda line: lines(b"+CFUN: %d" % self.function),
            b"AT+CFUN=0": lambda line: self._switch(0),
            b"AT+CFUN=1": lambda line: self._switch(1),
            b'AT+QCFG="slplocktimes"': lambda line: lines(b'+QCFG: "slplocktimes",%d' % self.sleep_lock_s),
            b'AT+QCFG="slplocktimes",2': self._set_sleep_lock,
            b"AT+QSCLK=0": OK,
            b"AT+QSCLK=1": OK,
            b"AT+CSCON=1": OK,
            b"AT+QNBIOTRAI=1": OK,
            b"AT+CEREG=5": OK,
            b"AT+CEREG?": GRANTED,
            b"AT+CPSMS?": lines(b'+CPSMS: 1,,,"00111000","00000101"'),
            b'AT+QICFG="dataformat",1,1': OK,
            b"AT+QICLOSE=0": [OK, b"\r\nCLOSE OK\r\n"],
            b"AT+QRST=1": self._rebooted,
        }

    def _set_sleep_lock(self, line):
        self.sleep_lock_s = 2
        return OK

    def _switch(self, function):
        self.function = function
        return OK

    def _rebooted(self, line):
        self._started()
        return OK

    def _started(self):
        self.boots += 1
        self.on = True
        self.asleep = False
        asyncio.create_task(self._boot())

    async def _boot(self):
        await asyncio.sleep_ms(20)
        if self.banner:
            self.say(self.banner)

    def write(self, data):
        if not self.on:
            return len(data)
        if self.asleep:
            if b"\r" in data:
                self.asleep = False
                self.say(b"\r\n")
            return len(data)
        before = len(self.sent)
        n = super().write(data)
        if b"\r" in data:
            line = b"".join(self.sent[:before + 1])
            at = line.rfind(b"AT", 0, -1)
            self.commands.append(line[at:].split(b"\r")[0])
            self.sent.clear()
        return n

    def asked(self, command):
        return self.commands.count(command)


class Key:
    """A pin that counts its pulses, and calls at the end of each."""

    def __init__(self, released):
        self.level = 0
        self.pulses = 0
        self._released = released

    def value(self, level):
        if self.level and not level:
            self.pulses += 1
            self._released()
        self.level = level


class Folder:
    """A fresh folder of the host, removed at the end."""

    def __enter__(self):
        self.path = (os.getenv("TMPDIR") or "/tmp") + "/cellkit_" + "".join("%02x" % b for b in os.urandom(8))
        os.mkdir(self.path)
        return self.path

    def __exit__(self, *_):
        for name in os.listdir(self.path):
            os.remove(self.path + "/" + name)
        os.rmdir(self.path)


async def fails(kind, awaitable):
    """The error of `kind` that `awaitable` raises; any other outcome is a failure."""
    try:
        got = await awaitable
    except kind as e:
        return e
    raise AssertionError("no %s, but %r" % (kind.__name__, got))


async def until(condition, ms=5000):
    for _ in range(ms // 2):
        if condition():
            return
        await asyncio.sleep_ms(2)
    raise AssertionError("condition did not come true")
