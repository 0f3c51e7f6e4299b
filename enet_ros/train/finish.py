"""The end of a run: temperature, metrics, model file, and a picture of how it went."""

from __future__ import annotations

import csv
from pathlib import Path

from enet_ros import model_file
from enet_ros.card import ModelCard
from enet_ros.datasets.base import Pair
from enet_ros.nn import ENet, tensors_of
from enet_ros.train.evaluation import calibrate, confusion


def save_model(path: Path, network: ENet, card: ModelCard, held_out: list[Pair]) -> ModelCard:
    """Write the averaged network as a model file; scores and temperature come from the held-out pairs."""
    if held_out:
        card = card.with_(temperature=calibrate(network, card, held_out).temperature)
        matrix = confusion(network, card, held_out)
        scores = [("held_out_miou", matrix.miou()), ("held_out_pixel_accuracy", matrix.pixel_accuracy())]
        card = card.with_(metrics=tuple((name, round(value, 4)) for name, value in scores))
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
    score.plot(epochs, [100 * float(row["miou"]) for row in rows], color="tab:blue", label="mIoU (held out)")
    score.set(ylabel="mIoU, %", ylim=(0, 100))
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(picture, dpi=110)
    pyplot.close(figure)
