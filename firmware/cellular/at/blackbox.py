"""What of the traffic may be shown. Parameters of a command may be a PIN or a key: they reach no error and no log."""

from cellular.at.fields import text


def shown(command):
    """How many bytes of `command` may be shown: all up to its `=`, or all of a test command."""
    i = command.find(b"=")
    return len(command) if i < 0 or command.startswith(b"=?", i) else i + 1


def name_of(command):
    """The command up to its parameters, as text that is safe to print."""
    return text(command[: shown(command)])


def readable(raw):
    """Raw traffic as text; lines that were sent begin with `>`."""
    out = []
    for line in raw.replace(b"\r", b"\n").split(b"\n"):
        if line[:2].upper() == b"AT":  # an echo shows parameters
            line = line[: shown(line)]
        line = line.replace(b"\0", b"")
        if line:
            out.append(text(line))
    return "\n".join(out)
