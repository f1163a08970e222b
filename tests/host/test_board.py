"""The unix board: `machine` in the real VM against the virtual MCU's hardware."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cellkit.bench.chip import ResetCause
from cellkit.bench.mcucore import McuConfig, McuError
from vm_bench import WAIT_S, vm

ROOT = Path(__file__).resolve().parents[2]
MICROPYTHON = ROOT / "build" / "micropython" / "micropython"


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


# --- pins and analogue inputs -----------------------------------------------------------------------------------------


def test_pin_out_reaches_the_bench(tmp_path: Path) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            lines = await it.run(
                "from machine import Pin\n"
                "p = Pin('SIREN', Pin.OUT, value=0)\n"
                "p.on(); print(p.value()); p.off(); p(1); print(p())\n"
            )
            assert lines == ["1", "1"]
            assert [(e["pin"], e["value"]) for e in it.events("pin")] == [("SIREN", 1), ("SIREN", 0), ("SIREN", 1)]
            assert it.mcu.output("SIREN") == 1

    asyncio.run(body())


def test_pin_in_reads_the_outside_and_its_pull(tmp_path: Path) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            it.mcu.set_pin("HIGH", 1)
            it.mcu.set_pin("LOW", 0)
            lines = await it.run(
                "from machine import Pin\n"
                "for name in ('HIGH', 'LOW', 'FREE'):\n"
                "    print(name, Pin(name, Pin.IN, Pin.PULL_UP).value(), Pin(name, Pin.IN, None).value())\n"
                "Pin('HIGH', Pin.OPEN_DRAIN, value=0)\n"
                "print(Pin('HIGH').value()); Pin('HIGH').value(1); print(Pin('HIGH').value())\n"
            )
            assert lines == ["HIGH 1 1", "LOW 0 0", "FREE 1 0", "0", "1"]

    asyncio.run(body())


def test_driving_an_input_is_an_error(tmp_path: Path) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            lines = await it.run(
                "from machine import Pin\ntry: Pin('BUTTON', Pin.IN).on()\nexcept OSError as e: print(e)\n"
            )
            assert "pin BUTTON is not an output" in lines[0]

    asyncio.run(body())


IRQ = """
import asyncio
import json
from machine import Pin
b = Pin("BUTTON", Pin.IN, Pin.PULL_UP)
def handler(pin):
    print("irq", pin.value())
    if %s:
        raise ValueError("handler failed")
b.irq(handler, Pin.IRQ_FALLING)
async def main():
    print("ready")
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("fails", [False, True], ids=["good handler", "handler that raises"])
def test_irq_comes_on_the_armed_edge_only(tmp_path: Path, fails: bool) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            it.mcu.set_pin("BUTTON", 1)
            await it.start(IRQ % fails)
            await it.said("ready")
            for count in (1, 2):
                it.mcu.set_pin("BUTTON", 0)
                await it.said("irq 0", count)
                it.mcu.set_pin("BUTTON", 1)
            await asyncio.sleep(0.1)
            assert "irq 1" not in it.lines
            assert ("ValueError: handler failed" in it.lines) is fails

    asyncio.run(body())


def test_an_idle_vm_does_not_poll(tmp_path: Path) -> None:
    script = (
        "import asyncio, board\nfrom asyncio import core\nfrom machine import Pin, UART\n"
        "u = UART(1, 115200)\n"
        "Pin('BUTTON', Pin.IN, Pin.PULL_UP).irq(print, Pin.IRQ_FALLING)\n"
        "def wait(): yield core._io_queue.queue_read(u)\n"
        "async def main():\n    print('ready')\n    await wait()\n    print(u.read())\n"
        "asyncio.run(main())\n"
    )

    async def body() -> None:
        async with vm(tmp_path) as it:
            await it.start(script)
            await it.said("ready")
            await asyncio.sleep(0.2)
            assert it.mcu.pid is not None
            status = Path(f"/proc/{it.mcu.pid}/status")
            before = _switches(status)
            await asyncio.sleep(1)
            assert _switches(status) - before < 20  # a VM that polls wakes up a thousand times a second
            it.tty.send(b"wake up")
            assert await it.mcu.wait_ended(WAIT_S) == 0
            assert it.lines[-1] == "b'wake up'"

    asyncio.run(body())


def _switches(status: Path) -> int:
    for line in status.read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches"):
            return int(line.split()[1])
    raise AssertionError("no counter of context switches")


def test_adc(tmp_path: Path) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            it.mcu.set_adc_mv("SMOKE_ADC", 1650)
            it.mcu.set_adc_mv("HIGH", 5000)
            lines = await it.run(
                "from machine import ADC, Pin\n"
                "a = ADC(Pin('SMOKE_ADC')); print(a.read_uv(), a.read_u16())\n"
                "print(ADC('HIGH').read_u16(), ADC('OPEN').read_u16())\n"
            )
            assert lines == ["1650000 32767", "65535 0"]

    asyncio.run(body())


# --- reset, sleep, watchdog, power ------------------------------------------------------------------------------------

SLEEPER = """
import machine, os
from machine import RTC, Pin, reset_cause, wake_reason
rtc = RTC()
print("start", reset_cause(), wake_reason(), rtc.memory())
%s
if reset_cause() == machine.PWRON_RESET:
    Pin("SIREN", Pin.OUT, value=1)
    Pin("BUTTON", Pin.IN, Pin.PULL_UP).irq(None, Pin.IRQ_FALLING, wake=machine.DEEPSLEEP)
    rtc.memory(b"\\x00kept\\xff")
    open("file", "w").write("on flash")
    try:
        machine.deepsleep(%s)
    finally:
        print("never")
print(open("file").read())
"""


def test_deep_sleep_restarts_after_its_time_and_keeps_rtc_memory(tmp_path: Path) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            lines = await it.run(SLEEPER % ("", 300))
            assert lines == ["start 1 0 b''", "start 4 4 b'\\x00kept\\xff'", "on flash"]
            starts = [event["t"] for event in it.events("start")]
            assert starts[1] - it.events("deepsleep")[0]["t"] >= 0.3
            assert [e["value"] for e in it.events("pin") if e["pin"] == "SIREN"] == [1, 0]  # pins let go in deep sleep

    asyncio.run(body())


def test_deep_sleep_without_end_wakes_by_pin(tmp_path: Path) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            it.mcu.set_pin("BUTTON", 1)
            await it.start(SLEEPER % ("", ""))
            await it.until(lambda: it.events("deepsleep") and it.mcu.pid is None, "deep sleep")
            it.mcu.set_pin("BUTTON", 0)
            assert await it.mcu.wait_ended(WAIT_S) == 0
            assert it.lines[1] == "start 4 2 b'\\x00kept\\xff'"

    asyncio.run(body())


def test_reset_from_outside_ends_deep_sleep(tmp_path: Path) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            await it.start(SLEEPER % ("", ""))
            await it.until(lambda: it.events("deepsleep") and it.mcu.pid is None, "deep sleep")
            it.mcu.restart(ResetCause.HARD)
            assert await it.mcu.wait_ended(WAIT_S) == 0
            assert it.lines[1] == "start 2 0 b'\\x00kept\\xff'"

    asyncio.run(body())


def test_machine_reset_keeps_rtc_memory_and_power_cut_does_not(tmp_path: Path) -> None:
    script = (
        "import machine\n"
        "print(machine.reset_cause(), machine.RTC().memory())\n"
        "if machine.RTC().memory() == b'': machine.RTC().memory(b'x'); machine.reset()\n"
    )

    async def body() -> None:
        async with vm(tmp_path) as it:
            assert await it.run(script) == ["1 b''", "2 b'x'"]
            await it.mcu.power_cut()
            assert (await it.run(script))[2:] == ["1 b''", "2 b'x'"]

    asyncio.run(body())


def test_rtc_memory_is_limited(tmp_path: Path) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            lines = await it.run(
                "from machine import RTC\n"
                "RTC().memory(bytes(2048)); print(len(RTC().memory()))\n"
                "try: RTC().memory(bytes(2049))\nexcept ValueError as e: print(e)\n"
            )
            assert lines == ["2048", "RTC memory holds 2048 bytes, got 2049"]

    asyncio.run(body())


def test_watchdog_restarts_what_does_not_feed_it(tmp_path: Path) -> None:
    script = (
        "import machine, time\n"
        "print('cause', machine.reset_cause())\n"
        "if machine.reset_cause() == machine.PWRON_RESET:\n"
        "    w = machine.WDT(timeout=500)\n"
        "    for _ in range(8): time.sleep_ms(100); w.feed()\n"
        "    print('fed')\n"
        "    while True: pass\n"
    )

    async def body() -> None:
        async with vm(tmp_path) as it:
            assert await it.run(script) == ["cause 1", "fed", "cause 3"]
            (wdt,) = it.events("wdt")
            assert wdt["t"] >= 0.5

    asyncio.run(body())


def test_light_sleep_ends_with_its_time_or_an_interrupt(tmp_path: Path) -> None:
    script = (
        "import asyncio, machine, time\nfrom machine import Pin\n"
        "t = time.ticks_ms(); machine.lightsleep(200); print(time.ticks_diff(time.ticks_ms(), t) >= 200)\n"
        "done = asyncio.Event()\n"
        "Pin('BUTTON', Pin.IN, Pin.PULL_UP).irq(lambda p: done.set(), Pin.IRQ_FALLING, wake=machine.SLEEP)\n"
        "print('sleeping'); machine.lightsleep(); print('awake')\n"
        "asyncio.run(asyncio.wait_for(done.wait(), 5)); print('handled')\n"
    )

    async def body() -> None:
        async with vm(tmp_path) as it:
            it.mcu.set_pin("BUTTON", 1)
            await it.start(script)
            await it.said("sleeping")
            await asyncio.sleep(0.2)
            assert "awake" not in it.lines
            it.mcu.set_pin("BUTTON", 0)
            assert await it.mcu.wait_ended(WAIT_S) == 0
            assert it.lines == ["True", "sleeping", "awake", "handled"]

    asyncio.run(body())


def test_power_cut_keeps_only_what_is_on_flash(tmp_path: Path) -> None:
    script = (
        "import time\n"
        "try:\n    open('a', 'w').write('kept'); print('cut me'); time.sleep(60)\n"
        "finally:\n    open('b', 'w').write('must not be')\n"
    )

    async def body() -> None:
        async with vm(tmp_path) as it:
            await it.start(script)
            await it.said("cut me")
            pid = it.mcu.pid
            assert pid is not None
            await it.mcu.power_cut()
            assert not alive(pid)
            assert it.mcu.pid is None
            assert (it.flash / "a").read_text() == "kept"
            assert not (it.flash / "b").exists()
            with pytest.raises(McuError, match="no power"):
                await it.mcu.wait_ended(1)

    asyncio.run(body())


def test_unique_id_and_heap_size(tmp_path: Path) -> None:
    async def body() -> None:
        config = McuConfig(unique_id="00ff10", heap_bytes=128 * 1024)
        async with vm(tmp_path, config=config) as it:
            lines = await it.run(
                "import gc, machine\nprint(machine.unique_id())\nprint(gc.mem_free() + gc.mem_alloc() <= 131072)\n"
            )
            assert lines == ["b'\\x00\\xff\\x10'", "True"]

    asyncio.run(body())


def test_trace_lines_become_events(tmp_path: Path) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            await it.run("from cellular.trace import trace\ntrace('psm', state='enter')\nprint('@{torn')\n")
            assert [event["data"] for event in it.events("trace")] == [{"ev": "psm", "state": "enter"}]
            assert it.lines == ["@{torn"]

    asyncio.run(body())


# --- UART -------------------------------------------------------------------------------------------------------------


def test_uart_carries_every_byte(tmp_path: Path) -> None:
    script = (
        "import asyncio\nfrom asyncio import core\nfrom machine import UART\n"
        "u = UART(1, 115200)\n"
        "print(u.any(), u.read(), u.readinto(bytearray(4)), u.readline())\n"
        "def wait(): yield core._io_queue.queue_read(u)\n"
        "async def main():\n"
        "    sent = bytes(range(256)) * 4\n"
        "    print(u.write(sent))\n"
        "    got = b''\n"
        "    buf = bytearray(100)\n"
        "    while len(got) < len(sent):\n"
        "        await asyncio.wait_for(wait(), 10)\n"
        "        n = u.readinto(buf)\n"
        "        got += buf[:n]\n"
        "    print(got == sent, u.any())\n"
        "asyncio.run(main())\n"
    )

    async def body() -> None:
        async with vm(tmp_path, echo=True) as it:
            it.tty.listen()
            assert await it.run(script) == ["0 None None None", "1024", "True 0"]
            assert it.tty.got == bytes(range(256)) * 4
            (uart,) = it.events("uart")
            assert (uart["baud"], uart["frame"]) == (115200, "8N1")

    asyncio.run(body())


def test_uart_as_a_stream_of_lines(tmp_path: Path) -> None:
    script = (
        "import asyncio\nfrom machine import UART\n"
        "async def main():\n"
        "    s = asyncio.StreamReader(UART(1, 9600))\n"
        "    print('ready')\n"
        "    print(await asyncio.wait_for(s.readline(), 10))\n"
        "    s.write(b'answer'); await s.drain()\n"
        "asyncio.run(main())\n"
    )

    async def body() -> None:
        async with vm(tmp_path) as it:
            it.tty.listen()
            await it.start(script)
            await it.said("ready")
            it.tty.send(b"first ")
            await asyncio.sleep(0.1)
            it.tty.send(b"line\r\nrest")
            assert await it.mcu.wait_ended(WAIT_S) == 0
            assert it.lines == ["ready", "b'first line\\r\\n'"]
            await it.until(lambda: it.tty.got == b"answer", "answer on the line")

    asyncio.run(body())


def test_uart_write_to_a_stuck_line_ends(tmp_path: Path) -> None:
    script = (
        "import time\nfrom machine import UART\n"
        "u = UART(1, 115200)\n"
        "t = time.ticks_ms(); sent = 0\n"
        "while True:\n"
        "    n = u.write(bytes(5000))\n"
        "    sent += n or 0\n"
        "    if n is None or n < 5000: break\n"
        "print(sent > 0, n, u.write(b'AT'))\n"
    )

    async def body() -> None:
        async with vm(tmp_path) as it:  # nobody reads the tty
            lines = await it.run(script)
            assert lines[0].startswith("True ")
            assert lines[0].endswith(" None")

    asyncio.run(body())


def test_uart_hears_nothing_from_before_it_was_opened(tmp_path: Path) -> None:
    script = (
        "import time\nfrom machine import UART\n"
        "print('closed')\n"
        "while not open('go').read(): time.sleep_ms(10)\n"
        "u = UART(1, 115200); print(u.read())\n"
        "u.deinit(); print('off'); time.sleep(60)\n"
    )

    async def body() -> None:
        async with vm(tmp_path) as it:
            it.flash.mkdir(parents=True)
            (it.flash / "go").write_text("")
            await it.start(script)
            await it.said("closed")
            assert not it.tty.is_connected
            it.tty.send(b"RDY\r\n")
            (it.flash / "go").write_text("go")
            await it.said("None")
            await it.said("off")
            assert not it.tty.is_connected

    asyncio.run(body())


def test_uart_is_connected_while_the_vm_has_it_open(tmp_path: Path) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            await it.start("import time\nfrom machine import UART\nUART(1)\nprint('open')\ntime.sleep(60)\n")
            await it.said("open")
            assert it.tty.is_connected
            await it.mcu.power_cut()
            assert not it.tty.is_connected

    asyncio.run(body())


@pytest.mark.parametrize(
    ("call", "complaint"),
    [("UART(1, 12345)", "baudrate 12345; known are"), ("UART(7)", "nothing is wired to UART 7; wired are 1")],
)
def test_uart_errors_say_what_was_expected(tmp_path: Path, call: str, complaint: str) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            lines = await it.run(
                f"from machine import UART\ntry: {call}\nexcept (ValueError, OSError) as e: print(e)\n"
            )
            assert complaint in lines[0]

    asyncio.run(body())


def test_uart_ioctl(tmp_path: Path) -> None:
    async def body() -> None:
        async with vm(tmp_path) as it:
            lines = await it.run("from machine import UART\nu = UART(1)\nprint(u.ioctl(10, 0) > 2, u.ioctl(99, 0))\n")
            assert lines == ["True -22"]

    asyncio.run(body())


# --- without a bench, and the bench killed ----------------------------------------------------------------------------


def bare(code: str) -> str:
    env = {"MICROPYPATH": f"{ROOT}/boards/unix:.frozen"}
    done = subprocess.run([MICROPYTHON, "-c", code], env=env, capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


def test_import_needs_no_bench_and_use_says_so() -> None:
    assert bare("import machine, board; print('imported')") == "imported\n"
    assert "expected a bench at CELLKIT_BENCH=host:port" in bare("from machine import Pin; Pin('SIREN', Pin.OUT)")


def test_the_frozen_machine_is_the_boards() -> None:
    done = subprocess.run(
        [MICROPYTHON, "-c", "import machine, board, asyncio, os; print(machine.UART, board.FLASH, os.VfsLfs2)"],
        env={},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "<class 'UART'> . <class 'VfsLfs2'>\n", done.stderr


def test_the_app_program_has_the_firmware_in_flash() -> None:
    program = MICROPYTHON.with_name("micropython-app")
    code = "import cellular.at.channel as c; print(c.__file__)"
    done = subprocess.run([program, "-c", code], env={}, cwd="/", capture_output=True, text=True, timeout=30)
    assert done.stdout == "cellular/at/channel.py\n", done.stderr


def test_a_killed_bench_leaves_no_vm(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from vm_bench import vm\n"
        "async def main():\n"
        f"    async with vm(Path({str(tmp_path)!r})) as it:\n"
        "        await it.start('import time; print(\"up\"); time.sleep(600)')\n"
        "        await it.said('up')\n"
        "        print(it.mcu.pid, flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    path = os.pathsep.join([str(ROOT / "tests" / "host"), os.environ.get("PYTHONPATH", "")])
    env = dict(os.environ, PYTHONPATH=path)
    with subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True) as bench:
        assert bench.stdout is not None
        pid = int(bench.stdout.readline())
        assert alive(pid)
        bench.send_signal(signal.SIGKILL)
        bench.wait(WAIT_S)

    async def gone() -> bool:
        for _ in range(200):
            if not alive(pid):
                return True
            await asyncio.sleep(0.05)
        return False

    assert asyncio.run(gone())


# --- the board's files agree ------------------------------------------------------------------------------------------


def test_board_toml_names_pins_of_board_py() -> None:
    toml = tomllib.loads((ROOT / "boards" / "unix" / "board.toml").read_text())
    program = "import board, json; print(json.dumps({k: v for k, v in board.__dict__.items() if k.isupper()}))"
    done = subprocess.run([MICROPYTHON, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    board: dict[str, object] = json.loads(done.stdout)
    for group in ("outputs", "inputs", "analogue"):
        for entry in toml[group].values():
            assert board[entry["pin"]] == entry["pin"]
    assert str(board["MODEM_UART"]) == toml["modem"]["uart"]
    assert board["MODEM_BAUD"] == toml["modem"]["baud"]
    assert board["BATTERY_DIVIDER"] == toml["analogue"]["battery"]["divider"]
