"""Everything that can go wrong between a device and its server, one class a cause.

Each message says what was expected, what came, and what to do. No message holds a secret: AT commands are quoted
only up to their `=`.
"""


class CellularError(Exception):
    """Base of all errors of this library. `permanent` is True where trying again cannot help without a person."""

    permanent = False


class ModemSilent(CellularError):
    """No answer within the command's deadline."""

    def __init__(self, command, timeout_ms):
        super().__init__(
            "no answer to %s within %d ms; check power, UART wiring and baud rate" % (command, timeout_ms)
        )
        self.command = command
        self.timeout_ms = timeout_ms


class ATError(CellularError):
    """The modem answered ERROR, +CME ERROR or +CMS ERROR. `code` is None for a plain ERROR. `late`: the line that was
    waited for besides OK, where it came before the error; some modules give the cause in it."""

    def __init__(self, command, answer, code=None, late=None):
        super().__init__("%s was refused: %s; look the code up in the module's AT manual" % (command, answer))
        self.command = command
        self.answer = answer
        self.code = code
        self.late = late


class PromptMissing(CellularError):
    """The `>` prompt never came; the data were not sent and the modem is back in command mode."""

    def __init__(self, command, timeout_ms):
        super().__init__("no > prompt after %s within %d ms; nothing was sent, try again" % (command, timeout_ms))
        self.command = command


class ModemReset(CellularError):
    """The modem restarted (boot banner seen) while something depended on it."""

    def __init__(self, what="operation"):
        super().__init__("modem restarted during %s; sockets and settings are gone, set it up anew" % what)


class UnexpectedAnswer(CellularError):
    """An answer that has the right prefix but not the shape that was expected."""

    def __init__(self, command, answer):
        super().__init__("%s: expected other fields than %s; is it another firmware revision?" % (command, answer))
        self.command = command
        self.answer = answer


class UnknownModem(CellularError):
    """The modem's identity matches no profile. `answer` is what it said to ATI."""

    permanent = True

    def __init__(self, answer):
        super().__init__(
            "modem says %s; no profile matches that; add `modem_<name>.py` for it (docs/profiles.md)" % answer
        )
        self.answer = answer


class NotSupported(CellularError):
    """The module does not have what is asked for. `capability` is the name in `modem.capabilities`."""

    permanent = True

    def __init__(self, model, capability, alternative):
        super().__init__("%s has no %s; %s" % (model, capability, alternative))
        self.capability = capability


class SimError(CellularError):
    """No SIM, or a SIM that is locked. `state` is the text of +CPIN or of the CME error."""

    permanent = True

    def __init__(self, state, hint):
        super().__init__("SIM is not ready: %s; %s" % (state, hint))
        self.state = state


class RegistrationDenied(CellularError):
    """The network refused. `cause` is the EMM cause of TS 24.301 or None, `permanent` as TS.34 sorts it."""

    def __init__(self, cause, text, permanent):
        super().__init__(
            "network denied registration: %s (EMM cause %s); %s"
            % (text, cause, "ask the operator about this SIM" if permanent else "it is tried again later")
        )
        self.cause = cause
        self.permanent = permanent


class NoCoverage(CellularError):
    """Not registered within the search time, and not refused either. `stat` is that of +CEREG, or None."""

    def __init__(self, searched_s, stat=None):
        super().__init__(
            "no network found in %d s (CEREG stat %s); check antenna, band and SIM, it is tried again later"
            % (searched_s, stat)
        )
        self.searched_s = searched_s
        self.stat = stat


class SocketError(CellularError):
    """A socket of the modem could not be opened or used. `code` is the module's own number or None."""

    def __init__(self, what, code=None, text=""):
        super().__init__("socket %s failed: %s (code %s)" % (what, text or "refused", code))
        self.code = code


class ServerUnreachable(CellularError):
    """No CoAP answer after all retransmissions."""

    def __init__(self, attempts, waited_ms):
        super().__init__(
            "server did not answer %d transmissions in %d ms; check its address, port and firewall"
            % (attempts, waited_ms)
        )
        self.attempts = attempts


class ServerAnswerUnknown(CellularError):
    """The server has answered, but in a way that this client cannot take for an answer. `code` is (class, detail)."""

    def __init__(self, code, what):
        super().__init__(
            "server answered %d.%02d with %s, which this device does not know; the record is kept, "
            "switch block-wise transfer and other extensions off at the server and answer 2.04" % (code + (what,))
        )
        self.code = code


class ServerRefused(CellularError):
    """The server answered 4.xx or 5.xx. `code` is (class, detail)."""

    def __init__(self, code):
        super().__init__("server answered %d.%02d; the record is kept, see the server's log" % code)
        self.code = code
