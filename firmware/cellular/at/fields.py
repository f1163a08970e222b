"""Parameters of an AT line, TS 27.007 style: `5,1,"0001",,9` gives ["5", "1", "0001", None, "9"]."""

_QUOTE = 34
_COMMA = 44


def split(line):
    """List of the comma-separated fields of `line` (bytes): text without quotes, None where empty.

    Commas inside quotes belong to the field. An unclosed quote runs to the end of the line.
    """
    out = []
    start = 0
    quoted = False
    n = len(line)
    for i in range(n + 1):
        c = line[i] if i < n else _COMMA
        if c == _QUOTE and i < n:
            quoted = not quoted
        elif c == _COMMA and (i == n or not quoted):
            field = line[start:i].strip()
            if field[:1] == b'"':
                out.append(text(field[1:-1] if field[-1:] == b'"' and len(field) > 1 else field[1:]))
            else:
                out.append(text(field) if field else None)
            start = i + 1
    return out


def text(data):
    """`data` (bytes) as printable text, with a dot for every other byte: a damaged answer must not raise."""
    return "".join([chr(c) if 32 <= c < 127 else "." for c in data])


def number(fields, index):
    """Field `index` as an int, or None if it is absent, empty or no number."""
    if index >= len(fields) or fields[index] is None:
        return None
    try:
        return int(fields[index])
    except ValueError:
        return None


def qird_length(fields):
    """Bytes of payload behind Quectel's `+QIRD: <length>[,…]`; none behind `+QIRD: <total>,<read>,<unread>`."""
    if len(fields) == 3 and number(fields, 1) is not None:
        return 0
    return number(fields, 0)


def is_read_answer(buf, start, end):
    """True for `+CEREG: <n>,<stat>…` (answer to a read), False for the URC `+CEREG: <stat>[,"<tac>"…]`.

    The answer's second field is one bare digit, or two (stat 10); the URC's is empty, quoted or at least four hex
    digits [27.007, and the dialects that leave out quotes].
    """
    i = buf.find(b",", start, end)
    if i < 0:
        return False
    i += 1
    n = 0
    while i < end and 48 <= buf[i] <= 57:
        n += 1
        i += 1
    return 0 < n <= 2 and (i >= end or buf[i] == _COMMA)
