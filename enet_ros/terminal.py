"""Text for people: tables on stdout, and a progress bar on stderr where that is a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


def console() -> Console:
    """Standard output; tables are not folded at 80 columns where that is a file or a pipe."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(width=200, highlight=False)


class Bar:
    """One running bar."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def begin(self, total: int, done: int) -> None:
        """Set the number of steps, and how many of them were done before."""
        self._progress.update(self._task, total=total or None, completed=done)

    def advance(self, steps: int = 1) -> None:
        """Go on by some steps."""
        self._progress.advance(self._task, steps)


@contextmanager
def progress(text: str, total: int | None) -> Iterator[Bar]:
    """A bar for `total` steps, None or 0 where the number is not known."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    stderr = Console(stderr=True)
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as running:
        yield Bar(running, running.add_task(text, total=total or None))
