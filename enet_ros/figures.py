"""Figures as JSON and people read them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


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
