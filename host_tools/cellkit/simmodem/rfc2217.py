"""A serial port over TCP that also carries baud rate, DTR and RTS (RFC 2217); pyserial does the protocol."""

from __future__ import annotations

import serial  # type: ignore[import-untyped]
from serial import rfc2217

from cellkit.simmodem.ports import Line, TcpPort


class _Lines:
    """What pyserial's PortManager takes for a serial port: settings as the client has made them."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._baudrate = 115200
        self._dtr = self._rts = False
        self.bytesize = serial.EIGHTBITS
        self.parity = serial.PARITY_NONE
        self.stopbits = serial.STOPBITS_ONE
        self.xonxoff = self.rtscts = False
        self.break_condition = False
        self.cts = self.dsr = self.cd = True
        self.ri = False

    @property
    def baudrate(self) -> int:
        return self._baudrate

    @baudrate.setter
    def baudrate(self, rate: int) -> None:
        self._baudrate = rate
        self._line.baud(rate)

    @property
    def dtr(self) -> bool:
        return self._dtr

    @dtr.setter
    def dtr(self, on: bool) -> None:
        self._dtr = on
        self._line.control("DTR", on)

    @property
    def rts(self) -> bool:
        return self._rts

    @rts.setter
    def rts(self, on: bool) -> None:
        self._rts = on
        self._line.control("RTS", on)

    def reset_input_buffer(self) -> None:
        """Nothing waits in here."""

    def reset_output_buffer(self) -> None:
        """Nothing waits in here."""


class _Wire:
    """What PortManager writes to."""

    def __init__(self, port: Rfc2217Port) -> None:
        self._port = port

    def write(self, data: bytes) -> None:
        self._port.write_telnet(data)


class Rfc2217Port(TcpPort):
    """As TcpPort, for clients that speak RFC 2217."""

    scheme = "rfc2217"

    def __init__(self, line: Line, host: str, port: int) -> None:
        super().__init__(line, host, port)
        self._manager: rfc2217.PortManager | None = None

    def _begin(self) -> None:
        self._manager = rfc2217.PortManager(_Lines(self._line), _Wire(self))

    def write_telnet(self, data: bytes) -> None:
        """Bytes of the protocol itself."""
        super()._write(data)

    def received(self, data: bytes) -> None:
        """Bytes of the connection: the protocol takes its own."""
        if self._manager is not None:
            plain = b"".join(self._manager.filter(data))
            if plain:
                self._line.came(plain)

    def _write(self, data: bytes) -> bool:
        escaped = data if self._manager is None else b"".join(self._manager.escape(data))
        return super()._write(escaped)
