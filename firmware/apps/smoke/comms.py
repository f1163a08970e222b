"""The way to the server, kept apart: whatever happens to modem, flash or network is traced here and goes no further."""

import asyncio

import board
from cellular.services.outbox import Outbox
from cellular.trace import trace

_RETRY_S = 60
_RETRY_MAX_S = 21600


class Comms:
    """settings: see config.py, with a `server`; seed: text of the device; on_downlink(bytes): a command came."""

    def __init__(self, settings, seed, on_downlink):
        self.modem = None
        self._settings = settings
        self._seed = seed
        self._on_downlink = on_downlink
        self._link = None
        self._uplink = None
        self._outbox = Outbox(board.FLASH + "/outbox")

    def submit(self, priority, payload):
        """Put a record into the outbox, and on its way if there is one. Raises nothing, never waits for the modem."""
        try:
            (self._uplink.submit if self._uplink else self._outbox.put)(priority, payload)
        except Exception as e:
            trace("record_lost", prio=priority, error=str(e), what=type(e).__name__)

    def quiet(self):
        """True when no session is under way, so that the CPU may sleep; what the modem has to tell then wakes it."""
        return self._link is None or not self._link.busy

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
        # Imported here: a fault in these modules must not keep the siren from working.
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
        modem = Modem(UART(board.MODEM_UART, board.MODEM_BAUD), _output(board.PWRKEY), _output(board.RESET))
        link_config = dict(settings)
        link_config["folder"] = board.FLASH
        link = Link(modem, link_config)
        uplink = Uplink(link, self._outbox, config)
        uplink.on_downlink = self._on_downlink
        self.modem, self._link, self._uplink = modem, link, uplink


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
