"""The other end of the pty for `at_vm.py`: answers AT and AT+CEREG? at once, as a BC660K-GL words it, echo off."""

from __future__ import annotations

import os
import termios
import threading
import tty

# transcripts quectel-bc660k, bench log of firmware BC660KGLAAR01A05
ANSWERS = {
    b"AT": b"\r\nOK\r\n",
    b"AT+CEREG?": b'\r\n+CEREG: 4,5,"0001","0000ABCD",9,,,"00100011","00101010"\r\n\r\nOK\r\n',
}


def open_pty() -> tuple[int, int, str]:
    """(master, slave, path of the slave) of a raw pty whose reads do not wait."""
    master, slave = os.openpty()
    tty.setraw(slave)
    attributes = termios.tcgetattr(slave)
    attributes[6][termios.VMIN] = 0
    attributes[6][termios.VTIME] = 0
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    return master, slave, os.ttyname(slave)


def serve(master: int) -> None:
    """Answer in a thread of its own until the pty is closed."""

    def loop() -> None:
        held = b""
        while True:
            try:
                held += os.read(master, 4096)
            except OSError:
                return
            while b"\r" in held:
                line, held = held.split(b"\r", 1)
                if line in ANSWERS:
                    os.write(master, ANSWERS[line])

    threading.Thread(target=loop, daemon=True).start()
