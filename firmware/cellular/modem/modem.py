"""One modem: identity, capabilities, commands. What a module does differently is in its profile.

The modem does not know what it is used for; the link decides when to wake, register and recover.
"""

from cellular.at.channel import Channel
from cellular.at.fields import split, text
from cellular.errors import ATError, ModemSilent, NotSupported, SocketError, UnexpectedAnswer, UnknownModem
from cellular.modem import loader, sim
from cellular.modem.connections import Connections
from cellular.modem.power import Power
from cellular.trace import trace
from cellular.waiter import Waiter
from micropython import const

_ANSWER_MS = const(5000)
_ONCE_MS = const(1500)  # where a second try is soon better than a long wait


def _is_imei(field):
    return len(field) == 15 and field.isdigit()


def _is_iccid(field):
    return 18 <= len(field) <= 22 and field.startswith("89")


class Modem(Power, Connections):
    """`uart`: machine.UART; `pwrkey`, `reset_pin`, `wake_pin`: machine.Pin that drives the module's key when high, or
    None.

    on_urc(line) gets the lines that no socket wants; on_reset(expected) is called when the module has restarted,
    `expected` when we had asked for it. kind: the module that is on the board, where it is known: its times and keys
    hold until the module has said who it is. baud: the rate of `uart`; given it, another is tried where nothing
    answers.
    """

    def __init__(self, uart, pwrkey=None, reset_pin=None, kind=None, wake_pin=None, baud=None):
        self.channel = Channel(uart, self._urc, self._reset)
        self.channel.on_cut = self._cut
        self.channel.on_payload = self._payload
        self.profile = None
        self.model = None
        self.revision = None
        self.imei = None
        self.iccid = None
        self.apn = None
        self.on_urc = None
        self.on_reset = None
        self._pwrkey = pwrkey
        self._reset_pin = reset_pin
        self._wake_pin = wake_pin
        self.connected = None  # RRC, as +CSCON tells it; None: it has not told
        self.connect_ms = None  # from a datagram to the connection it needs, the last time
        self._kind = kind
        self._uart = uart
        self._baud = baud
        self.last_exchange = False  # what is sent now is the last of a session, and an answer is expected
        self._udp = None  # the dialect of the UDP sockets that are open
        self._listeners = {}
        self._bearer = False  # the data context is up
        self._sockets = {}
        self._expected = False  # we have asked for a restart, and its banner has not come
        self._booted = Waiter()

    # --- identity and SIM -----------------------------------------------------------------------------------------

    def use(self, profile):
        """Speak the dialect of `profile`."""
        self.profile = profile
        ch = self.channel
        ch.urcs = profile.URCS
        ch.banners = profile.BANNERS
        ch.ambiguous = profile.AMBIGUOUS
        ch.payloads = profile.PAYLOADS
        ch.parser.headers = profile.HEADERS
        ch.finals = profile.FINALS
        ch.prompts = profile.PROMPTS
        ch.prompt_gap_ms = profile.PROMPT_GAP_MS
        ch.line_end = profile.LINE_END
        ch.boot_begins = profile.BOOT_BEGINS
        ch.bare = profile.BARE

    async def _identify(self):
        await self.try_command(b"ATE0")
        told = []
        self.channel.banners = ()  # the maker's name, with which some begin, is in the answer too
        try:
            profile = await self._find_profile(told)
        finally:
            self.channel.banners = self.profile.BANNERS
        answer = told[-1]
        self.use(profile)
        await profile.identified(self)
        self.model = self.profile.NAME
        i = answer.find(b"Revision: ")
        self.revision = text(answer[i + 10 :].split(b" / ")[0]) if i >= 0 else None
        try:
            self.imei = await self.read_imei()
        except (ATError, UnexpectedAnswer) as e:
            trace("refused", error=str(e))

    async def _find_profile(self, told):
        for question in (b"ATI", b"AT+CGMM"):
            try:
                await self.ask(question, b"")
                told.append(b" / ".join(self.channel.lines))
            except ATError as e:
                told.append(e.answer.encode())
            except ModemSilent:
                if not told:
                    raise
                told.append(b"")
            profile = loader.find(told[-1])
            if profile:
                return profile
        if not told[0]:
            raise UnexpectedAnswer("ATI", "nothing")
        raise UnknownModem(text(told[0]))

    async def read_imei(self):
        """The 15 digits of the IMEI. Raises UnexpectedAnswer, ATError, ModemSilent, ModemReset."""
        return await self._read_field(self.profile.IMEI, _is_imei)

    async def read_iccid(self):
        """The card's number (ITU-T E.118), 18 to 22 digits, of which some networks write a few in hex. Raises as
        `read_imei`."""
        return await self._read_field(self.profile.ICCID, _is_iccid)

    async def _read_field(self, question, fits):
        """The field of the answer that `fits`: where an answer has no prefix, a line that nobody knows may stand among
        its own. One more try, as a line may have been lost."""
        for _ in range(2):
            await self.ask(*question)
            for line in self.channel.lines:
                for field in split(line):
                    if field and fits(field):
                        return field
        lines = self.channel.lines
        raise UnexpectedAnswer(text(question[0]), text(lines[-1]) if lines else "nothing")

    # --- capabilities -----------------------------------------------------------------------------------------------

    @property
    def capabilities(self):
        """Names of what this module can do: "udp", "tcp", "tls", "mqtt", "http", "sms", "gnss", ..."""
        return tuple(self.profile.CAPABILITIES)

    def require(self, capability):
        """Raise NotSupported, with what to do instead, where the module lacks `capability`."""
        if capability not in self.profile.CAPABILITIES:
            from cellular.modem.alternatives import alternative

            raise NotSupported(self.model or self.profile.NAME, capability, alternative(capability))

    def dialect(self, capability):
        """The module of functions that does `capability` here, loaded at its first use. Raises NotSupported."""
        self.require(capability)
        name = self.profile.CAPABILITIES[capability]
        if not name:
            return self.profile
        return __import__("cellular.modem.dialects." + name, None, None, (name,))

    async def bearer(self):
        """Have the data context up, where the module does not do that by itself. Raises ATError, ..."""
        if not self._bearer:
            await self.profile.bearer(self)
            self._bearer = True

    def bearer_lost(self):
        """Called by a dialect: the network has taken the data context, and every connection with it."""
        self._bearer = False
        for sock in self.sockets():
            sock.lost(SocketError("receive", None, "the network has taken the bearer; open another"))

    async def signal(self):
        """How well the cell is heard: a `cellular.modem.signal.Signal`. Raises CellularError."""
        from cellular.modem import signal

        return await signal.read(self)

    async def unlock_sim(self, pin=None):
        """Wait for the SIM and enter `pin` (str, secret) if it asks. Raises SimError.

        A wrong PIN is never repeated: it is entered only while all its tries are left.
        """
        await sim.unlock(self, pin)

    # --- commands -------------------------------------------------------------------------------------------------

    async def ask(self, command, prefix=None, timeout_ms=_ANSWER_MS):
        """`channel.cmd` for what is safe to repeat: one more try after silence, as a byte may get lost, or the modem
        may have fallen asleep while the command was on its way, and after an OK without the line that was asked for,
        which may be another's."""
        try:
            line = await self.channel.cmd(command, prefix, timeout_ms)
            if line is not None or prefix is None:
                return line
            await self.channel.sync()
        except ModemSilent:
            pass
        return await self.channel.cmd(command, prefix, max(timeout_ms, _ANSWER_MS))

    async def try_command(self, command, prefix=None):
        """`ask` for what can be done without: a refusal is told (event `refused`) and None returned."""
        try:
            return await self.ask(command, prefix)
        except ATError as e:
            trace("refused", error=str(e))
            return None

    async def apply_settings(self):
        """What a restart forgets, then stored settings (written only where they differ from the profile's values).

        Returns True if some were written that hold only after a restart.
        """
        await self.try_command(b"ATE0")
        await self.try_command(b"AT+CMEE=1")
        for command in self.profile.SETUP:
            await self.try_command(command)
        await self._write_where_other(self.profile.SETTINGS)
        return await self._write_where_other(self.profile.BOOT_SETTINGS)

    async def _write_where_other(self, settings):
        written = False
        for read, prefix, wanted, write in settings:
            if (await self.try_command(read, prefix)) != wanted:
                await self.try_command(write)
                written = written or (await self.try_command(read, prefix)) == wanted
        return written

    async def set_apn(self, apn):
        """Use `apn` for the attach bearer. Restarts the modem and returns True if it was another."""
        self.apn = apn
        changed = await self.profile.set_apn(self, apn)
        if changed:
            trace("apn_changed", apn=apn)
            await self.reboot()
        return changed

    async def radio_restart(self):
        """Radio and SIM off and on again, so that a refused registration is tried anew. The SIM may be locked after."""
        await self.radio_off()
        await self.channel.cmd(b"AT+CFUN=1", timeout_ms=self.profile.FUNCTION_MS)

    async def radio_off(self):
        """Radio and SIM off: the modem neither searches nor listens. Kept over a restart by many modules."""
        await self.channel.cmd(b"AT+CFUN=0", timeout_ms=self.profile.FUNCTION_MS)

    async def radio_is_on(self):
        """Whether the modem has its full functions."""
        return await self.ask(b"AT+CFUN?", b"+CFUN") == b"1"

    async def radio_on(self):
        """Radio and SIM on, where they are not. The SIM may be locked after."""
        if not await self.radio_is_on():
            await self.channel.cmd(b"AT+CFUN=1", timeout_ms=self.profile.FUNCTION_MS)

    async def hold_awake(self):
        """No sleep until `let_sleep`: commands of a session must not get lost in a nap. Sets what sleep forgets."""
        if self.profile.SLEEP_OFF:
            await self.ask(self.profile.SLEEP_OFF, timeout_ms=_ONCE_MS)
        for command in self.profile.SESSION:
            await self.try_command(command)

    async def let_sleep(self, connected):
        """Leave the modem to its timers; where it is `connected`, release assistance first (no more data expected)."""
        self._bearer = False
        if connected and self.profile.RELEASE:
            try:
                await self.channel.cmd(self.profile.RELEASE)
            except ATError as e:
                trace("release_refused", error=str(e))  # the network's inactivity timer does it then
        if self.profile.SLEEP_ON:
            await self.ask(self.profile.SLEEP_ON, timeout_ms=_ONCE_MS)
