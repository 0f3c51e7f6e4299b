"""Figures as people and JSON write them: sizes, percentages, percentiles."""

from __future__ import annotations

import math
import re

import numpy as np
import numpy.typing as npt

from enet_ros.errors import ConfigError


def finite_or_none(value: float) -> float | None:
    """A plain float for JSON, which has no NaN and no infinity: None stands for both."""
    return float(value) if math.isfinite(value) else None


def percent(value: float | None, digits: int = 1, *, missing: str = "-") -> str:
    """0.6123 as "61.2", without the sign; `missing` for None and NaN."""
    return missing if value is None or math.isnan(value) else f"{100 * value:.{digits}f}"


def percentiles(values: npt.ArrayLike, *percents: float) -> tuple[float, ...]:
    """Percentiles of the finite values; NaN where there is none."""
    finite = np.asarray(values, np.float64)
    finite = finite[np.isfinite(finite)]
    return tuple(float(np.percentile(finite, percent)) if finite.size else math.nan for percent in percents)


def parse_size(option: str, text: str) -> tuple[int, int]:
    """(height, width) in pixels of "480x360"; `option` is named in the ConfigError that another text raises."""
    match = re.fullmatch(r"([1-9][0-9]*)x([1-9][0-9]*)", text.strip().lower())
    if match is None:
        raise ConfigError(f"{option} {text}: write WIDTHxHEIGHT, such as 480x360")
    return int(match[2]), int(match[1])


def size_text(size: tuple[int, int]) -> str:
    """ "480x360" of (height, width) = (360, 480)."""
    return f"{size[1]}x{size[0]}"
