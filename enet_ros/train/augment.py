"""Augmentation of one training pair, drawn from a generator, so that a resumed run draws the same."""

from __future__ import annotations

import math

import cv2
import numpy as np

from enet_ros.arrays import U8
from enet_ros.datasets.base import Pair
from enet_ros.datasets.effects import EFFECTS
from enet_ros.datasets.views import warp
from enet_ros.train.recipe import Augmentation


def augment(image: U8, labels: U8, size: tuple[int, int], rng: np.random.Generator, how: Augmentation) -> tuple[U8, U8]:
    """A changed copy of image (H, W, 3) uint8 RGB and labels (H, W) uint8, both cut to `size` = (height, width)."""
    image, labels = _geometry(image, labels, size, rng, how)
    return _photometry(image, rng, how), labels


def paste(pair: Pair, other: Pair, classes: U8, mirror: bool) -> Pair:
    """A copy of `pair` with the pixels of `classes` in `other`, of the same size, laid over it where they are there.

    Cameras on cars see people and signs in the same places, so they land where they could be (a ClassMix, Olsson et
    al. 2021, of rare classes). `mirror` takes the mirror image of `other`.
    """
    (image, labels), (theirs, their_labels) = pair, other
    if theirs.shape != image.shape:
        where = (image.shape[1], image.shape[0])
        theirs = np.asarray(cv2.resize(theirs, where, interpolation=cv2.INTER_LINEAR), np.uint8)
        their_labels = np.asarray(cv2.resize(their_labels, where, interpolation=cv2.INTER_NEAREST), np.uint8)
    if mirror:
        theirs, their_labels = theirs[:, ::-1], their_labels[:, ::-1]
    laid = np.isin(their_labels, classes)
    return np.where(laid[..., None], theirs, image), np.where(laid, their_labels, labels)


def _geometry(
    image: U8, labels: U8, size: tuple[int, int], rng: np.random.Generator, how: Augmentation
) -> tuple[U8, U8]:
    """Scale, stretch, rotate, mirror, distort and cut in one resampling; what lies outside becomes grey and void.

    `how.frame`, by default the cut's size, is the size at which the network sees a whole frame; magnifications are
    relative to it.
    """
    height, width = labels.shape
    out_height, out_width = size
    frame_height, frame_width = how.frame or size
    low, high = how.scale
    zoom = math.exp(rng.uniform(math.log(low), math.log(high)))
    tall = math.exp(rng.uniform(0, math.log(how.wide))) if rng.random() < 0.5 else 1.0
    zoom_x = zoom * (1.0 + how.aspect * rng.uniform(-1, 1)) * frame_width / width
    zoom_y = zoom * tall * frame_height / height
    angle = math.radians(how.rotate_deg) * rng.uniform(-1, 1)
    mirror = -1.0 if rng.random() < how.flip else 1.0
    linear = np.array(
        [
            [mirror * zoom_x * math.cos(angle), -zoom_x * math.sin(angle)],
            [mirror * zoom_y * math.sin(angle), zoom_y * math.cos(angle)],
        ]
    )
    # The cut slides over the magnified frame, or the shrunken frame over the cut: never further than their edges.
    slack_x, slack_y = abs(zoom_x * width - out_width) / 2, abs(zoom_y * height - out_height) / 2
    centre = np.array(
        [(out_width - 1) / 2 + slack_x * rng.uniform(-1, 1), (out_height - 1) / 2 + slack_y * rng.uniform(-1, 1)]
    )
    offset = centre - linear @ np.array([(width - 1) / 2, (height - 1) / 2])
    bend = how.distort * rng.uniform(-1, 1)
    bent = rng.random() < 0.3 and abs(bend) > 0.02
    return warp(image, labels, size, np.column_stack((linear, offset)), bend if bent else 0.0)


def _photometry(image: U8, rng: np.random.Generator, how: Augmentation) -> U8:
    """Exposure and colour, then up to two effects of bad light and bad cameras."""
    if how.saturation:
        image = _saturate(image, 1.0 + how.saturation * rng.uniform(-1, 1))
    image = np.asarray(cv2.LUT(image, _tone(rng, how)), np.uint8)
    chosen = [name for name in rng.choice(list(EFFECTS), 2, replace=False) if rng.random() < how.effects]
    for name in sorted(
        chosen, key=list(EFFECTS).index
    ):  # light, sensor, codec: in the order in which a camera adds them
        image = EFFECTS[name](image, how.severity * rng.random(), rng)
    return image


def _saturate(image: U8, factor: float) -> U8:
    """Move every colour towards or away from its grey (Rec. 601 luma)."""
    luma = np.array([0.299, 0.587, 0.114])
    mix = factor * np.eye(3) + (1.0 - factor) * luma[None, :]
    return np.asarray(cv2.transform(image, mix), np.uint8)


def _tone(rng: np.random.Generator, how: Augmentation) -> U8:
    """(1, 256, 3) uint8 table of exposure, tint, gamma and contrast."""
    level = np.linspace(0.0, 1.0, 256)[:, None]  # (256, 1)
    gain = 2.0 ** (how.gain * rng.uniform(-1, 1)) * (1.0 + how.tint * rng.uniform(-1, 1, 3))  # (3,)
    exponent = 2.0 ** (how.gamma * rng.uniform(-1, 1))
    contrast = 1.0 + how.contrast * rng.uniform(-1, 1)
    curve = (np.clip(level * gain, 0.0, 1.0) ** exponent - 0.5) * contrast + 0.5  # (256, 3)
    table: U8 = np.clip(255.0 * curve + 0.5, 0, 255).astype(np.uint8)[None]
    return table
