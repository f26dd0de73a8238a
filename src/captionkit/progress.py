"""How long work shows how far it is: a bar on a terminal, plain lines elsewhere. Always on standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

from captionkit.errors import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

PLAIN_SECONDS = 15.0  # between two lines where there is no terminal


def duration(seconds: float) -> str:
    """Seconds as a person says them: "42 s", "3 min 5 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Progress:
    """Counts units of work and tells how many there are a second and how much time is left.

    A context manager. `rich` is loaded only where a terminal shows its bar.
    """

    def __init__(self, what: str, total: int, unit: str = "", *, done: int = 0, quiet: bool = False) -> None:
        """Prepare a display of the work; `done` are the units, of `total`, that an interrupted run did before."""
        self.what, self.total, self.unit = what, total, unit
        self.done = done
        self.note = ""
        self._quiet = quiet
        self._first = done
        self._said: int | None = None  # units done when the last line was printed
        self._began = self._last = self._told = time.monotonic()
        self._rate = 0.0  # units a second; 0 where it is not known yet
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
                TextColumn("{task.fields[left]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self.what, total=self.total, completed=self.done, note="", left="")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        late = time.monotonic() - self._began > PLAIN_SECONDS
        if kind is None and not self._quiet and late and self._said != self.done:
            self._line()

    def advance(self, units: int = 1, note: str = "") -> None:
        """Count units of work; `note` is shown beside them."""
        now, before = time.monotonic(), self.done - self._first
        if before or units > 1:
            # The units of a batch often come one by one, all at once: with the first of them the whole batch has
            # been waited for, and what was known before the wait is nearer the truth.
            rates = ((before, self._last), (before + units, now))
            self._rate = max(count / max(at - self._began, 1e-6) for count, at in rates)
        self._last = now
        self.done += units
        self.note = note
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done, note=note, left=self._left())
        elif not self._quiet and now - self._told > PLAIN_SECONDS:
            self._line()

    def say(self, line: str) -> None:
        """Print a line of news without breaking the bar; when quiet, leave it out."""
        if not self._quiet:
            self.warn(line)

    def warn(self, line: str) -> None:
        """Print a line on what failed without breaking the bar, quiet or not; no control characters."""
        line = printable(line)
        if self._bar is not None:
            self._bar.console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def _left(self) -> str:
        """How much time is left, in words; empty where that is not known."""
        return f"{duration((self.total - self.done) / self._rate)} left" if self._rate else ""

    def _line(self) -> None:
        self._told = time.monotonic()
        self._said = self.done
        counted = f"{self.what}: {self.done:,} of {self.total:,} {self.unit}".rstrip()
        rate = f"{self._rate:,.1f}/s" if self._rate else ""
        print(", ".join(filter(None, [counted, rate, self._left(), self.note])), file=sys.stderr, flush=True)
