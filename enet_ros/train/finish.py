"""The end of a run: metrics, model file, and a picture of how it went."""

from __future__ import annotations

import csv
from pathlib import Path

from enet_ros import model_file
from enet_ros.card import ModelCard
from enet_ros.metrics import ConfusionMatrix
from enet_ros.nn import ENet, tensors_of


def save_model(path: Path, network: ENet, card: ModelCard, scores: ConfusionMatrix | None) -> ModelCard:
    """Write the averaged network as a model file, with its scores on the held-out pairs where there are any."""
    if scores:
        metrics = {"held_out_miou": scores.miou(), "held_out_pixel_accuracy": scores.pixel_accuracy()}
        card = card.with_(metrics=tuple((name, round(value, 4)) for name, value in metrics.items()))
    return model_file.save(path, card, tensors_of(network))


def plot_log(log: Path, picture: Path) -> None:
    """Loss and held-out mIoU over the epochs of log.csv, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with log.open() as file:
        rows = list(csv.DictReader(file))
    figure, axis = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    epochs = range(1, len(rows) + 1)
    axis.plot(epochs, [float(row["loss"]) for row in rows], color="tab:grey", label="loss (training)")
    axis.set(xlabel="epoch", ylabel="loss")
    score = axis.twinx()
    scored = [(epoch, 100 * float(row["miou"])) for epoch, row in zip(epochs, rows, strict=True) if row["miou"]]
    if scored:
        score.plot(*zip(*scored, strict=True), ".-", color="tab:blue", label="mIoU (held out)")
    score.set(ylabel="mIoU, %", ylim=(0, 100))
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(picture, dpi=110)
    pyplot.close(figure)
