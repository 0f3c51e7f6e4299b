"""The log of a run: log.csv with a row for each epoch, and a picture of it."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from enet_ros.metrics import ConfusionMatrix

COLUMNS = ("stage", "epoch", "loss", "learning_rate", "seconds", "miou", "pixel_accuracy")


class Log:
    """Rows of COLUMNS, written to `path` as they come; scores are empty where an epoch was not scored."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[dict[str, str]] = []

    @property
    def miou(self) -> float:
        """The last score; NaN before the first."""
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
        """The whole file, for a checkpoint."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def restore(self, text: str) -> None:
        """Go on from a checkpoint."""
        self.rows = list(csv.DictReader(io.StringIO(text)))

    def plot(self, picture: Path) -> None:
        """Draw loss and held-out mIoU over the epochs, as a PNG. Raises ImportError where matplotlib is missing."""
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, axis = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
        epochs = range(1, len(self.rows) + 1)
        axis.plot(epochs, [float(row["loss"]) for row in self.rows], color="tab:grey", label="loss (training)")
        axis.set(xlabel="epoch", ylabel="loss")
        score = axis.twinx()
        scored = [(epoch, 100 * float(row["miou"])) for epoch, row in enumerate(self.rows, 1) if row["miou"]]
        if scored:
            score.plot(*zip(*scored, strict=True), ".-", color="tab:blue", label="mIoU (held out)")
        score.set(ylabel="mIoU, %", ylim=(0, 100))
        figure.legend(loc="outside upper center", ncols=2, frameon=False)
        figure.savefig(picture, dpi=110)
        pyplot.close(figure)
