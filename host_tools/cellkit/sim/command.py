"""`cellkit sim run`: the command, its progress and its exit codes."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from cellkit.simmodem import command as modem
from cellkit.terminal import FAILED, INTERRUPTED, SETUP_MISSING, USAGE, Json, epilog, fail, print_json

app = typer.Typer(help="Devices in virtual time, modems in real time.", no_args_is_help=True, rich_markup_mode=None)
app.command("modem", epilog=modem.EPILOG)(modem.command)


@app.callback()
def sim() -> None:
    """Devices in virtual time, modems in real time."""


@app.command(
    epilog=epilog(
        "cellkit sim run --app smoke --for 10y --seed 1 --out build/sim",
        "0    the whole time was simulated and no record was lost",
        "1    a record was lost, the battery did not last, or the run failed; the last line says why",
        "2    wrong usage",
        "3    MicroPython is not built yet: run `make setup`",
        "130  interrupted; log, summary and report hold what was simulated",
    )
)
def run(
    name: Annotated[str, typer.Option("--app", help="smoke or meter.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for events.jsonl, summary.json and report.html.")],
    duration: Annotated[str, typer.Option("--for", help="Simulated time: 10y, 30d, 12h ...")] = "10y",
    module: Annotated[str, typer.Option("--module", help="The modem.")] = "bc660k-gl",
    seed: Annotated[int, typer.Option("--seed", min=0, help="One seed, one history.")] = 1,
    server: Annotated[str | None, typer.Option("--server", help="coap://HOST:PORT/PATH of a real server.")] = None,
    network: Annotated[str | None, typer.Option("--network", help="Name or TOML file; docs/bench.md.")] = None,
    as_json: Json = False,
) -> None:
    """Run an app's real firmware through years of virtual time on the virtual bench.

    Deterministic: the same seed gives the same events.jsonl, byte for byte. Ctrl-C ends the run and keeps its results.
    """
    # Imported here: bench and model take their time, which the help needs not wait for.
    from cellkit.bench.mcucore import McuError
    from cellkit.sim.history import history
    from cellkit.sim.report import write_report
    from cellkit.sim.run import Job, Runner
    from cellkit.sim.scenario import Scenario
    from cellkit.sim.summary import summarize, write_summary

    if name not in Scenario.names():
        fail(f"expected --app {' or '.join(Scenario.names())}, got {name!r}", USAGE)
    console = Console(stderr=as_json, highlight=False)
    settings = _network(network)
    job = Job(name, module, _duration_s(duration), seed, out, _server(server, settings.hosts), settings)
    try:
        runner = Runner(job)
    except (ValueError, FileNotFoundError) as error:
        fail(str(error), USAGE)
    try:
        with _Bar(console, job.duration_s, job.network.utc_start_s) as bar:
            life = runner.run(bar.advance)
        summary = summarize(runner)
        write_summary(summary, out)
        history(runner).write(out)
        report = write_report(out)
    except McuError as error:
        fail(str(error), SETUP_MISSING if "make setup" in str(error) else FAILED)
    except OSError as error:
        fail(f"cannot write to {out}: {error.strerror or error}; choose another folder with --out", FAILED)
    if as_json:
        print_json({**summary, "report": str(report)})
    else:
        _tell(console, summary, report)
    if life.interrupted:
        raise typer.Exit(INTERRUPTED)
    if summary["records_lost"]:
        fail(f"{summary['records_lost']} records were lost; see outbox events in {out / 'events.jsonl'}", FAILED)
    if life.empty_at_s is not None:
        fail(f"the battery was empty after {life.empty_at_s / 86400:.0f} days; see `cellkit plan`", FAILED)


def _duration_s(text: str) -> float:
    from cellkit.plan.durations import parse

    try:
        duration_s = parse(text)
    except ValueError as error:
        fail(f"--for: {error}", USAGE)
    if not 60 <= duration_s <= 50 * 365.25 * 86400:
        fail(f"--for: expected one minute to 50 years, got {text}", USAGE)
    return duration_s


def _server(uri: str | None, hosts: dict[str, str]) -> str | None:
    if uri is None:
        return None
    parts = urlsplit(uri)
    host = parts.hostname or ""
    try:
        ipaddress.IPv4Address(hosts.get(host, host))
        possible = parts.port != 0  # nonsense raises
    except ValueError:
        possible = False
    # What the device itself would not take as its server, and then send nothing for years.
    if any(char in uri for char in '%#@"') or not uri.isprintable() or not uri.isascii():
        possible = False
    if parts.scheme != "coap" or not possible:
        fail(f"--server: expected coap://HOST:PORT/PATH, HOST an IPv4 address or a name in --network, got {uri}", USAGE)
    return uri


def _network(name: str | None) -> Any:
    from cellkit.bench.netconfig import NetworkConfig, NetworkError

    if name is None:
        return NetworkConfig()
    try:
        return NetworkConfig.load(name)
    except OSError as error:
        fail(f"cannot read {name}: {error.strerror}", USAGE)
    except NetworkError as error:
        fail(f"--network: {error}", USAGE)


def _tell(console: Console, summary: dict[str, Any], report: Path) -> None:
    years = summary["simulated_s"] / (365.25 * 86400)
    console.print(
        f"{years:.2f} years in {summary['wall_s']:.1f} s ({summary['speedup']:,} times as fast)\n"
        f"records: {summary['records_created']} created, {summary['records_acknowledged']} acknowledged, "
        f"{summary['records_waiting']} waiting, {summary['records_lost']} lost\n"
        f"mean current {summary['mean_current_ua']:.1f} µA; the battery ({summary['battery']}) lasts "
        f"{summary['forecast_years']:.1f} years\n{report}"
    )


class _Bar:
    """Progress with the simulated date and the speed; without a terminal a line now and then."""

    def __init__(self, console: Console, duration_s: float, utc_start_s: float) -> None:
        self._console = console
        self._duration_s = duration_s
        self._utc_start_s = utc_start_s
        self._said_s = 0.0
        self._progress = Progress(
            TextColumn("{task.fields[date]}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"),
            TextColumn("{task.fields[speed]}"), TimeRemainingColumn(), console=console, transient=True,
            disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("", total=duration_s, date="", speed="")

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def advance(self, now: Any) -> None:
        """Show how far it is."""
        date = f"{datetime.fromtimestamp(self._utc_start_s + now.simulated_s, UTC):%Y-%m-%d}"
        speed = f"{now.simulated_s / max(now.wall_s, 1e-3):,.0f} x"
        self._progress.update(self._task, completed=now.simulated_s, date=date, speed=speed)
        if not self._console.is_terminal and now.wall_s - self._said_s >= 10:
            self._said_s = now.wall_s
            self._console.print(f"{date}  {100 * now.simulated_s / self._duration_s:3.0f} %  {speed}")
