"""Log: the CSV file of a run, a row an epoch."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from enet_ros.metrics import ConfusionMatrix

COLUMNS = ("stage", "epoch", "loss", "learning_rate", "seconds", "miou", "pixel_accuracy")


class Log:
    """Rows of COLUMNS, written to `path` as they come; scores are empty where an epoch was not scored.

    `miou` is the last score, NaN before the first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[dict[str, str]] = []

    @property
    def miou(self) -> float:
        """See the class."""
        return next((float(row["miou"]) for row in reversed(self.rows) if row["miou"]), math.nan)

    def add(
        self, stage: str, epoch: int, loss: float, rate: float, seconds: float, scores: ConfusionMatrix | None
    ) -> None:
        """Add the row of an epoch, counted from 0."""
        scored = (f"{scores.miou():.4f}", f"{scores.pixel_accuracy():.4f}") if scores else ("", "")
        values = (stage, str(epoch + 1), f"{loss:.5f}", f"{rate:.3e}", f"{seconds:.1f}", *scored)
        self.rows.append(dict(zip(COLUMNS, values, strict=True)))
        self._path.write_text(self.text())

    def text(self) -> str:
        """All of it, for a checkpoint."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def restore(self, text: str) -> None:
        """Go on from a checkpoint."""
        self.rows = list(csv.DictReader(io.StringIO(text)))
