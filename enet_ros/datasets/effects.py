"""Bad light and bad cameras: what they do to an image, from barely visible (severity 1) to hardly usable (5).

Each effect is a function (image, severity, rng) -> image on (H, W, 3) uint8 RGB. Severity is a real number of 0
(nothing) to 5; strengths are given for the five whole severities, as in ImageNet-C (Hendrycks and Dietterich 2019,
arXiv 1903.12261), and interpolated between them. Lengths in pixels are for an image 480 wide and grow with it. Training
draws both at random; `--corrupt` names both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from enet_ros.arrays import F64, U8

Effect = Callable[[U8, float, np.random.Generator], U8]

_COARSE = 12
"""Side of the small maps that smooth fields of light are drawn on."""


def strength(severity: float, table: Sequence[float], none: float = 0.0) -> float:
    """The table's value at a severity; `none` is what has no effect."""
    return float(np.interp(severity, range(6), (none, *table)))


def _grid() -> tuple[F64, F64]:
    """x and y of a small map, -1..1 each."""
    axis = np.linspace(-1.0, 1.0, _COARSE)
    return axis[None, :], axis[:, None]


def _lit(image: U8, gain: F64) -> U8:
    """The image times a smooth field: gain (_COARSE, _COARSE[, 3]), 0 to 2."""
    small = np.clip(128.0 * np.broadcast_to(np.atleast_3d(gain), (_COARSE, _COARSE, 3)), 0, 255).astype(np.uint8)
    field = cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(image, field, scale=1 / 128), np.uint8)


def tint(image: U8, severity: float, rng: np.random.Generator) -> U8:
    """Colour casts: one of the whole image, and one that grows towards an edge, as of cheap or badly shaded sensors."""
    amount = strength(severity, (0.08, 0.16, 0.25, 0.35, 0.5))
    x, y = _grid()
    angle = rng.uniform(0, 2 * math.pi)
    ramp = np.clip(0.5 + 0.7 * (math.cos(angle) * x + math.sin(angle) * y), 0, 1)[..., None]  # (12, 12, 1)
    whole, edge = (_cast(rng) for _ in range(2))
    return _lit(image, np.exp2(amount * (0.6 * whole + 1.2 * ramp * edge)))


def _cast(rng: np.random.Generator) -> F64:
    """(3,) a direction in colour: log2 gains of mean 0 whose greatest is 1."""
    gains = rng.standard_normal(3)
    gains -= gains.mean()
    return np.asarray(gains / np.abs(gains).max(), np.float64)


def vignette(image: U8, severity: float, rng: np.random.Generator) -> U8:
    """Light falling off from a middle that is not quite the image's."""
    loss = strength(severity, (0.25, 0.4, 0.55, 0.7, 0.85))
    x, y = _grid()
    centre_x, centre_y = 0.3 * rng.uniform(-1, 1, 2)
    return _lit(image, 1.0 - loss * np.minimum(1.0, ((x - centre_x) ** 2 + (y - centre_y) ** 2) / 2))


def noise(image: U8, severity: float, rng: np.random.Generator) -> U8:
    """Shot and read noise of a sensor under a Bayer filter, demosaiced, so that neighbours share it."""
    return _noisy(image, strength(severity, (6, 11, 17, 25, 36)), rng)


def _noisy(image: U8, sigma: float, rng: np.random.Generator) -> U8:
    """Noise of standard deviation `sigma` of 255 at mid-grey, half its variance in proportion to the light."""
    mosaic = image[..., 1].copy()  # (H, W): the colour that each pixel of the sensor sees
    mosaic[::2, 1::2], mosaic[1::2, ::2] = image[::2, 1::2, 0], image[1::2, ::2, 2]
    deviation = sigma * np.sqrt(0.5 + np.arange(256, dtype=np.float32) / 255)
    grain = rng.standard_normal(mosaic.shape, np.float32) * deviation[mosaic]
    raw = np.clip(128.5 + grain, 0, 255).astype(np.uint8)
    spread = cv2.cvtColor(raw, cv2.COLOR_BayerGR2RGB).astype(np.int16) - 128
    return np.asarray(np.clip(image + spread, 0, 255), np.uint8)


def motion(image: U8, severity: float, rng: np.random.Generator) -> U8:
    """Blur along a line, as of a shaking or turning camera."""
    length = strength(severity, (4, 7, 10, 14, 20), 1) * image.shape[1] / 480
    side = 2 * math.ceil(length / 2) + 1
    kernel = np.zeros((side, side), np.float32)
    angle = rng.uniform(0, math.pi)
    middle, reach = (side - 1) / 2, (length - 1) / 2
    for step in np.linspace(-reach, reach, 2 * side):
        x, y = middle + step * math.cos(angle), middle + step * math.sin(angle)
        kernel[round(y), round(x)] += 1
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def defocus(image: U8, severity: float, rng: np.random.Generator) -> U8:
    """Blur by a disk, as of a lens out of focus."""
    radius = strength(severity, (1.0, 1.6, 2.4, 3.4, 4.8)) * image.shape[1] / 480
    reach = math.ceil(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    return np.asarray(cv2.filter2D(image, -1, disk / disk.sum()), np.uint8)


def glare(image: U8, severity: float, rng: np.random.Generator) -> U8:
    """Veiling light over all, and more of it around a sun in the upper half."""
    veil = strength(severity, (0.08, 0.15, 0.24, 0.34, 0.45))
    x, y = _grid()
    sun_x, sun_y = rng.uniform(-1, 1), rng.uniform(-1, 0.2)
    share = veil * (0.6 + 1.4 * np.exp(-((x - sun_x) ** 2 + (y - sun_y) ** 2) / 0.5))  # (12, 12)
    shade = np.array([1.0, 1.0, 1.0]) - 0.15 * rng.random() * np.array([0.0, 0.3, 1.0])
    small = np.clip(255 * share[..., None] * shade, 0, 255).astype(np.uint8)
    field = cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.add(image, cv2.multiply(cv2.bitwise_not(image), field, scale=1 / 255)), np.uint8)


def rain(image: U8, severity: float, rng: np.random.Generator) -> U8:
    """Drops on the lens: each shows the scene blurred, upside down and a little brighter."""
    drops = round(strength(severity, (8, 16, 28, 44, 64)))
    height, width = image.shape[:2]
    small = cv2.resize(image, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    mask = np.zeros(small.shape[:2], np.uint8)
    for _ in range(drops):
        centre = (int(rng.integers(mask.shape[1])), int(rng.integers(mask.shape[0])))
        radius = rng.uniform(1.2, 4.5) * width / 480
        axes = (max(1, round(radius)), max(1, round(radius * rng.uniform(1.0, 1.6))))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 0.8)
    blurred = cv2.GaussianBlur(small, (0, 0), 4.0)
    lens = cv2.addWeighted(blurred, 0.55, cv2.flip(blurred, 0), 0.5, 6)
    cover, seen = (cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) for part in (soft, lens))
    cover = cv2.merge((cover, cover, cover))
    kept = cv2.multiply(image, cv2.bitwise_not(cover), scale=1 / 255)
    return np.asarray(cv2.add(kept, cv2.multiply(seen, cover, scale=1 / 255)), np.uint8)


def night(image: U8, severity: float, rng: np.random.Generator) -> U8:
    """Less light, of a colour, and the noise of the gain that the camera then sets."""
    stops = strength(severity, (1.0, 2.0, 3.0, 4.0, 5.0))
    linear = np.linspace(0.0, 1.0, 256)[:, None] ** 2.2  # sRGB, near enough
    light = np.exp2(-stops + 0.35 * _cast(rng) * min(1.0, stops / 2))
    table = 255.0 * (linear * light) ** (1 / 2.2) * (1 + 0.1 * stops)
    dark = cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[:, None, :].reshape(1, 256, 3))
    return _noisy(np.asarray(dark, np.uint8), 2.5 * stops, rng)


def jpeg(image: U8, severity: float, rng: np.random.Generator) -> U8:
    """JPEG, there and back."""
    quality = round(strength(severity, (50, 35, 25, 15, 8), 95))
    _, payload = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(payload, cv2.IMREAD_UNCHANGED), np.uint8)


EFFECTS: Mapping[str, Effect] = {
    "tint": tint,
    "vignette": vignette,
    "noise": noise,
    "motion": motion,
    "defocus": defocus,
    "glare": glare,
    "rain": rain,
    "night": night,
    "jpeg": jpeg,
}
