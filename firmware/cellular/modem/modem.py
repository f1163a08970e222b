"""One modem: power, boot, identity, SIM, wake and sockets. What a module does differently is in its profile.

The modem does not know what it is used for; the link decides when to wake, register and recover.
"""

from asyncio import sleep_ms
from time import ticks_diff, ticks_ms

from cellular.at.channel import Channel
from cellular.at.fields import split, text
from cellular.errors import (
    ATError,
    ModemReset,
    ModemSilent,
    NotSupported,
    SimError,
    SocketError,
    UnexpectedAnswer,
    UnknownModem,
)
from cellular.modem import loader
from cellular.modem.udp import UdpSocket
from cellular.trace import trace
from cellular.waiter import Waiter
from micropython import const

_CME_NO_SIM = (10, 13, 15)  # not inserted, failure, wrong
_CME_SIM_LATER = (13, 14)  # failure, which some say of a good SIM while they boot; busy
_CME_WRONG_PIN = (12, 16)  # PUK required, incorrect password
_SIM_BUSY_MS = const(10000)
_PIN_TRIES = const(3)  # of a new SIM, where +CPINR does not say
_LONG_PRESS_MS = const(1700)
_UNKNOWN = "unknown"  # NAME of the base profile
_OTHER_BAUD = const(9600)
_OTHER_TRIES = const(2)
_ANSWER_MS = const(5000)
_ONCE_MS = const(1500)  # where a second try is soon better than a long wait


def _is_imei(field):
    return len(field) == 15 and field.isdigit()


def _is_iccid(field):
    return 18 <= len(field) <= 22 and field.startswith("89")


class Modem:
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

    # --- power ----------------------------------------------------------------------------------------------------

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
        """Other ways to start what is not known: another rate, where it is that of others, and a longer pulse."""
        if self.model:
            return False
        if self._baud:
            self._uart.init(baudrate=_OTHER_BAUD)
            if await self._answers(_OTHER_TRIES):
                return True
            self._uart.init(baudrate=self._baud)
        if self.profile.NAME != _UNKNOWN:
            return False
        await self._press(self._pwrkey, _LONG_PRESS_MS)
        try:
            await self._boot("a long pulse")
        except ModemSilent:
            return False
        return True

    def _use_first(self):
        if not self._kind:
            self.use(loader.load("base"))
            self.channel.line_end = b"\r\n"  # each module takes that, and some wait for it
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
        state = await self._sim_state()
        if state == "SIM PIN":
            await self._enter_pin(pin)
        elif state != "READY":
            raise SimError(state, "unlock it in a phone")
        try:
            self.iccid = await self.read_iccid()
        except (ATError, UnexpectedAnswer) as e:
            self.iccid = None  # the session can do without
            trace("refused", error=str(e))

    async def _sim_state(self):
        began = ticks_ms()
        while True:
            try:
                line = await self.ask(b"AT+CPIN?", b"+CPIN")
                if not line:
                    raise UnexpectedAnswer("AT+CPIN?", "nothing")
                return text(line)
            except ATError as e:
                if e.code not in _CME_SIM_LATER or ticks_diff(ticks_ms(), began) > _SIM_BUSY_MS:
                    raise SimError(e.answer, "insert a SIM" if e.code in _CME_NO_SIM else "see TS 27.007 9.2")
            await sleep_ms(500)

    async def _enter_pin(self, pin):
        if not pin:
            raise SimError("SIM PIN", "set `pin` in the configuration, or switch the PIN off in a phone")
        if not (pin.isdigit() and 4 <= len(pin) <= 8):
            raise SimError("SIM PIN", "the configured PIN is not 4 to 8 digits; correct it")
        line = await self.try_command(b'AT+CPINR="SIM PIN"', b"+CPINR")
        fields = split(line) if line else ()
        if len(fields) < 2 or not fields[1]:
            raise SimError("SIM PIN", "it does not tell how many tries are left, so none is made; unlock it in a phone")
        if fields[1] != (fields[2] if len(fields) > 2 else str(_PIN_TRIES)):
            raise SimError(
                "SIM PIN",
                "a wrong PIN was entered before (%s tries left); correct it, then unlock in a phone" % fields[1],
            )
        try:
            await self.channel.cmd(b'AT+CPIN="%s"' % pin)
        except ATError as e:
            if e.code is None or e.code in _CME_WRONG_PIN:
                raise SimError(e.answer, "the configured PIN is wrong; it is not tried again")
            raise SimError(e.answer, "see TS 27.007 9.2")
        began = ticks_ms()
        while await self._sim_state() != "READY":
            if ticks_diff(ticks_ms(), began) > _SIM_BUSY_MS:
                raise SimError("SIM PIN", "the SIM did not get ready after its PIN")
            await sleep_ms(300)

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

    async def radio_on(self):
        """Radio and SIM on, where they are not. The SIM may be locked after."""
        if await self.ask(b"AT+CFUN?", b"+CFUN") != b"1":
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

    # --- sockets --------------------------------------------------------------------------------------------------

    async def udp_open(self, host, port):
        """Open a UDP socket to `host` (str), `port`. Returns a UdpSocket. Raises SocketError, ATError, ..."""
        self._udp = self.dialect("udp")
        await self.bearer()
        sid = self._free(self.profile.SOCKETS, self.profile.FIRST_SOCKET)
        sock = UdpSocket(self, self._udp, sid)
        self._sockets[sid] = sock
        try:
            await sock.open(host, port)
        except BaseException:
            self.forget(sid, sock)
            raise
        return sock

    async def tcp_open(self, host, port):
        """Open a TCP connection. Returns a StreamSocket. Raises SocketError, NotSupported, ..."""
        return await self._stream("tcp", host, port, None)

    async def tls_open(self, host, port, tls):
        """As `tcp_open`, secured as `tls` (cellular.modem.tls.Tls) says. Raises TlsError too."""
        return await self._stream("tls", host, port, tls)

    async def _stream(self, capability, host, port, tls):
        from cellular.modem.streams import open_stream

        dialect = self.dialect(capability)
        await self.bearer()
        if hasattr(dialect, "stream_name"):
            for number in range(dialect.STREAMS):
                sid = dialect.stream_name(number)
                if sid not in self._sockets:
                    break
            else:
                raise SocketError("open", None, "all %d connections are in use; close one" % dialect.STREAMS)
        else:
            sid = self._free(self.profile.SOCKETS, self.profile.FIRST_SOCKET)
        return await open_stream(self, dialect, sid, host, port, tls)

    def _free(self, count, first):
        for sid in range(first, first + count):
            if sid not in self._sockets:
                return sid
        raise SocketError("open", None, "all %d sockets are in use; close one" % count)

    def adopt(self, sid, sock):
        """Socket `sid` is `sock`'s from now on."""
        self._sockets[sid] = sock

    def forget(self, sid, sock):
        """Socket `sid` is no longer `sock`'s."""
        if self._sockets.get(sid) is sock:
            del self._sockets[sid]

    def socket(self, sid):
        """The socket with that number or name, or None."""
        return self._sockets.get(sid)

    def sockets(self):
        """All that are open."""
        return list(self._sockets.values())

    def orphans(self, count, sid):
        """Which of the module's socket numbers below `count` are no socket's here, `sid` being opened just now: an
        earlier life may have left them open, and many modules survive that."""
        held = [sock.handle for key, sock in self._sockets.items() if key != sid]
        return [number for number in range(count) if number not in held]

    def listen(self, prefix, handler, on_cut=None):
        """Have handler(line, payload) called for lines that begin with `prefix`; payload is None where none follows.
        on_cut(line) is called with the beginning of one that is longer than the buffer, whose rest is lost."""
        self._listeners[prefix] = handler, on_cut

    def unlisten(self, prefix):
        """No longer."""
        self._listeners.pop(prefix, None)

    # --- what the modem says by itself ------------------------------------------------------------------------------

    def _cut(self, line):
        self._urc(line, None, True)

    def _payload(self, line, payload):
        self._urc(line, payload)

    def _urc(self, line, payload=None, cut=False):
        if self._udp is not None and self._datagram(line, payload, cut):
            return
        for prefix, (handler, on_cut) in self._listeners.items():
            if line.startswith(prefix):
                if not cut:
                    handler(line, payload)
                elif on_cut:
                    on_cut(line)
                return
        connected = self.profile and self.profile.rrc_event(line)
        if connected is not None:
            self._rrc(connected)
        if self.on_urc and not cut:
            self.on_urc(line)

    def _datagram(self, line, payload, cut):
        """Whether `line` belonged to a UDP socket."""
        received = self._udp.udp_received(line, payload, cut)
        if received is None:
            return False
        for sock in self._sockets.values():
            if isinstance(sock, UdpSocket) and sock.handle == received[0]:
                break
        else:
            if received[0] in self._sockets:
                return False
            trace("datagram_for_no_socket", socket=received[0])
            return True
        if received[1] is None:
            sock.lost(SocketError("receive", None, "closed by the network; open another"))
        elif received[1] is True:
            sock.readable()
        else:
            sock.arrived(received[1])
        return True

    def _rrc(self, connected):
        self.connected = connected
        for sock in self._sockets.values():
            if connected and sock.waits_since is not None:
                self.connect_ms = ticks_diff(ticks_ms(), sock.waits_since)
            sock.waits_since = None

    def _reset(self):
        expected = self._expected
        self._expected = False
        self._booted.wake()
        self.connected = None
        self._bearer = False
        self._listeners = {}
        sockets = self._sockets
        self._sockets = {}
        for sock in sockets.values():
            sock.lost(ModemReset("an open socket"))
        if self.on_reset:
            self.on_reset(expected)
