"""Huawei's platform over CoAP and LwM2M: NCDP, NMGS, QLWULDATA. What the module says of it; there is no platform here.

Sources: Hi2115 tutorial (NMGS), BC68 logs (QLWULDATA), BC95 AT manual V1.3, headers of drivers (status codes).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

if TYPE_CHECKING:
    from cellkit.bench.modem.families.quectel_bc95 import Module

_LONGEST = 512
_KEPT = 8
_REGISTERED, _OBSERVED = 0, 3
_SENT, _SUCCESS = 1, 4
_NOT_READY = 513  # CME code of data before the platform is ready (Hi2115 log)


class PlatformCommands:
    """Handlers bound to one modem. `state` is what NMSTATUS tells; data may go once it is MO_DATA_ENABLED."""

    def __init__(self, modem: Module) -> None:
        self._modem = modem
        self.restarted()

    def restarted(self) -> None:
        """After a start."""
        self.state = "UNINITIALISED"
        self._status = 0
        self._sent = self._received = self._dropped = 0
        self._inbox: deque[bytes] = deque()

    def handlers(self) -> dict[str, Handler]:
        """Commands by name."""
        fine: Handler = lambda command: Reply()  # noqa: E731
        return {
            "+NCDP": self._ncdp, "+QREGSWT": self._qregswt, "+QLWSREGIND": self._regind, "+QLWULDATA": self._uldata,
            "+QLWULDATAEX": self._uldata, "+QLWULDATASTATUS": self._ulstatus, "+NMSTATUS": self._nmstatus,
            "+NSMI": lambda command: self._flag(command, "NSMI", 1),
            "+NNMI": lambda command: self._flag(command, "NNMI", 2),
            "+NMGS": self._nmgs, "+NMGR": self._nmgr, "+NQMGS": self._nqmgs, "+NQMGR": self._nqmgr,
            "+QLWFOTAIND": lambda command: self._setting(command, "2"),
            "+QSECSWT": lambda command: self._setting(command, "0"),
            "+QSETPSK": fine, "+QRESETDTLS": fine, "+QDTLSSTAT": lambda command: self._setting(command, "3"),
            "+QCRITICALDATA": fine, "+QLWSERVERIP": self._server, "+QLWEVTIND": fine,
        }  # fmt: skip

    # The client

    @property
    def ready(self) -> bool:
        """Whether the platform has asked for the data object."""
        return self.state == "MO_DATA_ENABLED"

    def attached(self) -> None:
        """There is an address: with QREGSWT=1 and a server the client registers by itself."""
        nvram = self._modem.settings.nvram
        if nvram["QREGSWT"] == 1 and nvram["NCDP"][0]:
            self._register()

    def lost(self) -> None:
        """The registration with the network has gone."""
        if self.state != "UNINITIALISED":
            self.state = "NO_UE_IP"

    def _register(self) -> None:
        self.state = "REGISTERING"
        self._modem.ue.connect(self._connected)

    def _connected(self, ok: bool) -> None:
        if ok:
            self._modem.later(1.5, self.event, _REGISTERED)
            self._modem.later(4.0, self.event, _OBSERVED)
        else:
            self.state = "INIT_FAILED"

    def event(self, number: int) -> None:
        """+QLWEVTIND: 0 registered, 1 deregistered, 2 updated, 3 data object observed, 5 firmware object."""
        if number == _REGISTERED:
            self.state = "REGISTERED"
        elif number == _OBSERVED:
            self.state = "MO_DATA_ENABLED"
        elif number == 1:
            self.state = "UNINITIALISED"
        self._modem.urc(f"+QLWEVTIND:{number}")

    def downlink(self, data: bytes) -> None:
        """The platform sends."""
        how = self._modem.settings.ram["NNMI"]
        if how == 1:
            self._modem.urc(f"+NNMI:{len(data)},{data.hex().upper()}")
            self._received += 1
            return
        if len(self._inbox) >= _KEPT:
            self._dropped += 1
            return
        self._received += 1
        self._inbox.append(data)
        if how == 2:
            self._modem.urc("+NNMI")

    # Settings

    def _ncdp(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply()
        if command.op == "read":
            ip, port = nvram["NCDP"]
            return Reply([f"+NCDP:{ip},{port}"] if ip else [])
        nvram["NCDP"] = (command.string(0, 63), command.integer(1, 0, 65535, default=5683))
        return Reply()

    def _server(self, command: Command) -> Reply:
        ip, port = self._modem.settings.nvram["NCDP"]
        return Reply([f"+QLWSERVERIP:LWM2M,{ip},{port}"] if command.op == "read" and ip else [])

    def _qregswt(self, command: Command) -> Reply:
        nvram = self._modem.settings.nvram
        if command.op == "test":
            return Reply(["+QREGSWT:(0,1,2)"])
        if command.op == "read":
            return Reply([f"+QREGSWT:{nvram['QREGSWT']}"])
        nvram["QREGSWT"] = command.integer(0, 0, 2)
        return Reply()

    def _flag(self, command: Command, key: str, high: int) -> Reply:
        ram = self._modem.settings.ram
        if command.op == "test":
            return Reply([f"+{key}:({','.join(str(n) for n in range(high + 1))})"])
        if command.op == "read":
            return Reply([f"+{key}:{ram[key]}"])
        ram[key] = command.integer(0, 0, high)
        return Reply()

    def _setting(self, command: Command, factory: str) -> Reply:
        noted = self._modem.settings.ram.setdefault("noted", {})
        if command.op == "read":
            return Reply([f"{command.name}:{noted.get(command.name, factory)}"])
        if command.op == "set":
            noted[command.name] = command.raw
        return Reply()

    # LwM2M

    def _regind(self, command: Command) -> Reply:
        what = command.integer(0, 0, 2)
        if not self._modem.ue.registered:
            raise SyntaxFault
        if what == 1:
            return Reply(after=lambda: self._modem.later(1.0, self.event, 1))
        return Reply(after=self._register)

    def _data(self, command: Command) -> bytes:
        size = command.integer(0, 1, _LONGEST)
        try:
            data = bytes.fromhex(command.string(1, 2 * _LONGEST))
        except ValueError:
            raise SyntaxFault from None
        if len(data) != size:
            raise SyntaxFault
        return data

    def _uldata(self, command: Command) -> Reply:
        self._data(command)
        if not self.ready:
            # Data before the platform has asked for them are thrown away, and it registers anew (BC68).
            if self._modem.ue.registered and self.state != "REGISTERING":
                self._modem.later(0.1, self._register)
            raise MeFault(_NOT_READY)
        extended = command.name == "+QLWULDATAEX"
        confirmed = extended and command.string(2, 6, default="0x0000").lower() in ("0x0100", "0x0101")
        sequence = command.integer(3 if extended else 2, 0, 255, default=0)
        self._status = _SENT if confirmed else 0
        return Reply(after=lambda: self._uplink(confirmed, sequence))

    def _uplink(self, confirmed: bool, sequence: int) -> None:
        modem = self._modem

        def told(ok: bool) -> None:
            self._status = _SUCCESS if ok else 3
            if confirmed:
                shown = f"+QLWULDATASTATUS:{self._status}" + (f",{sequence}" if sequence else "")
                modem.later(1.0, modem.urc, shown)

        modem.ue.connect(told)

    def _ulstatus(self, command: Command) -> Reply:
        return Reply([f"+QLWULDATASTATUS:{self._status}"])

    # Messages

    def _nmstatus(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([
                "UNINITIALISED", "MISSING_CONFIG", "INIT_FAILED", "INIITIALISED", "REGISTERING", "REREGISTERING",
                "REGISTERED", "REREGISTERED", "MO_DATA_ENABLED", "NO_UE_IP", "REJECTED_BY_SERVER",
                "TIMEOUT_AND_RETRYING",
            ])  # fmt: skip
        return Reply([f"+NMSTATUS:{self.state}"])

    def _nmgs(self, command: Command) -> Reply:
        self._data(command)
        if not self._modem.ue.registered or not self.ready:
            raise MeFault(_NOT_READY)
        sequence = command.integer(2, 1, 255, default=0)

        def sent(ok: bool) -> None:
            self._sent += ok
            if self._modem.settings.ram["NSMI"]:
                word = "SENT" if ok else "DISCARDED"
                self._modem.urc(f"+NSMI:{word}" + (f",{sequence}" if sequence else ""))

        return Reply(after=lambda: self._modem.ue.connect(lambda ok: self._modem.later(0.2, sent, ok)))

    def _nmgr(self, command: Command) -> Reply:
        if not self._inbox:
            return Reply()
        data = self._inbox.popleft()
        return Reply([f"{len(data)},{data.hex().upper()}"])

    def _nqmgs(self, command: Command) -> Reply:
        return Reply([f"PENDING=0,SENT={self._sent},ERROR=0"])

    def _nqmgr(self, command: Command) -> Reply:
        return Reply([f"BUFFERED={len(self._inbox)},RECEIVED={self._received},DROPPED={self._dropped}"])
