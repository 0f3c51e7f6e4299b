"""What is timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Infer = Callable[[UInt8], UInt8]
"""(H, W, 3) uint8 RGB -> (H, W) uint8 labels."""


class Runner(NamedTuple):
    """An opened engine or peer; `runtime` is its library with the version."""

    runtime: str
    infer: Infer
