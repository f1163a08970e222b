"""The SIM card: waiting for it, and its PIN."""

from asyncio import sleep_ms
from time import ticks_diff, ticks_ms

from cellular.at.fields import split, text
from cellular.errors import ATError, SimError, UnexpectedAnswer
from cellular.trace import trace
from micropython import const

_CME_NO_SIM = (10, 13, 15)  # not inserted, failure, wrong
_CME_SIM_LATER = (13, 14)  # failure, which some say of a good SIM while they boot; busy
_CME_WRONG_PIN = (12, 16)  # PUK required, incorrect password
_SIM_BUSY_MS = const(10000)
_PIN_TRIES = const(3)  # of a new SIM, where +CPINR does not say


async def unlock(modem, pin):
    """As `Modem.unlock_sim`."""
    state = await _state(modem)
    if state == "SIM PIN":
        await _enter(modem, pin)
    elif state != "READY":
        raise SimError(state, "unlock it in a phone")
    try:
        modem.iccid = await modem.read_iccid()
    except (ATError, UnexpectedAnswer) as e:
        modem.iccid = None  # the session can do without
        trace("refused", error=str(e))


async def _state(modem):
    began = ticks_ms()
    while True:
        try:
            line = await modem.ask(b"AT+CPIN?", b"+CPIN")
            if not line:
                raise UnexpectedAnswer("AT+CPIN?", "nothing")
            return text(line)
        except ATError as e:
            if e.code not in _CME_SIM_LATER or ticks_diff(ticks_ms(), began) > _SIM_BUSY_MS:
                raise SimError(e.answer, "insert a SIM" if e.code in _CME_NO_SIM else "see TS 27.007 9.2")
        await sleep_ms(500)


async def _enter(modem, pin):
    if not pin:
        raise SimError("SIM PIN", "set `pin` in the configuration, or switch the PIN off in a phone")
    if not (pin.isdigit() and 4 <= len(pin) <= 8):
        raise SimError("SIM PIN", "the configured PIN is not 4 to 8 digits; correct it")
    line = await modem.try_command(b'AT+CPINR="SIM PIN"', b"+CPINR")
    fields = split(line) if line else ()
    if len(fields) < 2 or not fields[1]:
        raise SimError("SIM PIN", "it does not tell how many tries are left, so none is made; unlock it in a phone")
    if fields[1] != (fields[2] if len(fields) > 2 else str(_PIN_TRIES)):
        raise SimError(
            "SIM PIN",
            "a wrong PIN was entered before (%s tries left); correct it, then unlock in a phone" % fields[1],
        )
    try:
        await modem.channel.cmd(b'AT+CPIN="%s"' % pin)
    except ATError as e:
        if e.code is None or e.code in _CME_WRONG_PIN:
            raise SimError(e.answer, "the configured PIN is wrong; it is not tried again")
        raise SimError(e.answer, "see TS 27.007 9.2")
    began = ticks_ms()
    while await _state(modem) != "READY":
        if ticks_diff(ticks_ms(), began) > _SIM_BUSY_MS:
            raise SimError("SIM PIN", "the SIM did not get ready after its PIN")
        await sleep_ms(300)
