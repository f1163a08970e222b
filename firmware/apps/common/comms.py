"""The way to the server, kept apart: whatever happens to modem, flash or network is traced here and goes no further."""

import asyncio

import board
from cellular.services.outbox import Outbox
from cellular.trace import trace
from cellular.uptime import milliseconds, seconds
from micropython import const

_RX_BYTES = const(1344)  # the longest line that the AT parser takes, and what follows it
_RETRY_S = const(60)
_RETRY_MAX_S = const(21600)
_TIME_S = const(3600)  # the modem's clock is read once in so long


class Comms:
    """settings: see config.py, with a `server`; seed: text of the device; on_downlink(bytes): a command came.

    clock: a services.clock.Clock that follows the network's time, then on_time() is called. ledger: a
    services.ledger.Ledger that is told what the modem does. All of these may be None.
    """

    def __init__(self, settings, seed, on_downlink=None, clock=None, ledger=None, outbox_bytes=8192):
        self.modem = None
        self.clock = clock
        self.ledger = ledger
        self.on_time = None
        self._settings = settings
        self._seed = seed
        self._on_downlink = on_downlink
        self._link = None
        self._uplink = None
        self._outbox = Outbox(board.FLASH + "/outbox", outbox_bytes)

    def submit(self, priority, payload):
        """Put a record into the outbox, and on its way if there is one; its number, None if it was not taken.

        Raises nothing, never waits for the modem.
        """
        try:
            return (self._uplink.submit if self._uplink else self._outbox.put)(priority, payload)
        except Exception as e:
            trace("record_lost", prio=priority, error=str(e), what=type(e).__name__)
        return None

    def covered(self, fire, untrue):
        """A fire begins: withdraw the records `untrue` that still wait, and look whether record `fire` speaks for it.

        It does while it waits and was not sent yet, and is then tried at once. One that was sent may be known to the
        server, and says nothing of a later fire. All are numbers of records or None.
        """
        for seq in untrue:
            self._outbox.ack(seq)
        uplink = self._uplink
        if fire is None or not self._outbox.holds(fire) or (uplink is not None and uplink.unsent_fire != fire):
            return False
        if uplink is not None:
            uplink.hurry()
        return True

    def quiet(self):
        """True when no session is under way, so that the CPU may sleep; what the modem has to tell then wakes it."""
        return self._link is None or not self._link.busy

    def currents_na(self):
        """{phase of the ledger: current in nA} of the board and the modem."""
        currents = dict(board.CURRENTS_NA)
        if self.modem is not None and self.modem.profile is not None:
            currents.update(self.modem.profile.CURRENTS_NA)
        return currents

    async def run(self):
        """Build modem, link and uplink and keep them running; endless."""
        delay_s = _RETRY_S
        while self._uplink is None:
            try:
                self._build()
            except Exception as e:
                trace("comms_failed", error=str(e), what=type(e).__name__, retry_s=delay_s)
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, _RETRY_MAX_S)
        asyncio.create_task(_keep("link", self._link.run))
        await _keep("uplink", self._uplink.run)

    def _build(self):
        # Imported here: a fault in these modules must not keep the device from its work.
        from cellular.link.link import Link
        from cellular.modem import Modem
        from cellular.services.backoff import Backoff
        from cellular.services.coap import Params
        from cellular.services.uplink import Config, Uplink
        from machine import UART

        settings = self._settings
        config = Config(
            settings["server"],
            Backoff(board.FLASH + "/backoff", self._seed),
            params=Params(settings["ack_timeout_ms"], max_retransmit=settings["max_retransmit"]),
        )
        # What a board need not have: which module is on it, and a pin that wakes the module.
        kind, wake = getattr(board, "MODEM", None), getattr(board, "MODEM_WAKE", None)
        modem = Modem(_uart(UART), _output(board.PWRKEY), _output(board.RESET), kind, _output(wake), board.MODEM_BAUD)
        link_config = dict(settings)
        link_config["folder"] = board.FLASH
        link = Link(modem, link_config)
        uplink = Uplink(_Path(self, link), self._outbox, config)
        uplink.on_downlink = self._on_downlink
        self.modem, self._link, self._uplink = modem, link, uplink


class _Path:
    """The link as the uplink sees it: sessions set the clock, and what the modem does goes into the ledger."""

    def __init__(self, comms, link):
        self._comms = comms
        self._link = link
        self._up = False
        self._timed_s = None
        self._idle_since_ms = None
        if comms.ledger is not None:
            link.on_phase = self._phase

    async def up(self, urgent):
        await self._link.up(urgent)
        self._up = True

    async def udp(self, host, port):
        sock = await self._link.udp(host, port)
        return sock if self._comms.ledger is None else _Counted(sock, self._comms)

    async def release(self):
        # Here and not before: no record waits for it, and what the network tells in the session is known.
        up, self._up = self._up, False
        try:
            if up and self._comms.clock is not None:
                if self._timed_s is None or seconds() - self._timed_s >= _TIME_S:
                    await self._read_time()
        finally:
            await self._link.release()

    async def _read_time(self):
        from cellular.errors import CellularError
        from cellular.modem import nettime

        try:
            utc_s, zone_quarters = await nettime.read(self._comms.modem)
        except CellularError as e:
            trace("time_unreadable", error=str(e))
            return
        if self._comms.clock.take(utc_s, zone_quarters):
            self._timed_s = seconds()
            if self._comms.on_time:
                self._comms.on_time()

    def _phase(self, phase):
        ledger = self._comms.ledger
        if self._idle_since_ms is not None:
            # It stays awake for a while after its last command.
            awake_ms = min(milliseconds() - self._idle_since_ms, self._comms.modem.profile.STAYS_AWAKE_MS)
            ledger.spent("awake", awake_ms)
        ledger.enter(phase)
        self._idle_since_ms = milliseconds() if phase == "idle" else None


class _Counted:
    """A socket whose transmissions go into the ledger."""

    def __init__(self, sock, comms):
        self._sock = sock
        self._comms = comms
        self.recv_into = sock.recv_into
        self.patience_ms = sock.patience_ms
        self.close = sock.close

    async def send(self, data):
        await self._sock.send(data)
        self._comms.ledger.spent("tx", self._comms.modem.profile.tx_ms(len(data)))


def _uart(UART):
    try:
        return UART(board.MODEM_UART, board.MODEM_BAUD, rxbuf=_RX_BYTES)
    except TypeError:  # a port whose buffer has one size
        return UART(board.MODEM_UART, board.MODEM_BAUD)


def _output(pin):
    from machine import Pin

    return None if pin is None else Pin(pin, Pin.OUT, value=0)


async def _keep(name, run):
    """Run an endless task; should it end with an error all the same, begin it again."""
    while True:
        try:
            await run()
        except Exception as e:
            trace("task_failed", task=name, error=str(e), what=type(e).__name__)
        await asyncio.sleep(_RETRY_S)
