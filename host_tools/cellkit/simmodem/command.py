"""`cellkit sim modem`: the command and its exit codes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from cellkit.terminal import FAILED, USAGE, Json, epilog, fail, print_json

EPILOG = epilog(
    "cellkit sim modem --module bg95-m3 --pty /tmp/modem",
    "0    ended by Ctrl-C or SIGTERM",
    "1    it could not listen: the address is in use, the link exists, or the log cannot be written",
    "2    wrong usage: an unknown module, a network that cannot be, no place to listen at or two",
)


def command(
    module: Annotated[str, typer.Option("--module", help="A module (bc660k-gl) or a family (quectel-bc660k).")],
    pty: Annotated[Path | None, typer.Option("--pty", help="Link to a pty, to be opened as a serial port.")] = None,
    tcp: Annotated[str | None, typer.Option("--tcp", help="HOST:PORT for raw bytes; port 0 is a free one.")] = None,
    rfc2217: Annotated[
        str | None, typer.Option("--rfc2217", help="HOST:PORT for a serial port with baud rate, DTR and RTS.")
    ] = None,
    network: Annotated[str | None, typer.Option("--network", help="Name or TOML file; docs/bench.md.")] = None,
    log: Annotated[Path | None, typer.Option("--log", help="File for all events, one JSON object a line.")] = None,
    as_json: Json = False,
) -> None:
    """Serve a virtual modem to a terminal, a program or a board, in real time and on a virtual network.

    It is switched on at the start, and goes on between clients, of which one a time is served, until Ctrl-C. Its
    sockets reach real servers. docs/modem.md says more.
    """
    # Imported here: the bench takes its time, which the help needs not wait for.
    from cellkit.bench.modem import families
    from cellkit.bench.netconfig import NetworkConfig, NetworkError
    from cellkit.model.figures import ModelError
    from cellkit.simmodem.serve import Station

    port = _port(pty, tcp, rfc2217)
    try:
        family, config = families.load(module)
    except ModelError as error:
        fail(f"--module: {error}", USAGE)
    try:
        net = NetworkConfig() if network is None else NetworkConfig.load(network)
    except OSError as error:
        fail(f"--network: cannot read {network}: {error.strerror}", USAGE)
    except NetworkError as error:
        fail(f"--network: {error}", USAGE)

    def opened(where: dict[str, Any]) -> None:
        if as_json:
            print_json({"module": module, **where})
        else:
            place = where.get("url") or f"{where['link']} ({where['pty']})"
            typer.echo(f"{module} at {place}; Ctrl-C ends it")

    async def run() -> None:
        try:
            station = Station(family, config, net, log, port, lambda text: typer.echo(f"cellkit: {text}", err=True))
        except OSError as error:
            fail(f"cannot write the log {log}: {error.strerror}", FAILED)
        try:
            await station.serve(opened)
        except OSError as error:
            fail(_said(error, pty, tcp or rfc2217), FAILED)

    asyncio.run(run())


def _port(pty: Path | None, tcp: str | None, rfc2217: str | None) -> Any:
    from cellkit.simmodem.ports import PtyPort, TcpPort
    from cellkit.simmodem.rfc2217 import Rfc2217Port

    given = [name for name, value in (("--pty", pty), ("--tcp", tcp), ("--rfc2217", rfc2217)) if value is not None]
    if len(given) != 1:
        fail(f"expected one of --pty, --tcp and --rfc2217, got {' and '.join(given) or 'none'}", USAGE)
    if pty is not None:
        return lambda line: PtyPort(line, pty)
    host, number = _address(given[0], str(tcp or rfc2217))
    return lambda line: (TcpPort if tcp is not None else Rfc2217Port)(line, host, number)


def _address(option: str, text: str) -> tuple[str, int]:
    host, _, number = text.rpartition(":")
    if not host or not number.isdecimal() or int(number) > 65535:
        fail(f"{option}: expected HOST:PORT, as 127.0.0.1:2217, got {text!r}", USAGE)
    return host.removeprefix("[").removesuffix("]"), int(number)


def _said(error: OSError, pty: Path | None, address: str | None) -> str:
    why = error.strerror or str(error)
    if pty is not None and isinstance(error, FileExistsError):
        return f"{pty} exists and was not made by this command; remove it or choose another name with --pty"
    if pty is not None:
        return f"cannot make the link {pty}: {why}"
    return f"cannot listen at {address}: {why}; choose another address, or port 0 for a free one"
