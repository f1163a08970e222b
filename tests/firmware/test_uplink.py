"""The uplink against a scripted link and server: order, pre-emption, failures of every kind, what it must keep."""

import asyncio
import os

from cellular import errors
from cellular.services import coap, uplink
from cellular.services.backoff import Backoff
from cellular.services.outbox import ALARM, FIRE, ROUTINE, Outbox
from coap_peer import Peer, changed

FAST = coap.Params(ack_timeout_ms=60, ack_random_factor=1, max_retransmit=1, response_ms=100)


class Delays:
    """A back-off with delays a test can wait for; notes what it was told."""

    def __init__(self, delay_s=0):
        self.delay_s = delay_s
        self.calls = []
        self.count = 0
        self.on_failed = lambda: None

    def restart_s(self):
        return 0

    def failed(self, urgent, permanent):
        self.count += 1
        self.calls.append((urgent, permanent))
        self.on_failed()
        return self.delay_s

    def succeeded(self):
        self.count = 0


class Link:
    """`trouble`: what the next calls of `up` raise, None for nothing. `hold`: `up` of a routine record hangs."""

    def __init__(self, behave):
        self.behave = behave
        self.calls = []
        self.trouble = []
        self.hold = False
        self.peers = []

    async def up(self, urgent):
        self.calls.append(("up", urgent))
        await asyncio.sleep_ms(1)
        if self.hold and not urgent:
            await asyncio.sleep_ms(60000)
        error = self.trouble.pop(0) if self.trouble else None
        if error:
            raise error

    async def udp(self, host, port):
        self.calls.append(("udp", host, port))
        peer = Peer(self.behave)
        self.peers.append(peer)

        async def close():
            self.calls.append("close")

        peer.close = close
        return peer

    async def release(self):
        self.calls.append("release")

    def payloads(self):
        return [m.payload for peer in self.peers for m in peer.requests()]


class Rig:
    def __init__(self, behave=changed, delay_s=0, backoff=None):
        self.path = (os.getenv("TMPDIR") or "/tmp") + "/cellkit_uplink_" + "".join("%02x" % b for b in os.urandom(6))
        self.link = Link(behave)
        self.outbox = Outbox(self.path)
        self.backoff = backoff or Delays(delay_s)
        self.config = uplink.Config("coap://10.0.0.1:5700/in?v=1", self.backoff, params=FAST)
        self.uplink = uplink.Uplink(self.link, self.outbox, self.config)
        self.task = None

    async def __aenter__(self):
        self.task = asyncio.create_task(self.uplink.run())
        return self

    async def __aexit__(self, *_):
        running = not self.task.done()
        self.task.cancel()
        try:
            await self.task
        except asyncio.CancelledError:
            pass
        for name in os.listdir(self.path):
            os.remove(self.path + "/" + name)
        os.rmdir(self.path)
        assert running, "an error has ended the task"

    async def until(self, condition, ms=4000):
        for _ in range(ms // 5):
            if condition():
                return
            await asyncio.sleep_ms(5)
        raise AssertionError("condition did not come true")

    async def empty(self):
        await self.until(lambda: not len(self.outbox) and self.link.calls and self.link.calls[-1] == "release")


async def test_session_sends_all_in_order_and_lets_go():
    async with Rig() as rig:
        seqs = [rig.uplink.submit(p, b) for p, b in ((ROUTINE, b"r"), (ALARM, b"a"), (FIRE, b"f"), (ROUTINE, b"s"))]
        await rig.empty()
        assert rig.link.payloads() == [b"f", b"a", b"r", b"s"]
        assert rig.link.calls == [("up", True), ("udp", "10.0.0.1", 5700), "close", "release"], rig.link.calls
        m = rig.link.peers[0].requests()[0]
        assert m.code == (0, 2)
        assert m.options == [(11, b"in"), (12, b"\x70"), (15, b"v=1"), (15, b"seq=%d" % seqs[2])]
        rig.uplink.submit(ROUTINE, b"later")
        await rig.until(lambda: len(rig.link.calls) == 8)
        assert rig.link.calls[4] == ("up", False)


async def test_submit_is_synchronous_and_needs_no_task():
    rig = Rig()
    seq = rig.uplink.submit(FIRE, b"f")  # nothing runs: a hung modem cannot hold the app
    assert Outbox(rig.path).peek() == (seq, 0, b"f") and rig.link.calls == []
    async with rig:
        await rig.empty()


async def test_records_of_an_earlier_life_are_sent():
    rig = Rig()
    Outbox(rig.path).put(ROUTINE, b"old")
    rig.outbox = rig.uplink._outbox = Outbox(rig.path)
    async with rig:
        await rig.empty()
        assert rig.link.payloads() == [b"old"]


async def test_record_goes_only_after_a_2xx():
    answers = (0x84, 0xA3, None, 0x44)  # of one session each

    def behave(peer, m):
        code = answers[len(rig.link.peers) - 1]
        if code:
            peer.put(coap.ACK, code, m.mid, m.token)

    rig = Rig(behave)
    async with rig:
        rig.uplink.submit(ALARM, b"a")
        kept = []
        rig.backoff.on_failed = lambda: kept.append(rig.outbox.pending(ALARM))
        await rig.empty()
        assert kept == [1, 1, 1]
        assert rig.backoff.calls == [(False, False)] * 3 and rig.backoff.count == 0
        # The link was let go after each failure.
        assert rig.link.calls.count("release") == 4 and rig.link.calls.count("close") == 4


async def test_a_record_that_the_server_refuses_holds_no_other_back():
    def behave(peer, m):
        if m.payload == b"poison":
            peer.put(coap.ACK, 0x80, m.mid, m.token)  # 4.00
        else:
            changed(peer, m)

    async with Rig(behave, delay_s=3600) as rig:
        rig.uplink.submit(ROUTINE, b"poison")
        rig.uplink.submit(ROUTINE, b"good")
        await rig.until(lambda: rig.backoff.calls)
        assert rig.link.payloads() == [b"poison", b"good"] and rig.outbox.pending(ROUTINE) == 1
        rig.uplink.submit(ROUTINE, b"later")
        rig.uplink.submit(FIRE, b"fire")
        await rig.until(lambda: len(rig.backoff.calls) == 2)
        assert rig.link.payloads()[2:] == [b"fire", b"later", b"poison"], rig.link.payloads()
        assert rig.outbox.pending(ROUTINE) == 1


async def test_a_refused_fire_comes_first_every_time():
    def behave(peer, m):
        if m.payload == b"fire":
            peer.put(coap.ACK, 0x80, m.mid, m.token)
        else:
            changed(peer, m)

    async with Rig(behave) as rig:
        more = [b"r2"]
        rig.backoff.on_failed = lambda: more and rig.uplink.submit(ROUTINE, more.pop())
        rig.uplink.submit(FIRE, b"fire")
        rig.uplink.submit(ROUTINE, b"r1")
        await rig.until(lambda: len(rig.backoff.calls) >= 3)
        assert rig.link.payloads()[:5] == [b"fire", b"r1", b"fire", b"r2", b"fire"], rig.link.payloads()


async def test_a_server_that_refuses_everything_gets_two_records_a_session():
    async with Rig(lambda p, m: p.put(coap.ACK, 0x84, m.mid, m.token), delay_s=3600) as rig:
        for i in range(6):
            rig.uplink.submit(ROUTINE, b"%d" % i)
        await rig.until(lambda: rig.backoff.calls)
        assert rig.link.payloads() == [b"0", b"1"] and rig.outbox.pending(ROUTINE) == 6
        rig.uplink._fire = True  # ends the pause
        rig.uplink._waiter.wake()
        await rig.until(lambda: len(rig.backoff.calls) == 2)
        assert rig.link.payloads()[2:] == [b"2", b"3"]


async def test_a_server_in_trouble_is_left_alone_and_the_order_kept():
    answers = [0xA3, 0xA0]  # 5.03, 5.00

    def behave(peer, m):
        if answers:
            peer.put(coap.ACK, answers.pop(0), m.mid, m.token)
        else:
            changed(peer, m)

    async with Rig(behave) as rig:
        for payload in (b"1", b"2", b"3"):
            rig.uplink.submit(ROUTINE, payload)
        await rig.empty()
        assert rig.link.payloads() == [b"1", b"1", b"1", b"2", b"3"]


async def test_an_alarm_shortens_a_long_backoff_but_not_to_nothing():
    real = uplink.ALARM_S
    uplink.ALARM_S = 1
    try:
        async with Rig(delay_s=3600) as rig:
            rig.link.trouble = [errors.NoCoverage(1)]
            rig.uplink.submit(ROUTINE, b"r")
            await rig.until(lambda: rig.backoff.calls)
            rig.uplink.submit(ROUTINE, b"s")
            await asyncio.sleep_ms(50)
            rig.uplink.submit(ALARM, b"a")
            await asyncio.sleep_ms(300)
            assert rig.link.calls.count(("up", False)) == 1
            await rig.empty()
            assert rig.link.payloads() == [b"a", b"r", b"s"]
    finally:
        uplink.ALARM_S = real


async def test_nothing_runs_while_nothing_waits():
    from asyncio import core

    async with Rig() as rig:
        rig.uplink.submit(ROUTINE, b"r")
        await rig.empty()
        calls = []
        real = core._io_queue.wait_io_event

        def counting(dt):
            calls.append(dt)
            real(dt)

        core._io_queue.wait_io_event = counting
        await asyncio.sleep_ms(5)
        calls.clear()
        await asyncio.sleep_ms(300)
        assert len(calls) <= 2, calls


async def test_link_errors_are_told_to_the_backoff():
    async with Rig() as rig:
        rig.link.trouble = [
            errors.RegistrationDenied(8, "EPS services not allowed", True),
            errors.NoCoverage(120),
            MemoryError("an error nobody thought of"),
        ]
        rig.uplink.submit(ROUTINE, b"r")
        await rig.empty()
        assert rig.backoff.calls == [(False, True), (False, False), (False, False)]
        rig.link.trouble = [errors.SimError("SIM PIN", "enter it")]
        rig.uplink.submit(FIRE, b"f")
        await rig.until(lambda: b"f" in rig.link.payloads())
        assert rig.backoff.calls[3] == (True, True)


async def test_backoff_is_waited_out():
    async with Rig(delay_s=1) as rig:
        rig.link.trouble = [errors.NoCoverage(1)]
        rig.uplink.submit(ROUTINE, b"r")
        await rig.until(lambda: rig.backoff.calls)
        rig.uplink.submit(ROUTINE, b"s")  # more routine work does not shorten it
        await asyncio.sleep_ms(300)
        assert rig.link.calls.count(("up", False)) == 1
        await rig.empty()
        assert rig.link.payloads() == [b"r", b"s"]


async def test_fire_ends_a_backoff():
    async with Rig(delay_s=3600) as rig:
        rig.link.trouble = [errors.NoCoverage(1)]
        rig.uplink.submit(ROUTINE, b"r")
        await rig.until(lambda: rig.backoff.calls)
        rig.uplink.submit(FIRE, b"f")
        await rig.empty()
        assert rig.link.payloads() == [b"f", b"r"]


async def test_fire_preempts_an_exchange_which_is_taken_up_again():
    def behave(peer, m):
        if m.payload == b"f" or len(peer.requests()) > 2:
            changed(peer, m)  # the routine record's first transmission is lost

    async with Rig(behave) as rig:
        rig.config.params = coap.Params(ack_timeout_ms=30000)
        rig.uplink.submit(ROUTINE, b"r")
        await rig.until(lambda: rig.link.payloads() == [b"r"])
        rig.uplink.submit(FIRE, b"f")
        await rig.empty()
        assert rig.link.payloads() == [b"r", b"f", b"r"]
        assert rig.link.calls.count("close") == 1 and rig.backoff.calls == []  # one session, and no failure


async def test_fire_preempts_a_link_that_hangs():
    async with Rig() as rig:
        rig.link.hold = True
        rig.uplink.submit(ROUTINE, b"r")
        await rig.until(lambda: rig.link.calls == [("up", False)])
        rig.uplink.submit(FIRE, b"f")
        await rig.empty()
        assert rig.link.calls[1] == ("up", True) and rig.link.payloads() == [b"f", b"r"]


async def test_fire_does_not_preempt_a_fire():
    async with Rig(lambda p, m: None) as rig:
        rig.uplink.submit(FIRE, b"f")
        await rig.until(lambda: rig.link.payloads())
        rig.uplink.submit(FIRE, b"g")
        await rig.until(lambda: len(rig.link.payloads()) == 2)
        assert rig.link.payloads() == [b"f", b"f"]
        assert len({m.mid for m in rig.link.peers[0].requests()}) == 1  # a retransmission: the exchange went on


async def test_cancel_from_outside_ends_the_task_in_the_middle_of_an_exchange():
    rig = Rig(lambda p, m: None)
    async with rig:
        rig.uplink.submit(ROUTINE, b"r")
        await rig.until(lambda: rig.link.payloads())
    assert rig.task.done()


async def test_modem_reset_is_retried_at_once_but_once():
    async with Rig(delay_s=3600) as rig:
        rig.link.trouble = [errors.ModemReset("AT+QISEND"), None, errors.ModemReset("x"), errors.ModemReset("x")]
        rig.uplink.submit(ROUTINE, b"r")
        await rig.empty()
        assert rig.link.payloads() == [b"r"]
        rig.uplink.submit(ROUTINE, b"s")  # the success before has earned one more
        await rig.until(lambda: len(rig.backoff.calls) == 3)
        await asyncio.sleep_ms(200)
        assert rig.link.calls.count(("up", False)) == 4 and rig.outbox.pending(ROUTINE) == 1


async def test_downlink_is_handed_on_after_the_record_is_removed():
    got = []
    submitted = []
    async with Rig(lambda p, m: changed(p, m, b"cmd")) as rig:

        def on_downlink(payload):
            got.append((payload, len(rig.outbox)))
            if len(got) == 1:
                submitted.append(rig.uplink.submit(FIRE, b"from the handler"))
            raise ValueError("a handler's fault")

        rig.uplink.on_downlink = on_downlink
        rig.uplink.submit(ROUTINE, b"r")
        await rig.empty()
        assert got == [(b"cmd", 0), (b"cmd", 0)] and submitted == [2], (got, submitted)
        assert rig.link.payloads() == [b"r", b"from the handler"] and rig.backoff.calls == []


async def test_close_and_release_that_fail_hold_nothing_back():
    async with Rig() as rig:

        async def broken():
            rig.link.calls.append("release")
            raise errors.ModemSilent("AT+QSCLK", 300)

        rig.link.release = broken
        rig.uplink.submit(ROUTINE, b"r")
        await rig.empty()
        rig.uplink.submit(ROUTINE, b"s")
        await rig.until(lambda: b"s" in rig.link.payloads())


async def test_outbox_that_cannot_be_read_is_a_failure_with_delay():
    async with Rig(delay_s=3600) as rig:
        seq = rig.outbox.put(ROUTINE, b"r")
        real = rig.outbox._log.load

        def unreadable(entry):
            raise OSError(5)

        rig.outbox._log.load = unreadable
        rig.uplink._work.set()
        await rig.until(lambda: rig.backoff.calls)
        rig.outbox._log.load = real
        assert rig.outbox.peek()[0] == seq and len(rig.backoff.calls) == 1


async def test_restart_delay_holds_routine_but_not_fire():
    path = (os.getenv("TMPDIR") or "/tmp") + "/cellkit_restart_" + "".join("%02x" % b for b in os.urandom(6))
    Backoff(path, "imei").failed(False, False)
    rig = Rig(backoff=Backoff(path, "imei"))
    rig.uplink.submit(ROUTINE, b"r")
    async with rig:
        await asyncio.sleep_ms(200)
        assert rig.link.calls == []
        rig.uplink.submit(FIRE, b"f")
        await rig.empty()
    rig = Rig(backoff=Backoff(path, "imei"))
    rig.outbox.put(FIRE, b"from an earlier life")
    Backoff(path, "imei").failed(False, False)
    rig.backoff._stored = 1
    async with rig:
        await rig.empty()
    os.remove(path)


def test_config_refuses_a_wrong_uri():
    try:
        uplink.Config("http://x/", Delays())
    except ValueError:
        return
    raise AssertionError("taken")
