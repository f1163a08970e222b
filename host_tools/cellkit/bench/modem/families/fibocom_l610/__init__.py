"""Fibocom L610, Cat.1: the MIP dialect. Sources: RT-Thread's L610 driver, acceptance reports of an L610-CN-62-36."""

from __future__ import annotations

from cellkit.bench.modem.engines.links import Kind, Link, Links
from cellkit.bench.modem.engines.tls import Files, TlsSettings
from cellkit.bench.modem.family import DataMode, Handler, Reply, Traits
from cellkit.bench.modem.plain import PlainModem
from cellkit.bench.modem.v250 import Command, MeFault, SyntaxFault

_SOCKETS = 8
_LONGEST = 2048
_KINDS: tuple[Kind, ...] = ("tcp", "udp", "tls")


class Module(PlainModem):
    """The L610-CN. TLS settings and certificates are volatile: gone at power-off."""

    traits = Traits(banner=((0.0, "RDY"),), prompt="\r\n>")
    act = 7
    edrx_act = 4
    whole = frozenset[str]()

    def commands(self) -> dict[str, Handler]:
        """Sockets and TLS; MQTT of its own has no log and is not there."""
        self.files = Files()
        self._links: Links | None = None
        self.format = 0
        self.certificates = 0
        self.tls_mode = 0
        return {
            "+MIPCALL": self._call, "+MIPOPEN": self._open, "+MIPCLOSE": self._close, "+MIPSEND": self._send,
            "+MIPREAD": self._read, "+GTSET": self._gtset, "+GTSSLVER": lambda command: Reply(),
            "+GTSSLMODE": self._mode, "+GTSSLFILE": self._file, "+GTWAKE": lambda command: Reply(),
            "S24": lambda command: Reply(), "+CPWROFF": self._off,
            "+CCID": lambda command: Reply([f"+CCID: {self.sim.iccid}"]), "+CSCON": None,  # type: ignore[dict-item]
        }  # fmt: skip

    @property
    def links(self) -> Links:
        """Made at their first use: the radio is not there before."""
        if self._links is None:
            self._links = Links(self)
        return self._links

    def lost_power(self) -> None:
        """Certificates and TLS settings are gone."""
        self.files = Files()
        self.certificates = self.tls_mode = 0
        super().lost_power()

    # Bearer

    def _call(self, command: Command) -> Reply:
        ip = self.ue.grant.ip
        if command.op == "test":
            return Reply(["+MIPCALL: (0,1)"])
        if command.op == "read":
            return Reply([f"+MIPCALL: 1,{ip}" if ip and self.settings.ram.get("call") else "+MIPCALL: 0"])
        on = command.integer(0, 0, 1)
        if on and not ip:
            raise SyntaxFault
        self.settings.ram["call"] = bool(on)
        return Reply(after=lambda: self.later(0.3, self.urc, f"+MIPCALL: {ip}") if on else None)

    # Sockets

    def _open(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply(["+MIPOPEN: (1-8),(0-65535),,(1-65535),(0-2)"])
        if command.op == "read":
            used = {link.number for link in self.links.all()}
            free = ",".join(str(number) for number in range(1, _SOCKETS + 1) if number not in used)
            return Reply([f"+MIPOPEN: {free}"])
        number, host = command.integer(0, 1, _SOCKETS), command.string(2, 200)
        port, kind = command.integer(3, 1, 65535), _KINDS[command.integer(4, 0, 2)]
        if self.links.get(number) is not None or not self.settings.ram.get("call"):
            raise SyntaxFault

        def told(outcome: str) -> None:
            if outcome == "ok":
                self.urc(f"+MIPOPEN: {number},1")
                return
            failed = self.links.get(number)
            if failed is not None:
                failed.close()
            self.urc(f"+MIPSTAT: {number},1")

        def begin() -> None:
            link = self.links.open(number, kind, host, port, told, self._tls() if kind == "tls" else None)
            link.on_data = lambda data: self._came(number, link, data)
            link.on_closed = lambda why: self._gone(number, link)

        return Reply(after=begin)

    def _off(self, command: Command) -> Reply:
        return Reply(after=lambda: self.later(1.0, self.power.shut_down))

    def _gone(self, number: int, link: Link) -> None:
        link.close()
        self.urc(f"+MIPSTAT: {number},1")

    def _came(self, number: int, link: Link, data: bytes) -> None:
        if self.format == 1:
            self.urc(data.decode("latin-1"))
        elif self.format == 5:
            link.buffer += data
            self.urc(f"+MIPREAD: {number},{len(link.buffer)}")
        elif self.format == 2:  # raw with a header; that its second field is the length then is (unverified)
            self.urc(f"+MIPRTCP: {number},{len(data)},{data.decode('latin-1')}")
        else:
            self.urc(f"+MIPRTCP: {number},0,{data.hex().upper()}")

    def _close(self, command: Command) -> Reply:
        number = command.integer(0, 1, _SOCKETS)
        link = self.links.get(number)
        if link is None:
            raise SyntaxFault
        link.close()
        return Reply(after=lambda: self.later(0.05, self.urc, f"+MIPCLOSE: {number},0"))

    def _send(self, command: Command) -> Reply:
        if command.op == "test":
            return Reply([f"+MIPSEND: (1-8),(1-{_LONGEST})"])
        number, size = command.integer(0, 1, _SOCKETS), command.integer(1, 1, _LONGEST)
        link = self.links.get(number)
        if link is None or link.state != "open":
            raise SyntaxFault
        live = link

        def typed(data: bytes | None) -> None:
            if data is None:
                self.complete(Reply())
                return
            failed = self.faults.take("send_fail") is not None

            def told(ok: bool) -> None:
                self.later(0.05, self.urc, f"+MIPPUSH: {number},{0 if ok and not failed else 1}")

            self.complete(Reply(after=lambda: told(False) if failed else live.send(data, told)))

        return Reply(prompt=DataMode(size, size, typed))

    def _read(self, command: Command) -> Reply:
        number, size = command.integer(0, 1, _SOCKETS), command.integer(1, 1, _LONGEST)
        link = self.links.get(number)
        if link is None:
            raise SyntaxFault
        data = link.take(size)
        return Reply([f"+MIPDATA: {number},{len(data)}", data.decode("latin-1")])

    def _gtset(self, command: Command) -> Reply:
        if command.string(0, 10).upper() == "IPRFMT":
            self.format = command.integer(1, 0, 5)
        return Reply()

    # TLS

    def _mode(self, command: Command) -> Reply:
        self.tls_mode = command.integer(0, 0, 2)
        return Reply()

    def _file(self, command: Command) -> Reply:
        if command.op == "read":
            counts = [(name, (self.files.read(name) or b"").count(b"-----BEGIN")) for name in self.files.names()]
            return Reply([f"+GTSSLFILE: {name},{count}" for name, count in counts])
        name, size = command.string(0, 20).upper(), command.integer(1, 1, 8192)
        if name not in ("TRUSTFILE", "CAFILE", "KEYFILE"):  # the last two (unverified): the client's own
            raise MeFault(4)

        def typed(data: bytes | None) -> None:
            if data is None:
                self.complete(Reply())
                return
            # Another upload adds to what is there, and does not replace it (acceptance report).
            before = self.files.read(name) or b""
            self.files.write(name, before + (b"\n" if before else b"") + data)
            count = (self.files.read(name) or b"").count(b"-----BEGIN")
            self.complete(Reply([f"+GTSSLFILE: {name},{count}"]))

        return Reply(prompt=DataMode(size, size, typed))

    def _tls(self) -> TlsSettings:
        parts = [self.files.read(name) or b"" for name in ("TRUSTFILE", "CAFILE", "KEYFILE")]
        mutual = bool(parts[1] and parts[2])
        return TlsSettings(
            ca=parts[0], cert=parts[1] if mutual else b"", key=parts[2] if mutual else b"", verify=self.tls_mode > 0,
            sni=True,
        )  # fmt: skip
