"""Bad light and bad cameras: images altered, never labels, the same way on every run.

Each takes an (H, W, 3) uint8 RGB image and a seed (the frame's number) and returns a new one. Strengths are
fixed, so that a name stands for one test. After Hendrycks and Dietterich 2019 (arXiv 1903.12261), about their
severity 1 to 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.errors import ConfigError

Image = npt.NDArray[np.uint8]

DUSK_EXPOSURE = (0.16, 0.20, 0.26)
"""Share of the linear light that is left in red, green and blue: a quarter, and bluer."""
NOISE_SIGMA = 15.0
"""Standard deviation of the noise, of 255."""
BLUR_SIGMA = 2.0
"""Standard deviation of the blur in pixels of an image 480 wide; wider images are blurred in proportion."""
JPEG_QUALITY = 20


def dusk(image: Image, seed: int) -> Image:
    """Two stops less light with a blue cast, and the noise of the gain that a camera then sets."""
    levels = np.linspace(0.0, 1.0, 256)[:, None] ** 2.2  # sRGB, near enough
    table = 255.0 * (levels * np.array(DUSK_EXPOSURE)) ** (1 / 2.2)
    dark = cv2.LUT(image, np.ascontiguousarray(table[:, None, :]).astype(np.uint8))
    return _noisy(np.asarray(dark, np.uint8), seed, NOISE_SIGMA / 3)


def noise(image: Image, seed: int) -> Image:
    """Gaussian noise, independent a pixel and channel."""
    return _noisy(image, seed, NOISE_SIGMA)


def blur(image: Image, seed: int) -> Image:
    """Gaussian blur, as of a lens out of focus."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), BLUR_SIGMA * image.shape[1] / 480), np.uint8)


def jpeg20(image: Image, seed: int) -> Image:
    """JPEG at quality 20, there and back."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, payload = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    decoded = cv2.imdecode(payload, cv2.IMREAD_COLOR) if done else None
    if decoded is None:
        raise ConfigError("this OpenCV is built without JPEG; install opencv-python-headless")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _noisy(image: Image, seed: int, sigma: float) -> Image:
    added = np.random.default_rng(seed).standard_normal(image.shape, np.float32) * np.float32(sigma)
    return np.clip(np.rint(image + added), 0, 255).astype(np.uint8)


CORRUPTIONS: Mapping[str, Callable[[Image, int], Image]] = {
    "dusk": dusk,
    "noise": noise,
    "blur": blur,
    "jpeg20": jpeg20,
}
