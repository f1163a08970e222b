"""A module that this project has never heard of: one file beside the firmware, and a twin made here. Nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from unittest import mock

import pytest
from cellkit.bench.mcucore import McuConfig
from cellkit.bench.modem import families
from cellkit.bench.modem.engines.links import Link, Links
from cellkit.bench.modem.family import DataMode, Handler, Reply, Traits
from cellkit.bench.modem.plain import PlainModem
from cellkit.bench.modem.v250 import Command, SyntaxFault
from cellkit.bench.rig import BenchConfig
from cellkit.bench.vrig import VirtualBench

PROFILES = Path(__file__).resolve().parents[2] / "firmware" / "cellular" / "modem" / "profiles"
LIMIT_S = 300
PROFILE = '''"""Acme ZX100, made up for a test."""

from cellular.at.fields import number, split
from cellular.modem.profiles.base import *

NAME = "ZX100"
CAPABILITIES = {"udp": "", "coap": "", "psm": ""}
BANNERS = (b"ACME UP",)
URCS = STANDARD_URCS + (b"+ZDATA:",)
HEADERS = ((b"+ZDATA:", 2, False),)
SOCKETS = 1
SEND_MAX = 256


async def udp_open(modem, sid, host, port):
    command = b'AT+ZOPEN="%s",%d' % (host.encode(), port)
    line = await modem.channel.cmd(command, None, 5000, b"+ZOPEN:", 30000)
    modem.socket(sid).handle = number(split(line[7:]), 0)
    return 0


async def udp_send(modem, handle, data):
    await modem.channel.cmd(b"AT+ZSEND=%d,%d" % (handle, len(data)), None, 20000, data=data)
    return True


async def udp_close(modem, handle):
    await modem.try_command(b"AT+ZCLOSE=%d" % handle)


def udp_received(line, payload=None, cut=False):
    return (number(split(line[7:]), 0), payload) if line.startswith(b"+ZDATA:") else None
'''


class Zx100(PlainModem):
    """One socket, which the module numbers 7."""

    traits = Traits(banner=((0.0, "ACME UP"),))

    @cached_property
    def links(self) -> Links:
        return Links(self)

    def commands(self) -> dict[str, Handler]:
        self.opened = 0
        return {"+ZOPEN": self._open, "+ZSEND": self._send, "+ZCLOSE": self._close}

    def _link(self, command: Command) -> Link:
        link = self.links.get(command.integer(0, 7, 7))
        if link is None:
            raise SyntaxFault
        return link

    def _open(self, command: Command) -> Reply:
        host, port = command.string(0, 64), command.integer(1, 1, 65535)
        if self.links.get(7) is not None:
            raise SyntaxFault

        def begin() -> None:
            link = self.links.open(7, "udp", host, port, lambda outcome: self.urc(f"+ZOPEN: 7,{outcome}"))
            link.on_data = lambda data: self.urc(f"+ZDATA: 7,{len(data)},{data.decode('latin-1')}")
            self.opened += 1

        return Reply(after=begin)

    def _send(self, command: Command) -> Reply:
        link, size = self._link(command), command.integer(1, 1, 256)

        def typed(data: bytes | None) -> None:
            self.complete(Reply(after=lambda: None if data is None else link.send(data)))

        return Reply(prompt=DataMode(size, size, typed))

    def _close(self, command: Command) -> Reply:
        self._link(command).close()
        return Reply()


@contextmanager
def device(folder: Path) -> Iterator[VirtualBench]:
    """A smoke alarm whose modem is the ZX100; `folder` is on its path before the firmware."""

    identity = {"manufacturer": "Acme", "model": "ZX100", "revision": "ZX100-R01"}
    settings = {"server": "coap://127.0.0.1:5683/alarm", "apn": "test.apn", "t3324_s": 6, "t3412_s": 86400}
    config = BenchConfig(
        modem=families.config("generic", identity=identity),
        mcu=McuConfig(extra_path=(folder,)),
        files={"config.json": json.dumps(settings)},
    )
    made = mock.patch.object(families, "make", Zx100)
    with made, VirtualBench(config) as bench:
        bench.start(["-m", "apps.smoke"])
        yield bench


def run_until(bench: VirtualBench, ev: str) -> dict[str, object]:
    """The first trace `ev` of the device."""
    while bench.clock.now() < LIMIT_S:
        bench.run(1.0)
        for event in bench.log.each("mcu", "trace"):
            if event["data"]["ev"] == ev:
                found: dict[str, object] = event["data"]
                return found
    last = "\n".join(str(event)[:200] for event in bench.log.events[-40:])
    raise AssertionError(f"no {ev} within {LIMIT_S} s; last events:\n{last}")


def test_one_file_is_enough_for_a_module(tmp_path: Path) -> None:
    (tmp_path / "modem_zx100.py").write_text(PROFILE, encoding="utf-8")
    with device(tmp_path) as bench:
        assert run_until(bench, "modem_ready")["model"] == "ZX100"
        run_until(bench, "uplink_ack")
        assert isinstance(bench.modem, Zx100) and bench.modem.opened
        bench.world.smoke(2400)
        bench.run(60.0)
        records = [record for event in bench.log.each("server", "request") for record in event["records"]]
        assert any(record["name"] == "fire" and record["value"] is True for record in records), records
        assert {event["code"] for event in bench.log.each("server", "response")} == {"2.04"}


def test_without_the_file_the_error_names_it(tmp_path: Path) -> None:
    with device(tmp_path) as bench:
        bench.run(60.0)
        said = [json.dumps(event["data"]) for event in bench.log.each("mcu", "trace")]
        assert any("ZX100" in text and "modem_<name>.py" in text for text in said), said


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.py")), ids=lambda path: path.stem)
def test_a_profile_stays_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 150
