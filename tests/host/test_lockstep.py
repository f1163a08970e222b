"""The VM in virtual time: its clocks, waits, UART, interrupts, sleeps, flash and randomness are the bench's."""

from __future__ import annotations

from pathlib import Path

import pytest
from cellkit.bench import lockstep, mcucore
from cellkit.bench.mcucore import McuError
from cellkit.bench.rig import BenchConfig
from cellkit.bench.vrig import VirtualBench


def console(bench: VirtualBench) -> list[str]:
    return [event["text"] for event in bench.log.each("mcu", "console")]


def run(folder: Path, script: str, seconds: float, seed: int = 1, **config: object) -> VirtualBench:
    """Run `script` on a fresh bench for `seconds` of virtual time; the bench is closed when it returns."""
    path = folder / "script.py"
    path.write_text(script)
    with VirtualBench(BenchConfig.model_validate(config), folder / "bench", seed) as bench:
        bench.start([str(path)])
        bench.run(seconds)
    return bench


def test_waiting_is_the_only_thing_that_takes_time(tmp_path: Path) -> None:
    script = (
        "import time\n"
        "a = time.ticks_ms(); sum(range(100000)); b = time.ticks_ms()\n"
        "time.sleep(86400); c = time.ticks_ms(); d = time.ticks_us(); time.sleep_ms(5); time.sleep_us(250)\n"
        "print(b - a, time.ticks_diff(c, a), time.ticks_diff(time.ticks_us(), d))\n"
    )
    bench = run(tmp_path, script, 90000)
    assert console(bench) == ["0 86400000 5250"]
    assert bench.log.each("mcu", "exit")[0]["t"] == pytest.approx(86400.05 + 0.00525)


def test_asyncio_tasks_wake_at_their_times(tmp_path: Path) -> None:
    script = (
        "import asyncio, time\n"
        "async def tick(name, ms):\n"
        "    for _ in range(2):\n"
        "        await asyncio.sleep_ms(ms)\n"
        "        print(name, time.ticks_ms())\n"
        "async def main():\n    await asyncio.gather(tick('a', 3000), tick('b', 5000))\n"
        "asyncio.run(main())\n"
    )
    assert console(run(tmp_path, script, 60)) == ["a 3000", "b 5000", "a 6000", "b 10000"]


def test_ticks_wrap_as_on_boards(tmp_path: Path) -> None:
    script = (
        "import time\n"
        "for _ in range(5):\n    time.sleep(4 * 86400)\n"
        "print(time.ticks_ms() == 20 * 86400000 - 2**30, time.ticks_diff(time.ticks_add(2**30 - 5, 10), 2**30 - 5))\n"
    )
    assert console(run(tmp_path, script, 21 * 86400)) == ["True 10"]


def test_one_seed_one_history(tmp_path: Path) -> None:
    script = (
        "import os, random, time, asyncio, board\n"
        "from machine import UART\n"
        "u = UART(board.MODEM_UART, board.MODEM_BAUD)\n"
        "async def main():\n"
        "    s = asyncio.StreamReader(u)\n"
        "    for _ in range(5):\n"
        "        await asyncio.sleep_ms(random.getrandbits(10)); u.write(b'AT+CSQ\\r')\n"
        "        print(os.urandom(3), await s.readline())\n"
        "asyncio.run(main())\n"
    )
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        (tmp_path / name).mkdir()
        run(tmp_path / name, script, 100, seed)
    a, b, c = ((tmp_path / name / "bench" / "events.jsonl").read_text() for name in "abc")
    assert a.count("\n") > 30
    assert a == b.replace("/b/", "/a/")
    assert a != c


def test_uart_bytes_take_their_time(tmp_path: Path) -> None:
    script = (
        "import time, board\n"
        "from machine import UART\n"
        "time.sleep(3)\n"
        "u = UART(board.MODEM_UART, 115200)\n"
        "t = time.ticks_us(); u.write(b'ATE0\\r'); u.flush(); print('sent', time.ticks_us() - t, u.txdone())\n"
        "time.sleep_ms(10); u.read(); time.sleep_ms(30)\n"
        "print(u.any(), u.readline(), u.readline(), u.any())\n"
        "u.init(115200, timeout=1000)\n"
        "t = time.ticks_ms(); print(u.read(), time.ticks_ms() - t)\n"
    )
    lines = console(run(tmp_path, script, 30))
    assert lines[0] == "sent 434 True"  # five bytes of ten bits at 115200 baud
    assert lines[1:] == ["6 b'\\r\\n' b'OK\\r\\n' 0", "None 1000"]


def test_line_longer_than_the_receive_buffer_is_whole_where_it_is_read_as_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        "import asyncio, board\nfrom machine import UART\n"
        "async def main():\n"
        "    line = await asyncio.StreamReader(UART(board.MODEM_UART, 115200)).readline()\n"
        "    print(len(line))\n"
        "asyncio.run(main())\n"
    )
    with VirtualBench(folder=tmp_path / "bench") as bench:
        bench.start([str(path)])
        bench.run(1)
        bench.uart.send(b"4" * 1400 + b"\n")
        bench.run(1)
    assert console(bench) == ["1401"]


@pytest.mark.parametrize(("more", "size"), [("", 1024), (", rxbuf=1344", 1344)])
def test_receive_buffer_overflows_as_a_real_one(tmp_path: Path, more: str, size: int) -> None:
    script = (
        "import time, board\nfrom machine import UART\n"
        f"u = UART(board.MODEM_UART, 115200{more})\ntime.sleep(5)\n"
        "for _ in range(40): u.write(b'ATI\\r'); time.sleep_ms(100)\n"
        "print(u.any(), len(u.read()))\n"
    )
    bench = run(tmp_path, script, 60)
    assert console(bench) == [f"{size} {size}"]
    assert [event["why"] for event in bench.log.each("uart", "lost")][-1] == "overrun"


def test_an_interrupt_ends_waits_and_light_sleep(tmp_path: Path) -> None:
    script = (
        "import asyncio, time, machine\n"
        "from machine import Pin\n"
        "e = asyncio.Event()\n"
        "p = Pin('BUTTON', Pin.IN, Pin.PULL_UP)\n"
        "p.irq(lambda pin: e.set(), Pin.IRQ_FALLING, wake=machine.SLEEP)\n"
        "async def main():\n"
        "    await e.wait(); print('pressed', time.ticks_ms())\n"
        "    machine.lightsleep(100000); print('awake', time.ticks_ms())\n"
        "asyncio.run(main())\n"
    )
    path = tmp_path / "script.py"
    path.write_text(script)
    with VirtualBench(folder=tmp_path / "bench") as bench:
        bench.start([str(path)])
        bench.clock.call_later(10.05, bench.world.press_button)
        bench.clock.call_later(20.05, bench.world.press_button)
        bench.run(60)
        assert console(bench) == ["pressed 10000", "awake 20000"]
        assert bench.mcu.time_s["light_sleep"] == pytest.approx(10.0)


def test_deep_sleep_ends_the_vm_and_keeps_rtc_memory_and_flash(tmp_path: Path) -> None:
    script = (
        "import machine, board, time\n"
        "from machine import RTC\n"
        "r = RTC(); n = len(r.memory()); r.memory(b'x' * (n + 1))\n"
        "with open('log', 'a') as f: f.write('%d ' % n)\n"
        "print(machine.reset_cause(), machine.wake_reason(), open('log').read(), time.ticks_ms())\n"
        "if n < 2: machine.deepsleep(3600000)\n"
    )
    bench = run(tmp_path, script, 3 * 3600)
    assert console(bench) == ["1 0 0  0", "4 4 0 1  0", "4 4 0 1 2  0"]
    assert bench.mcu.time_s["deep_sleep"] == pytest.approx(7200.0)


def test_watchdog_bites_a_task_that_waits_too_long(tmp_path: Path) -> None:
    script = (
        "import machine, time\n"
        "print(machine.reset_cause())\n"
        "w = machine.WDT(timeout=5000)\n"
        "for _ in range(3): time.sleep(4); w.feed()\n"
        "machine.lightsleep(60000)\n"
        "time.sleep(6)\n"
    )
    bench = run(tmp_path, script, 100)
    assert console(bench)[:2] == ["1", "3"]
    assert bench.log.each("mcu", "wdt")[0]["t"] == pytest.approx(0.05 + 12 + 60 + 5)


def test_the_rtc_starts_in_2000_can_be_set_and_drifts(tmp_path: Path) -> None:
    script = (
        "import time\nfrom machine import RTC\n"
        "print(time.localtime()[:6])\n"
        "RTC().datetime((2028, 2, 28, 0, 23, 59, 59, 0)); time.sleep(86400)\n"
        "print(RTC().datetime()[:7], time.time())\n"
    )
    lines = console(run(tmp_path, script, 90000, mcu={"rtc_drift_ppm": 100}))
    assert lines[0] == "(2000, 1, 1, 0, 0, 0)"
    assert lines[1].startswith("(2028, 3, 1, 2, 0, 0, 7)")  # over a leap day, 8.6 s a day fast


def test_flash_is_littlefs_on_a_chip_that_counts(tmp_path: Path) -> None:
    script = (
        "import board, os\n"
        "print(board.FLASH, os.getcwd(), open('config.json').read(), os.statvfs(board.FLASH)[:3])\n"
        "for i in range(300):\n    f = open('a', 'w'); f.write(str(i)); f.close()\n"
    )
    bench = run(tmp_path, script, 10, files={"config.json": "{}"})
    assert console(bench) == ["/flash /flash {} (4096, 4096, 64)"]
    assert bench.flash_programs > 200
    assert bench.flash_erases[:2] == [1, 1]  # LittleFS compacts its first pair of blocks


def test_a_loop_that_never_waits_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockstep, "_COMPUTES_S", 1.0)
    with pytest.raises(McuError, match="without waiting; expected it to sleep"):
        run(tmp_path, "while True: pass\n", 10)


def test_a_script_that_fails_shows_its_traceback_and_ends(tmp_path: Path) -> None:
    bench = run(tmp_path, "print('a' * 20000)\nraise ValueError('boom')\n", 10)
    assert console(bench)[-1] == "ValueError: boom"
    assert bench.mcu.exit_code == 1


def test_no_vm_outlives_the_bench(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text("import time\ntime.sleep(1000)\n")
    with VirtualBench(folder=tmp_path / "bench") as bench:
        bench.start([str(path)])
        bench.run(1)
        process = bench.mcu._process
        assert process is not None
        assert process.poll() is None
    assert process.poll() is not None


def test_missing_program_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcucore, "REPOSITORY", tmp_path)
    with VirtualBench(folder=tmp_path / "bench") as bench, pytest.raises(McuError, match="make setup"):
        bench.start(["x.py"])
