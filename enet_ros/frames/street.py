"""Frames of the synthetic street, with exact ground truth, calibration and pose."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from enet_ros.errors import ConfigError
from enet_ros.frames.source import Frame, Load, Source
from enet_ros.stamps import NS
from enet_ros.street import Street


def from_street(
    frames: int, seed: int = 0, *, rate_hz: float = 30.0, step: int = 1, width: int = 960, height: int = 720
) -> Source:
    """Every `step`-th frame of a drive along the street, which is drawn at `rate_hz`; a seed always gives the same.

    A frame's stamp is its time in the drive plus 1 / rate_hz. Raises ConfigError for fewer than one frame.
    """
    if frames < 1:
        raise ConfigError(f"{frames} frames of the synthetic street: use 1 or more")
    street = Street(seed, width, height, fps=rate_hz)

    def loads() -> Iterator[Load]:
        for index in range(0, frames * step, step):  # drawn here: the street serves one thread at a time
            drawn = street.frame(index)
            stamp_ns = round((index + 1) * NS / rate_hz)
            yield partial(Frame, f"{index:06d}", stamp_ns, drawn.image, drawn.labels)

    name = f"synthetic street {seed}"
    return Source(name, name, frames, rate_hz / step, loads, street.table, street.intrinsics, street.pose)
