"""Frames of the synthetic street for a bag, with exact ground truth and calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from enet_ros.bags.sources import Source, SourceFrame
from enet_ros.errors import ConfigError
from enet_ros.stamps import NS
from enet_ros.street import Street


def street_source(frames: int, rate_hz: float = 30.0, seed: int = 0, width: int = 960, height: int = 720) -> Source:
    """The first frames of the street of a seed; the same every time. ConfigError for fewer than one frame."""
    if frames < 1:
        raise ConfigError(f"--street {frames}: use 1 frame or more")
    street = Street(seed, width, height, fps=rate_hz)

    def loads() -> Iterator[Callable[[], SourceFrame]]:
        for index, drawn in enumerate(street.frames(frames)):  # one after the other: they share the painter's buffers
            frame = SourceFrame(round((index + 1) * NS / rate_hz), drawn.image, drawn.labels, None)
            yield lambda f=frame: f  # type: ignore[misc]

    return Source(frames, loads, classes=street.table, camera=street.intrinsics)
