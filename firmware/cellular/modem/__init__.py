"""Floor 2: one modem, over a profile (`profiles/`) that says what is special about the module."""

from cellular.modem.modem import Modem as Modem
