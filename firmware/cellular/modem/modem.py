"""One modem: power, boot, identity, SIM, wake and sockets. What a module does differently is in its profile.

The modem does not know what it is used for; the link decides when to wake, register and recover.
"""

import asyncio
from asyncio import sleep_ms
from time import ticks_diff, ticks_ms

from cellular.at.channel import Channel
from cellular.at.fields import split
from cellular.errors import ATError, ModemReset, ModemSilent, SimError, SocketError, UnknownModem
from cellular.modem.udp import UdpSocket
from cellular.trace import trace

PROFILES = ("bc660k",)  # modules of `profiles/`, tried in this order against the answer to ATI

_CME_NO_SIM = (10, 13, 14, 15)
_SIM_BUSY_MS = 10000


class Modem:
    """`uart`: machine.UART; `pwrkey`, `reset_pin`: machine.Pin that drives the module's key when high, or None.

    on_urc(line) gets the lines that no socket wants; on_reset(expected) is called when the boot banner is seen,
    `expected` when we had asked for the restart.
    """

    def __init__(self, uart, pwrkey=None, reset_pin=None):
        self.channel = Channel(uart, self._urc, self._reset)
        self.profile = None
        self.model = None
        self.revision = None
        self.imei = None
        self.iccid = None
        self.on_urc = None
        self.on_reset = None
        self.booted = asyncio.Event()
        self._pwrkey = pwrkey
        self._reset_pin = reset_pin
        self._sockets = {}
        self._expected = False

    # --- power ----------------------------------------------------------------------------------------------------

    async def start(self):
        """Make the modem answer: it may be on already, off, asleep or booting. Raises ModemSilent, UnknownModem."""
        self.channel.start()
        self._use("bc660k")  # timings and banners until the module has said who it is
        if not await self._answers(1):
            await self.press_power_key()
            if not await self._boot():
                raise ModemSilent("power key", self.profile.BOOT_MS)
        await self._identify()

    async def restart(self):
        """Reset by pin, or by power key where the board has no reset line. Raises ModemSilent."""
        pin = self._reset_pin
        if pin is None:
            await self.press_power_key()
        else:
            self._expect_boot()
            pin.value(1)
            await sleep_ms(self.profile.RESET_MS)
            pin.value(0)
        if not await self._boot():
            raise ModemSilent("reset", self.profile.BOOT_MS)

    async def press_power_key(self):
        """One pulse: turns an off module on."""
        self._expect_boot()
        if self._pwrkey is not None:
            self._pwrkey.value(1)
            await sleep_ms(self.profile.PWRKEY_MS)
            self._pwrkey.value(0)

    async def reboot(self):
        """Restart by command, for settings that need it."""
        self._expect_boot()
        try:
            await self.channel.cmd(self.profile.REBOOT)
        except ModemReset:
            pass  # the banner was quicker than its OK
        if not await self._boot():
            raise ModemSilent("reboot", self.profile.BOOT_MS)
        await self.ask(b"ATE0")

    def _expect_boot(self):
        self.booted.clear()
        self._expected = True

    async def _boot(self):
        try:
            await asyncio.wait_for_ms(self.booted.wait(), self.profile.BOOT_MS)
        except asyncio.TimeoutError:
            self._expected = False  # a banner can get lost; what counts is an answer
        return await self._answers(self.profile.WAKE_TRIES)

    async def wake(self):
        """The profile's wake recipe: harmless when awake. Raises ModemSilent."""
        began = ticks_ms()
        if not await self._answers(self.profile.WAKE_TRIES):
            raise ModemSilent("wake-up", self.profile.WAKE_TRIES * self.profile.WAKE_MS)
        return ticks_diff(ticks_ms(), began)

    async def _answers(self, tries):
        for _ in range(tries):
            # The first AT may only wake it and be lost: any byte shows life, then a second AT must be answered.
            if await self.channel.poke(self.profile.WAKE_MS):
                try:
                    await self.channel.cmd(b"AT", timeout_ms=1000)
                    return True
                except (ModemSilent, ATError, ModemReset):
                    pass
        return False

    # --- identity and SIM -----------------------------------------------------------------------------------------

    def _use(self, name):
        profile = self.profile = __import__("cellular.modem.profiles." + name, None, None, (name,))
        ch = self.channel
        ch.urcs = profile.URCS
        ch.banners = profile.BANNERS
        ch.ambiguous = profile.AMBIGUOUS
        ch.prompt_gap_ms = profile.PROMPT_GAP_MS

    async def _identify(self):
        await self.ask(b"ATE0")
        await self.ask(b"AT+CMEE=1")
        await self.ask(b"ATI", b"")
        answer = b" / ".join(self.channel.lines)
        for name in PROFILES:
            self._use(name)
            if answer.find(self.profile.IDENTITY) >= 0:
                break
        else:
            raise UnknownModem(answer.decode(), ", ".join(PROFILES))
        self.model = self.profile.NAME
        i = answer.find(b"Revision: ")
        self.revision = answer[i + 10 :].split(b" / ")[0].decode() if i >= 0 else None
        line = await self.ask(b"AT+CGSN=1", b"+CGSN")
        self.imei = split(line)[0] if line else None

    async def unlock_sim(self, pin=None):
        """Wait for the SIM and enter `pin` (str, secret) if it asks. Raises SimError.

        A wrong PIN is never repeated: it is entered only while all its tries are left.
        """
        began = ticks_ms()
        while True:
            try:
                state = (await self.ask(b"AT+CPIN?", b"+CPIN") or b"").decode()
                break
            except ATError as e:
                if e.code != 14 or ticks_diff(ticks_ms(), began) > _SIM_BUSY_MS:
                    hint = "insert a SIM" if e.code in _CME_NO_SIM else "see TS 27.007 9.2"
                    raise SimError(e.answer, hint)
                await sleep_ms(500)
        if state == "SIM PIN":
            await self._enter_pin(pin)
        elif state != "READY":
            raise SimError(state, "unlock it in a phone")
        command, prefix = self.profile.ICCID
        line = await self.ask(command, prefix)
        self.iccid = split(line)[0] if line else None

    async def _enter_pin(self, pin):
        if not pin:
            raise SimError("SIM PIN", "set `pin` in the configuration, or switch the PIN off in a phone")
        try:
            line = await self.ask(b'AT+CPINR="SIM PIN"', b"+CPINR")
        except ATError:
            line = None
        fields = split(line) if line else ()
        if len(fields) > 2 and fields[1] != fields[2]:
            raise SimError("SIM PIN", "the PIN was wrong before (%s tries left); correct it, then unlock in a phone" % fields[1])
        try:
            await self.channel.cmd(b'AT+CPIN="%s"' % pin)
        except ATError as e:
            raise SimError(e.answer, "the configured PIN is wrong; it will not be tried again")
        began = ticks_ms()
        while (await self.ask(b"AT+CPIN?", b"+CPIN")) != b"READY":
            if ticks_diff(ticks_ms(), began) > _SIM_BUSY_MS:
                raise SimError("SIM PIN", "the SIM did not get ready after its PIN")
            await sleep_ms(300)

    # --- commands -------------------------------------------------------------------------------------------------

    async def ask(self, command, prefix=None, timeout_ms=5000):
        """`channel.cmd` for what is safe to repeat: one more try after silence, as a byte may get lost."""
        try:
            return await self.channel.cmd(command, prefix, timeout_ms)
        except ModemSilent:
            return await self.channel.cmd(command, prefix, timeout_ms)

    async def apply_settings(self):
        """Bring stored settings to the profile's values (written only where they differ)."""
        for read, prefix, wanted, write in self.profile.SETTINGS:
            if (await self.ask(read, prefix)) != wanted:
                await self.ask(write)

    async def set_apn(self, apn):
        """Use `apn` for the attach bearer; restarts the modem if it was another."""
        if await self.profile.set_apn(self, apn):
            trace("apn_changed", apn=apn)
            await self.reboot()

    async def hold_awake(self):
        """No sleep until `let_sleep`: commands of a session must not get lost in a nap. Sets what sleep forgets."""
        await self.ask(self.profile.SLEEP_OFF)
        for command in self.profile.SESSION:
            await self.ask(command)

    async def let_sleep(self):
        """Release assistance (no more data expected), then leave the modem to its timers."""
        try:
            await self.ask(self.profile.RELEASE)
        except ATError as e:
            trace("release_refused", error=str(e))  # the network's inactivity timer does it then
        await self.ask(self.profile.SLEEP_ON)

    # --- sockets --------------------------------------------------------------------------------------------------

    async def udp_open(self, host, port):
        """Open a UDP socket to `host` (str), `port`. Returns a UdpSocket. Raises SocketError, ATError, ..."""
        for sid in range(self.profile.SOCKETS):
            if sid not in self._sockets:
                break
        else:
            raise SocketError("open", None, "all %d sockets are in use" % self.profile.SOCKETS)
        sock = UdpSocket(self, sid)
        self._sockets[sid] = sock
        try:
            await sock.open(host, port)
        except BaseException:
            self.forget(sid)
            raise
        return sock

    def forget(self, sid):
        """Socket `sid` is closed."""
        self._sockets.pop(sid, None)

    def _urc(self, line):
        received = self.profile.udp_received(line)
        if received is None:
            if self.on_urc:
                self.on_urc(line)
            return
        sock = self._sockets.get(received[0])
        if sock is None:
            trace("datagram_for_no_socket", socket=received[0])
        elif received[1] is None:
            sock.lost(SocketError("receive", None, "closed by the modem"))
        else:
            sock.arrived(received[1])

    def _reset(self):
        self.booted.set()
        for sock in self._sockets.values():
            sock.lost(ModemReset("an open socket"))
        self._sockets = {}
        expected = self._expected
        self._expected = False
        if self.on_reset:
            self.on_reset(expected)
