"""Augmentation of one training pair, drawn from a generator, so that a resumed run draws the same."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.classes import VOID
from enet_ros.datasets.base import Pair
from enet_ros.train.recipe import Augmentation

Image = npt.NDArray[np.uint8]


def augment(
    image: Image, labels: Image, size: tuple[int, int], rng: np.random.Generator, how: Augmentation
) -> tuple[Image, Image]:
    """A changed copy of image (H, W, 3) uint8 RGB and labels (H, W) uint8, both cut to `size` = (height, width)."""
    image, labels = _geometry(image, labels, size, rng, how)
    return _photometry(image, rng, how), labels


def paste(pair: Pair, other: Pair, classes: npt.NDArray[np.uint8], mirror: bool) -> Pair:
    """A copy of `pair` with the pixels of `classes` in `other`, of the same size, laid over it where they are there.

    Cameras on cars see people and signs in the same places, so they land where they could be (a ClassMix, Olsson et
    al. 2021, of rare classes). `mirror` takes the mirror image of `other`.
    """
    (image, labels), (theirs, their_labels) = pair, other
    if mirror:
        theirs, their_labels = theirs[:, ::-1], their_labels[:, ::-1]
    where = np.isin(their_labels, classes)
    return np.where(where[..., None], theirs, image), np.where(where, their_labels, labels)


def _geometry(
    image: Image, labels: Image, size: tuple[int, int], rng: np.random.Generator, how: Augmentation
) -> tuple[Image, Image]:
    """Scale, stretch, rotate, mirror and cut in one resampling; what lies outside becomes grey and void."""
    height, width = labels.shape
    out_height, out_width = size
    low, high = how.scale
    zoom = math.exp(rng.uniform(math.log(low), math.log(high))) * out_height / height
    stretch = 1.0 + how.aspect * rng.uniform(-1, 1)
    angle = math.radians(how.rotate_deg) * rng.uniform(-1, 1)
    mirror = -1.0 if rng.random() < how.flip else 1.0
    linear = zoom * np.array(
        [[mirror * stretch * math.cos(angle), -math.sin(angle)], [mirror * stretch * math.sin(angle), math.cos(angle)]]
    )
    # The cut slides over the magnified frame, or the shrunken frame over the cut: never further than their edges.
    slack_x, slack_y = abs(zoom * stretch * width - out_width) / 2, abs(zoom * height - out_height) / 2
    centre = np.array(
        [(out_width - 1) / 2 + slack_x * rng.uniform(-1, 1), (out_height - 1) / 2 + slack_y * rng.uniform(-1, 1)]
    )
    offset = centre - linear @ np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.column_stack((linear, offset))
    where = (out_width, out_height)
    moved = cv2.warpAffine(image, matrix, where, flags=cv2.INTER_LINEAR, borderValue=(110, 110, 110))
    moved_labels = cv2.warpAffine(labels, matrix, where, flags=cv2.INTER_NEAREST, borderValue=(VOID,))
    return np.asarray(moved, np.uint8), np.asarray(moved_labels, np.uint8)


def _photometry(image: Image, rng: np.random.Generator, how: Augmentation) -> Image:
    """Light, colour, sensor and codec, in the order in which a camera adds them."""
    blur = how.blur * rng.random()
    if rng.random() < 0.3 and blur > 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur), np.uint8)
    if how.saturation:
        image = _saturate(image, 1.0 + how.saturation * rng.uniform(-1, 1))
    image = np.asarray(cv2.LUT(image, _tone(rng, how)), np.uint8)
    noise = how.noise * rng.random()
    if rng.random() < 0.4 and noise > 1.0:
        # Any fast generator will do, as long as the draw is `rng`'s.
        cv2.setRNGSeed(int(rng.integers(1 << 31)))
        grain = cv2.randn(np.empty(image.shape, np.int16), 0.0, noise)  # type: ignore[call-overload]
        image = np.clip(image + grain, 0, 255).astype(np.uint8)
    if rng.random() < how.jpeg:
        _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 91))])
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_UNCHANGED), np.uint8)
    return image


def _saturate(image: Image, factor: float) -> Image:
    """Move every colour towards or away from its grey (Rec. 601 luma)."""
    luma = np.array([0.299, 0.587, 0.114])
    mix = factor * np.eye(3) + (1.0 - factor) * luma[None, :]
    return np.asarray(cv2.transform(image, mix), np.uint8)


def _tone(rng: np.random.Generator, how: Augmentation) -> npt.NDArray[np.uint8]:
    """(1, 256, 3) uint8 table of exposure, tint, gamma and contrast."""
    level = np.linspace(0.0, 1.0, 256)[:, None]  # (256, 1)
    gain = 2.0 ** (how.gain * rng.uniform(-1, 1)) * (1.0 + how.tint * rng.uniform(-1, 1, 3))  # (3,)
    exponent = 2.0 ** (how.gamma * rng.uniform(-1, 1))
    contrast = 1.0 + how.contrast * rng.uniform(-1, 1)
    curve = (np.clip(level * gain, 0.0, 1.0) ** exponent - 0.5) * contrast + 0.5  # (256, 3)
    table: npt.NDArray[np.uint8] = np.clip(255.0 * curve + 0.5, 0, 255).astype(np.uint8)[None]
    return table
