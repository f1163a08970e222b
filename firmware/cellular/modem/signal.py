"""How well the module hears its cell: one model for all families, from what each can tell."""

from cellular.at.fields import number, split


class Signal:
    """Reference signal power and quality, signal to noise, received power, and coverage enhancement level (0 to 2);
    None where the module does not tell. Values are those of its last measurement, which may be minutes old."""

    def __init__(self):
        self.rsrp_dbm = None
        self.rsrq_db = None
        self.sinr_db = None
        self.rssi_dbm = None
        self.ce_level = None


def _named(lines, key):
    """The number behind `key` and a colon or space, wherever that stands, e.g. `RSRP:-101.5` or `Signal power:-758`."""
    for line in lines:
        i = line.find(key)
        if i < 0:
            continue
        i += len(key)
        while i < len(line) and line[i] in b": ":
            i += 1
        j = i
        while j < len(line) and line[j] in b"+-.0123456789":
            j += 1
        try:
            return float(line[i:j])
        except ValueError:
            return None
    return None


_LIMITS = {
    "rsrp_dbm": (-160, -20),
    "rsrq_db": (-40, -1),
    "sinr_db": (-30, 30),
    "rssi_dbm": (-140, -20),
    "ce_level": (0, 2),
}


def take(signal, lines, row):
    """Put values of an answer into `signal`. row: (attribute, where[, factor, offset]): value = x * factor + offset,
    where x is field number `where` (of the first line), or the number behind the text `where`. A value that cannot be
    says that there is none."""
    fields = split(lines[0])
    for entry in row:
        name, where = entry[:2]
        factor, offset = entry[2:4] if len(entry) > 2 else (1, 0)
        x = number(fields, where) if isinstance(where, int) else _named(lines, where)
        least, most = _LIMITS[name]
        if x is not None and least <= x * factor + offset <= most and getattr(signal, name) is None:
            setattr(signal, name, x * factor + offset)


# TS 27.007: +CESQ and +CSQ. 0 stands for "less than", the greatest for "more than".
_CESQ = (("rsrq_db", 4, 0.5, -20), ("rsrp_dbm", 5, 1, -141), ("rssi_dbm", 0, 1, -111))
_CSQ = (("rssi_dbm", 0, 2, -113),)


async def read(modem):
    """A Signal. Asks with the family's own command (profile.SIGNAL: (command, prefix, row)) where it has one, then
    +CESQ and +CSQ for what is missing. Raises CellularError."""
    signal = Signal()
    own = getattr(modem.profile, "SIGNAL", None)
    asked = ((own,) if own else ()) + ((b"AT+CESQ", b"+CESQ", _CESQ), (b"AT+CSQ", b"+CSQ", _CSQ))
    for command, prefix, row in asked:
        missing = [name for name in [entry[0] for entry in row] if getattr(signal, name) is None]
        if missing:
            await modem.try_command(command, prefix)
            if modem.channel.lines:
                take(signal, modem.channel.lines, row)
    return signal
