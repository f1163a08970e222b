"""`cellkit sim modem` from outside: a process, and pyserial at its pty, TCP port and RFC 2217 port."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import serial
from servers import udp_echo

WAIT_S = 60.0


class Running:
    """The command, and where it listens."""

    def __init__(self, process: subprocess.Popen[str], where: dict[str, Any]) -> None:
        self.process = process
        self.where = where

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)


@contextmanager
def modem(*options: str, module: str = "bc660k-gl") -> Iterator[Running]:
    command = [sys.executable, "-m", "cellkit.cli", "sim", "modem", "--module", module, "--json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield Running(process, json.loads(line))
    finally:
        process.kill()
        process.communicate()


def failing(*options: str, module: str = "bc660k-gl") -> tuple[int, str]:
    command = [sys.executable, "-m", "cellkit.cli", "sim", "modem", "--module", module, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)
    assert done.stdout == ""
    return done.returncode, done.stderr


class Terminal:
    """A client that sends commands and reads until what it waits for."""

    def __init__(self, place: str, baud: int = 115200) -> None:
        self.port = serial.serial_for_url(place, baud, timeout=0.1)

    def until(self, pattern: bytes) -> bytes:
        heard, deadline = b"", time.monotonic() + WAIT_S
        while not re.search(pattern, heard):
            assert time.monotonic() < deadline, f"expected {pattern!r}, heard {heard!r}"
            heard += self.port.read(self.port.in_waiting or 1)
        return heard

    def ask(self, command: bytes, pattern: bytes = rb"\r\n(OK|ERROR)\r\n") -> bytes:
        self.port.write(command + b"\r")
        return self.until(pattern)

    def registered(self) -> None:
        deadline = time.monotonic() + WAIT_S
        while b",1" not in self.ask(b"AT+CEREG?"):
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def close(self) -> None:
        self.port.close()


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "modem"


@pytest.mark.filterwarnings("ignore::DeprecationWarning:serial.rfc2217")
@pytest.mark.parametrize("kind", ["pty", "tcp", "rfc2217"])
def test_banner_commands_and_state_between_clients(kind: str, link: Path) -> None:
    with modem(f"--{kind}", str(link) if kind == "pty" else "127.0.0.1:0") as running:
        place = running.where["link" if kind == "pty" else "url"]
        terminal = Terminal(place)
        terminal.until(rb"\+CPIN: READY\r\n")
        assert terminal.ask(b"ATI").startswith(b"ATI\r\r\nQuectel_Ltd\r\n")
        assert terminal.ask(b"ATE0") == b"ATE0\r\r\nOK\r\n"
        assert terminal.ask(b'AT+CGDCONT=0,"IP","\xff"')
        terminal.close()
        again = Terminal(place)
        assert b"ATI" not in again.ask(b"ATI"), "echo is still off"
        again.close()
        assert running.end() == 0
    assert not link.is_symlink()


def test_datagrams_reach_a_real_server(link: Path, tmp_path: Path) -> None:
    network = tmp_path / "net.toml"
    network.write_text('radio = { "network.search_s" = 0.1 }\nhosts = { "echo.test" = "127.0.0.1" }\n')
    log = tmp_path / "events.jsonl"
    with udp_echo() as port, modem("--pty", str(link), "--network", str(network), "--log", str(log)) as running:
        terminal = Terminal(str(link))
        terminal.until(rb"\+IP: ")
        terminal.ask(b'AT+QIOPEN=0,0,"UDP","echo.test",%d' % port, rb"\+QIOPEN: 0,0\r\n")
        terminal.ask(b"AT+QISEND=0,5,hello", rb"SEND OK\r\n")
        terminal.until(rb'\+QIURC: "recv",0,5,"hello"\r\n')
        terminal.close()
        assert running.end(signal.SIGTERM) == 0
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["bytes"] for event in events if event["ev"] in ("up", "down")] == [5, 5]
    assert events[-1]["ev"] == "stop"


def test_no_pin_in_the_log_however_it_is_typed(link: Path, tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    with modem("--pty", str(link), "--log", str(log)) as running:
        terminal = Terminal(str(link))
        terminal.until(rb"READY")
        for byte in b'AT+CPIN="7391"\r':
            terminal.port.write(bytes([byte]))
            terminal.until(b".")  # its echo
        terminal.until(rb"ERROR")
        terminal.close()
        assert running.end() == 0
    text = log.read_text()
    assert "7391" not in text and text.count('AT+CPIN=***') == 2, "typed and echoed"


def test_one_client_at_a_time() -> None:
    with modem("--tcp", "127.0.0.1:0") as running:
        first = Terminal(running.where["url"])
        first.until(rb"RDY")
        with socket.create_connection(("127.0.0.1", running.where["port"]), WAIT_S) as second:
            second.settimeout(WAIT_S)
            assert second.recv(10) == b"", "turned away"
        assert b"OK" in first.ask(b"AT")
        assert running.end() == 0
        assert "second client" in running.process.communicate()[1]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:serial.rfc2217")
def test_baud_rate_counts_over_rfc2217() -> None:
    with modem("--rfc2217", "127.0.0.1:0") as running:
        terminal = Terminal(running.where["url"])
        terminal.until(rb"RDY")
        assert terminal.ask(b"AT+IPR=9600")
        terminal.port.write(b"AT\r")
        terminal.until(rb"[\x80-\xff]")
        terminal.port.baudrate = 9600
        terminal.port.reset_input_buffer()
        assert b"9600" in terminal.ask(b"AT+IPR?")
        terminal.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:serial.rfc2217")
def test_a_byte_that_telnet_uses_itself() -> None:
    """0xFF goes through the RFC 2217 port both ways."""
    with udp_echo() as port, modem("--rfc2217", "127.0.0.1:0") as running:
        terminal = Terminal(running.where["url"])
        terminal.until(rb"\+IP: ")
        terminal.ask(b'AT+QIOPEN=0,0,"UDP","127.0.0.1",%d' % port, rb"\+QIOPEN: 0,0\r\n")
        terminal.ask(b'AT+QISEND=0,4,"\xff\xffa\xff"', rb"SEND OK\r\n")
        terminal.until(rb'"recv",0,4,"\xff\xffa\xff"')


def test_a_left_over_link_is_replaced_and_another_file_is_not(link: Path) -> None:
    link.symlink_to("/dev/pts/does-not-exist")
    with modem("--pty", str(link)) as running:
        assert link.exists()
        code, error = failing("--pty", str(link))
        assert code == 1 and "exists and was not made by this command" in error
        link.unlink()
        link.write_text("mine")
        assert running.end() == 0
    assert link.read_text() == "mine", "not ours any more, so not removed"
    code, error = failing("--pty", str(link))
    assert code == 1 and str(link) in error


def test_address_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for option in ("--tcp", "--rfc2217"):
            code, error = failing(option, address)
            assert code == 1 and f"cannot listen at {address}" in error and "Traceback" not in error


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--tcp", "127.0.0.1:0", "--pty", "x"), "got --pty and --tcp"),
        ((), "got none"),
        (("--tcp", "4000"), "expected HOST:PORT"),
        (("--tcp", "127.0.0.1:70000"), "expected HOST:PORT"),
        (("--tcp", "127.0.0.1:0", "--network", "no-such"), "unknown network 'no-such'; there are"),
        (("--tcp", "127.0.0.1:0", "--network", "no-such.toml"), "cannot read no-such.toml"),
    ],
)
def test_wrong_usage(options: tuple[str, ...], text: str) -> None:
    code, error = failing(*options)
    assert code == 2 and text in error


def test_unknown_module() -> None:
    code, error = failing("--tcp", "127.0.0.1:0", module="bc660")
    assert code == 2 and "bc660k-gl" in error


def test_log_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, error = failing("--tcp", "127.0.0.1:0", "--log", str(tmp_path / "file" / "log"))
    assert code == 1 and "cannot write the log" in error


# docs/modem.md

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "modem.md").read_text(encoding="utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_pages_program_and_shell_do_what_it_says(link: Path, tmp_path: Path) -> None:
    network = tmp_path / "net.toml"
    network.write_text(snippets("toml")[0])
    with modem("--pty", str(link), "--network", str(network)) as running:
        (program,) = snippets("python")
        done = subprocess.run(
            [sys.executable, "-c", program.replace("/tmp/modem", str(link))],
            capture_output=True, text=True, timeout=WAIT_S,
        )  # fmt: skip
        assert (done.returncode, done.stdout.split()) == (0, ["Quectel_BC660K-GL", "OK"]), done.stderr
        shell = snippets("sh")[2].replace("/tmp/modem", str(link))
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=WAIT_S)
        assert "Quectel_BC660K-GL" in done.stdout
        assert running.end() == 0


def test_the_pages_first_command_is_one() -> None:
    words = snippets("sh")[0].split()
    assert words[:3] == [".venv/bin/cellkit", "sim", "modem"] and "--pty" in words
