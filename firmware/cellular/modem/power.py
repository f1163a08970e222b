"""A modem's keys: how it is started, reset and woken. What a module does differently is in its profile."""

from asyncio import sleep_ms
from time import ticks_diff, ticks_ms

from cellular.errors import ModemReset, ModemSilent, UnknownModem
from cellular.modem import loader
from cellular.modem.profiles import base
from micropython import const

_LONG_PRESSES_MS = (1700, 6000)
_UNKNOWN = "unknown"  # NAME of the base profile
_COMMON_BANNERS = (b"RDY",)  # known at once, what was asked before the boot is not waited for
_OTHER_BAUD = const(9600)
_OTHER_TRIES = const(2)


class Power:
    """The half of a `Modem` (see there) that has to do with its pins."""

    async def start(self):
        """Make the modem answer: it may be on already, off, asleep or booting. Raises ModemSilent, UnknownModem,
        UnexpectedAnswer."""
        self.channel.start()
        if self.profile is None:
            self._use_first()
        if not await self._answers(self.profile.START_TRIES):
            await self._press(self._pwrkey, self.profile.PWRKEY_MS)
            try:
                await self._boot("the power key")
            except ModemSilent:
                if not await self._answers_otherwise():
                    raise
        await self._identify()

    async def _answers_otherwise(self):
        """Other ways to start what is not known: another rate, where it is that of others, and longer pulses."""
        if self.model:
            return False
        if self._baud:
            self._uart.init(baudrate=_OTHER_BAUD)
            if await self._answers(_OTHER_TRIES):
                return True
            self._uart.init(baudrate=self._baud)
        if self.profile.NAME != _UNKNOWN:
            return False
        for pulse_ms in _LONG_PRESSES_MS:
            await self._press(self._pwrkey, pulse_ms)
            try:
                await self._boot("a long pulse")
                return True
            except ModemSilent:
                pass
        return False

    def _use_first(self):
        if not self._kind:
            self.use(base)
            self.channel.line_end = b"\r\n"  # each module takes that, and some wait for it
            self.channel.banners = _COMMON_BANNERS
            return
        profile = loader.find(self._kind.encode())
        if profile is None:
            raise UnknownModem(self._kind)
        self.use(profile)

    async def restart(self):
        """Reset by pin, or by power key where the board has no reset line. Raises ModemSilent."""
        if self._reset_pin is not None:
            await self._press(self._reset_pin, self.profile.RESET_MS)
        else:
            await self._press(self._pwrkey, self.profile.PWRKEY_MS)
        await self._boot("a reset")

    async def reboot(self):
        """Restart by command, for settings that need it. Raises ModemSilent."""
        self._expected = True
        try:
            await self.channel.cmd(self.profile.REBOOT)
        except (ModemReset, ModemSilent):
            pass  # the restart was quicker than its OK
        await self._boot(self.profile.REBOOT.decode())

    async def _press(self, pin, duration_ms):
        self._expected = True
        await self._hold(pin, duration_ms)

    async def _hold(self, pin, duration_ms):
        if pin is not None:
            try:
                pin.value(1)
                await sleep_ms(duration_ms)
            finally:
                pin.value(0)  # cancelled or not: a key held for ever would keep the module off

    async def _boot(self, cause):
        profile = self.profile
        began = ticks_ms()
        self.channel.forget()
        quiet_ms = profile.BOOT_MS if profile.BOOT_QUIET_MS is None else profile.BOOT_QUIET_MS
        try:
            while self._expected:
                left = quiet_ms - ticks_diff(ticks_ms(), began)
                if left <= 0:
                    break  # a banner can get lost, and some have none; what counts is an answer
                await self._booted.wait(left)
            tries = profile.WAKE_TRIES
            while not await self._answers(1):
                tries -= 1
                if tries <= 0 and ticks_diff(ticks_ms(), began) >= profile.BOOT_MS:
                    raise ModemSilent(cause, profile.BOOT_MS)
            if self._expected:
                self._reset()
        finally:
            self._expected = False

    async def wake(self, asleep=False):
        """The profile's wake recipe: harmless when awake. Returns the time it took in ms. Raises ModemSilent.

        asleep: it has said so; then its key is pressed without asking first."""
        began = ticks_ms()
        profile = self.profile
        if profile.WAKE == "uart":
            if not await self._answers(profile.WAKE_TRIES):
                raise ModemSilent("wake-up", profile.WAKE_TRIES * profile.WAKE_MS)
        elif not asleep and await self._answers(1):
            if profile.PSM_OFF and await self.try_command(b"AT+CMEE?", b"+CMEE") != b"1":
                self._expected = True
                self._reset()  # it was off since, and has said no banner
        else:
            await self._wake_by_pin()
        return ticks_diff(ticks_ms(), began)

    async def _wake_by_pin(self):
        profile = self.profile
        if profile.WAKE == "pin" and self._wake_pin is not None:
            for _ in range(profile.WAKE_TRIES):
                await self._hold(self._wake_pin, profile.WAKE_PIN_MS)
                self.channel.forget()
                if await self._answers(1):
                    return
            raise ModemSilent("the wake pin", profile.WAKE_TRIES * profile.WAKE_MS)
        for last in (False, True):
            try:
                if profile.PSM_OFF:
                    await self._press(self._pwrkey, profile.PWRKEY_MS)
                    await self._boot("wake-up")
                else:
                    await self._wake_by_key()
                return
            except ModemSilent:
                # Some do not see a pulse in the second after they have fallen asleep.
                if last:
                    raise

    async def _wake_by_key(self):
        """No restart and no banner: asked at once, for it stays awake only some seconds."""
        profile = self.profile
        await self._hold(self._pwrkey, profile.PWRKEY_MS)
        self.channel.forget()
        began = ticks_ms()
        while not await self._answers(1):
            if ticks_diff(ticks_ms(), began) >= profile.BOOT_MS:
                raise ModemSilent("the power key", profile.BOOT_MS)

    async def _answers(self, tries):
        for _ in range(tries):
            # What wakes it may be lost: any byte shows life, then an AT must be answered.
            if await self.channel.poke(self.profile.WAKE_MS, self.profile.WAKE_AGAIN_MS):
                try:
                    await self.channel.sync()
                    return True
                except (ModemSilent, ModemReset):
                    pass
        return False
