"""What goes to the server, as SenML packs; docs/meter.md lists the names."""

from apps.meter import VERSION
from cellular.services.cbor import CborOverflow
from cellular.services.ledger import UAH_PER_C
from cellular.services.senml import Pack
from micropython import const

PACK_BYTES = const(460)  # with CoAP's header and options within the 512 bytes that every module's socket takes


class Messages:
    """Builds one pack after the other in one buffer: what a method returns or yields holds until the next one."""

    def __init__(self, name, unit):
        self._name = name
        self._unit = unit
        self._pack = Pack(bytearray(PACK_BYTES))

    def event(self, machine, event, utc_s):
        """The pack of one event (priority, name, value) of the machine."""
        _, name, value = event
        pack = self._pack
        pack.begin(self._name, utc_s)
        if isinstance(value, bool):
            pack.flag(name, value)
        else:
            pack.text(name, value)
        self._state(machine, name)
        if name == "boot":
            pack.text("version", VERSION)
        return pack.end()

    def upload(self, machine, utc_s, ledger, drift_ppm, readings, freezes):
        """Yields (pack, number of the first reading not in it or before, ditto of freezes) until all are told.

        ledger: (µAh used, days left or None). readings, freezes: of Ring.since, oldest first.
        """
        pack = self._pack
        base_s = utc_s or 0  # without a clock the times of older readings go out as they are
        pack.begin(self._name, utc_s)
        self._state(machine)
        used_uah, left_days = ledger
        pack.number("used", used_uah // UAH_PER_C, "C")
        if left_days is not None:
            pack.number("forecast", left_days, "d")
        if drift_ppm is not None:
            pack.number("drift", int(drift_ppm), "ppm")
        if machine.dropped:
            pack.number("dropped", machine.dropped)
        reading_next = freeze_next = 0
        base = None
        for label, source in (("day", freezes), ("r", readings)):
            for number, time_s, value, late in source:
                name = label + "_late" if late else label
                if base is None:
                    base = value
                    pack.base_value(base)
                try:
                    pack.number(name, value - base, None, time_s - base_s)
                except CborOverflow:
                    yield pack.end(), reading_next, freeze_next
                    pack.begin(self._name, utc_s)
                    base = value
                    pack.base_value(base)
                    pack.number(name, 0, None, time_s - base_s)
                if source is readings:
                    reading_next = number + 1
                else:
                    freeze_next = number + 1
        yield pack.end(), reading_next, freeze_next

    def charge(self, charge_uah, utc_s, imei=None):
        """The pack of the ledger's {phase: µAh}, and who the modem is."""
        pack = self._pack
        pack.begin(self._name, utc_s)
        for name in sorted(charge_uah):
            pack.number("used/" + name, charge_uah[name] // UAH_PER_C, "C")
        if imei:
            pack.text("imei", imei)
        return pack.end()

    def _state(self, machine, told=None):
        pack = self._pack
        if machine.value is not None:
            pack.number("total", machine.value, self._unit)
        if machine.battery_mv is not None:
            pack.number("battery", machine.battery_mv, "mV")
        for name in machine.active:
            if name != told:
                pack.flag(name, True)
