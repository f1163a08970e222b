"""What goes to the server, as SenML packs, and what comes back, as a CBOR map. docs/smoke.md lists both."""

from apps.smoke import VERSION
from cellular.services.ledger import UAH_PER_C
from cellular.services.senml import Pack

_COMMANDS = ("hush", "silence", "test", "check", "armed", "restart")


class Messages:
    """Builds one pack after the other in one buffer: what `build` returns holds until the next call."""

    def __init__(self, name):
        self._name = name
        self._pack = Pack(bytearray(400))

    def build(self, machine, event, uptime_s, imei=None, account=None):
        """The pack of one event (priority, name, value) of the machine. `test` is in all packs, true only in a test.

        account: (µAh used, days left or None) of the ledger.
        """
        _, name, value = event
        pack = self._pack
        pack.begin(self._name)
        _put(pack, name, value)
        pack.flag("test", name == "test")
        if not machine.armed:
            pack.flag("armed", False)
        pack.number("uptime", uptime_s, "s")
        pack.number("level", machine.level_mv, "mV")
        if machine.battery_mv is not None:
            pack.number("battery", machine.battery_mv, "mV")
        if machine.fires > 1 and (name == "fire" or name == "heartbeat"):
            pack.number("fires", machine.fires)
        if name == "boot" or name == "heartbeat":
            self._state(machine, name, imei)
            if account is not None:
                pack.number("used", account[0] // UAH_PER_C, "C")
                if account[1] is not None:
                    pack.number("forecast", account[1], "d")
        elif name == "test":
            pack.text("self_check", machine.self_check)
        return pack.end()

    def _state(self, machine, name, imei):
        pack = self._pack
        pack.text("state", machine.state)
        pack.number("days", machine.days, "d")
        if name == "boot":
            pack.text("version", VERSION)
            return
        pack.text("self_check", machine.self_check)
        pack.text("fault", ",".join(machine.faults) or "none")
        pack.flag("low_battery", machine.low_battery)
        pack.flag("tamper", machine.removed)
        pack.flag("end_of_life", machine.end_of_life)
        if machine.dropped:
            pack.number("dropped", machine.dropped)
        if imei:
            pack.text("imei", imei)


def _put(pack, name, value):
    if isinstance(value, bool):
        pack.flag(name, value)
    elif isinstance(value, str):
        pack.text(name, value)
    else:
        pack.number(name, value)


def commands(payload):
    """[(name, value)] from a downlink: a CBOR map of command to true or false. Raises ValueError."""
    from cellular.services.cbor import decode

    given = decode(payload, 2, 64)
    if not isinstance(given, dict):
        raise ValueError("expected a CBOR map, as {hush: true}")
    for name, value in given.items():
        if name not in _COMMANDS or not isinstance(value, bool):
            raise ValueError("expected true or false for one of %s, got %r" % (", ".join(_COMMANDS), name))
    return list(given.items())
