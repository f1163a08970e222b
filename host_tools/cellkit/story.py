"""Tells a person in the terminal what happens, while it happens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from cellkit.report import words

_QUIET_NOTE_S = 5.0  # without a terminal to animate, a line this often says that it still goes on


class Story:
    """Lines of a story on a console: one for each thing that has happened, and one that moves for what is awaited."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Spinner("dots")
        self._waiting = ""
        self._began_s = 0.0
        self._timeout_s = 0.0
        self._noted_s = 0.0
        self._latest = ""

    def title(self, text: str) -> None:
        self._console.print(Text(text, style="bold"))

    def line(self, t_s: float | None, name: str, details: str = "", mark: str = " ", style: str = "") -> None:
        """One thing that has happened at `t_s` (seconds since the start)."""
        at = "" if t_s is None else f"{t_s:.1f} s"
        self._console.print(
            Text.assemble((f"{at:>8}", "dim"), " ", (mark, style), " ", (f"{name:<12}", style or "bold"), " ", details)
        )

    def good(self, t_s: float | None, name: str, details: str = "") -> None:
        self.line(t_s, name, details, "✓", "green")

    def bad(self, t_s: float | None, name: str, details: str = "") -> None:
        self.line(t_s, name, details, "✗", "red")

    def table(self, names: list[str], rows: list[tuple[str, list[Any]]]) -> None:
        """Durations in seconds under column names, indented below the last line."""
        indent = " " * 24
        self._console.print(Text(indent + " " * 8 + "".join(f"{name:<14}" for name in names), style="dim"))
        for name, values in rows:
            cells = "".join(f"{words.duration(value):<14}" for value in values)
            self._console.print(Text(f"{indent}{name:<8}{cells}"))

    @contextmanager
    def waiting(self, what: str, timeout_s: float) -> Iterator[None]:
        """Show that `what` is awaited, and for how long already, until the block ends."""
        self._waiting, self._timeout_s, self._began_s, self._latest = what, timeout_s, time.monotonic(), ""
        self._noted_s = self._began_s
        if not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._moving, console=self._console, refresh_per_second=10, transient=True):
            yield

    def note(self, text: str) -> None:
        """Something small has happened while waiting: shown in the moving line only."""
        self._latest = text

    def tick(self) -> None:
        """To be called every second or so while waiting: says that it goes on where no line can move."""
        now = time.monotonic()
        if not self._console.is_terminal and now - self._noted_s >= _QUIET_NOTE_S:
            self._noted_s = now
            self.line(None, "…", f"waiting for {self._waiting}, {now - self._began_s:.0f} s of {self._timeout_s:.0f} s")

    def _moving(self) -> Text:
        now = time.monotonic()
        frame = self._spinner.render(now)
        waited = f"{now - self._began_s:.0f} s of at most {self._timeout_s:.0f} s"
        room = max(self._console.width - len(self._waiting) - len(waited) - 18, 0)
        return Text.assemble(
            " " * 9, frame if isinstance(frame, Text) else Text(), f" {self._waiting} ", (waited, "dim"), "  ",
            (self._latest[:room], "dim"), no_wrap=True, overflow="ellipsis",
        )  # fmt: skip
