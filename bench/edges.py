"""What smoother edges of a mask would gain: `./run exec python bench/edges.py --data CamVid`.

The network answers at half the image's size; its labels are scaled to the image by
  nearest     nearest neighbour, as the node does
  bilinear    bilinear logits of the two best classes of each pixel, along edges; `all` is of all classes, everywhere
  guided      the image-guided filter (He and Sun, Fast Guided Filter, arXiv 1505.00996) on the classes' probabilities
  brightness  of the nine pixels of the network around it, the label of the one that is as bright
  majority    the most frequent label around each pixel of an edge; `median` is OpenCV's median of the ids
on the street's exact labels at 960x720 (the network at 480x360) and on CamVid's validation frames at 480x360 (the
network at 240x180). F1 is of boundary pixels within 1, 2 and 3 pixels of the truth; ms is processor time of one thread
for a 960x720 mask. docs/evaluation.md says what came of it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from enet_ros import model_file
from enet_ros.arrays import F32, U8
from enet_ros.classes import CAMVID
from enet_ros.datasets.opening import open_dataset
from enet_ros.engines.pytorch import PlainNetwork
from enet_ros.metrics import BoundaryScore
from enet_ros.products.images import nearest
from enet_ros.segmenter import stretched
from enet_ros.street import Street

RADII = (1, 2, 3)
NEARER = 8
"""By how many of 255 shades a neighbour has to fit better than the pixel's own."""
NEVER = -1e4
"""The logit of a class that is not among a pixel's two best."""


class Answer(NamedTuple):
    """Of the network at (h, w) to an image (H, W, 3): logits (C, h, w) float32, labels (h, w), its input (h, w, 3)."""

    image: U8
    logits: F32
    labels: U8
    small: U8


def plain(answer: Answer) -> U8:
    return nearest(answer.labels, answer.image.shape[:2])


def all_bilinear(answer: Answer) -> U8:
    height, width = answer.image.shape[:2]
    best = np.full((height, width), -np.inf, np.float32)
    labels = np.zeros((height, width), np.uint8)
    for index, plane in enumerate(answer.logits):
        large = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        better = large > best
        np.copyto(best, large, where=better)
        labels[better] = index
    return labels


def two_bilinear(answer: Answer) -> U8:
    """As `all_bilinear` of logits of which each pixel has two, at the pixels whose four neighbours differ alone."""
    order = np.argpartition(answer.logits, -2, axis=0)[-2:]
    kept = np.full_like(answer.logits, NEVER)
    np.put_along_axis(kept, order, np.take_along_axis(answer.logits, order, 0), 0)
    labels = plain(answer)
    rows, columns, corners = along_edges(answer)
    (top, left, down, right), (dy, dx) = corners
    values = (
        kept[:, top, left] * (1 - dy) * (1 - dx)
        + kept[:, top, right] * (1 - dy) * dx
        + kept[:, down, left] * dy * (1 - dx)
        + kept[:, down, right] * dy * dx
    )
    labels[rows, columns] = values.argmax(0)
    return labels


def along_edges(answer: Answer) -> tuple[np.ndarray, np.ndarray, tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]]:
    """Pixels of the image whose four neighbours among the network's differ: rows, columns, neighbours and weights."""
    small = answer.labels
    (height, width), (h, w) = answer.image.shape[:2], small.shape
    differ = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    rows, columns = np.nonzero(nearest(differ.astype(np.uint8), (height, width)))
    y = np.clip((rows + 0.5) * h / height - 0.5, 0, h - 1).astype(np.float32)
    x = np.clip((columns + 0.5) * w / width - 0.5, 0, w - 1).astype(np.float32)
    top, left = y.astype(int), x.astype(int)
    down, right = np.minimum(top + 1, h - 1), np.minimum(left + 1, w - 1)
    return rows, columns, ((top, left, down, right), (y - top, x - left))


def guided(answer: Answer, radius: int = 4, epsilon: float = 1e-3) -> U8:
    """Per class: local linear models of its probability in the grey image, made small, applied large."""
    height, width = answer.image.shape[:2]
    h, w = answer.logits.shape[1:]
    grey = cv2.cvtColor(answer.image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    small = cv2.resize(grey, (w, h), interpolation=cv2.INTER_AREA)
    window = (2 * radius + 1, 2 * radius + 1)
    mean = cv2.blur(small, window)
    variance = cv2.blur(small * small, window) - mean * mean
    exponent = np.exp(answer.logits - answer.logits.max(0))
    probability = exponent / exponent.sum(0)
    best, labels = np.full((height, width), -np.inf, np.float32), np.zeros((height, width), np.uint8)
    for index in np.unique(answer.labels):
        plane = probability[index]
        slope = (cv2.blur(small * plane, window) - mean * cv2.blur(plane, window)) / (variance + epsilon)
        offset = cv2.blur(plane, window) - slope * mean
        slope, offset = (cv2.resize(cv2.blur(part, window), (width, height)) for part in (slope, offset))
        value = slope * grey + offset
        better = value > best
        np.copyto(best, value, where=better)
        labels[better] = index
    return labels


def majority(answer: Answer, size: int = 5) -> U8:
    labels = plain(answer)
    most, found = np.zeros(labels.shape, np.uint8), labels.copy()
    for index in np.unique(labels):
        count = cv2.boxFilter((labels == index).astype(np.uint8), -1, (size, size), normalize=False)
        better = count > most
        np.copyto(most, count, where=better)
        found[better] = index
    return found


def median(answer: Answer, size: int = 5) -> U8:
    return np.asarray(cv2.medianBlur(plain(answer), size), np.uint8)


def brightness(answer: Answer) -> U8:
    """Of the network's pixels around each of the image's, the label of the one whose brightness is nearest."""
    size_hw = answer.image.shape[:2]
    grey = cv2.cvtColor(answer.image, cv2.COLOR_RGB2GRAY)
    small = cv2.cvtColor(answer.small, cv2.COLOR_RGB2GRAY)
    found = plain(answer).copy()
    least = cv2.absdiff(grey, nearest(small, size_hw))
    around = cv2.copyMakeBorder(answer.labels, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    shades = cv2.copyMakeBorder(small, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    height, width = answer.labels.shape
    for down, right in np.ndindex(3, 3):
        there = np.s_[down : down + height, right : right + width]
        off = cv2.add(cv2.absdiff(grey, nearest(np.ascontiguousarray(shades[there]), size_hw)), NEARER)
        better = cv2.compare(off, least, cv2.CMP_LT)
        cv2.copyTo(off, better, least)
        cv2.copyTo(nearest(np.ascontiguousarray(around[there]), size_hw), better, found)
    return found


METHODS: dict[str, Callable[[Answer], U8]] = {
    "nearest": plain,
    "bilinear, all": all_bilinear,
    "bilinear, two": two_bilinear,
    "guided, radius 4": guided,
    "guided, radius 2": lambda answer: guided(answer, 2),
    "majority 5x5": majority,
    "majority 9x9": lambda answer: majority(answer, 9),
    "median 5x5": median,
    "brightness": brightness,
}


def street(network: PlainNetwork, frames: int) -> Iterator[tuple[Answer, U8]]:
    world = Street(0, 960, 720)
    for number in range(frames):
        frame = world.frame(15 * number)
        yield answered(network, frame.image, (360, 480)), frame.labels


def camvid(network: PlainNetwork, frames: int, data: Path) -> Iterator[tuple[Answer, U8]]:
    dataset = open_dataset("camvid", data, "val")
    for number in np.linspace(0, len(dataset) - 1, frames).astype(int):
        image, labels = dataset.read(int(number))
        yield answered(network, image, (labels.shape[0] // 2, labels.shape[1] // 2)), labels


@torch.inference_mode()
def answered(network: PlainNetwork, image: U8, size_hw: tuple[int, int]) -> Answer:
    small = np.ascontiguousarray(stretched(image, size_hw))
    logits = network.logits(torch.from_numpy(small)[None])[0].numpy()
    return Answer(image, logits, logits.argmax(0).astype(np.uint8), small)


def milliseconds(method: Callable[[Answer], U8], answer: Answer) -> float:
    method(answer)
    taken = []
    for _ in range(9):
        begun = time.thread_time()
        method(answer)
        taken.append(1e3 * (time.thread_time() - begun))
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="CamVid")
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--model", default="camvid")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    network = PlainNetwork(model_file.load(model_file.resolve(args.model))).eval()
    sources = {"street": street(network, args.frames)}
    if args.data is not None:
        sources["CamVid"] = camvid(network, args.frames, args.data)
    times: dict[str, float] = {}
    rows: dict[str, list[str]] = {name: [] for name in METHODS}
    for source in sources.values():
        scores = {name: [BoundaryScore(CAMVID.num_classes, radius) for radius in RADII] for name in METHODS}
        for answer, truth in source:
            for name, method in METHODS.items():
                for score in scores[name]:
                    score.add(truth, method(answer))
            times = times or {name: milliseconds(method, answer) for name, method in METHODS.items()}
        for name in METHODS:
            rows[name] += [f"{100 * score.f1():.1f}" for score in scores[name]]
    heads = [f"{source} F1 {radius} px" for source in sources for radius in RADII]
    print(f"| | ms | {' | '.join(heads)} |")
    print("|---|---:|" + "---:|" * len(heads))
    for name in METHODS:
        print(f"| {name} | {times[name]:.1f} | {' | '.join(rows[name])} |")


if __name__ == "__main__":
    main()
