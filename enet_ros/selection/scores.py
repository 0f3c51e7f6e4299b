"""How much a frame could teach a model, from its own answers."""

from __future__ import annotations

import cv2
import numpy as np

from enet_ros.arrays import U8
from enet_ros.metrics import dilated, edges

_BAND = 0.01
"""Half the width of the band around the boundary of the drivable area, as a share of the image's width."""
_FLOW_WIDTH = 240
"""Motion between two frames is estimated at this width."""


def uncertainty(drivable: U8, confidence: U8) -> float:
    """Mean doubt of the model, 0..1: half of it in the drivable area, half at its boundary.

    drivable: (H, W) uint8, not 0 where a pixel may be driven on. confidence: (H, W) uint8, 255 times the probability.
    Where nothing is drivable, the doubt of the whole image: a robot's camera that sees no ground is worth a look.
    """
    area = drivable > 0
    band = dilated(edges(area.astype(np.uint8)), max(1, round(_BAND * area.shape[1])))
    doubt = 1.0 - confidence / 255.0
    parts = [float(doubt[where].mean()) for where in (area, band) if where.any()]
    return float(np.mean(parts)) if parts else float(doubt.mean())


def disagreement(one: U8, other: U8) -> float:
    """Share of pixels, 0..1, that are drivable in one of two answers alone. Both (H, W) uint8, 0 where not drivable."""
    return float(((one > 0) != (other > 0)).mean())


def moved_along(answer: U8, before: U8, now: U8) -> U8:
    """The answer to an earlier frame as it would look now, by the optical flow between the two (DIS, Kroeger 2016).

    answer: (h, w) uint8 of any size. before, now: (H, W, 3) uint8 RGB of one size.
    """
    height = max(16, round(_FLOW_WIDTH * now.shape[0] / now.shape[1]))
    grey = [
        cv2.cvtColor(cv2.resize(rgb, (_FLOW_WIDTH, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        for rgb in (now, before)
    ]
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = estimator.calc(grey[0], grey[1], np.zeros((*grey[0].shape, 2), np.float32))
    rows, columns = answer.shape
    flow = cv2.resize(flow, (columns, rows)) * np.array((columns / _FLOW_WIDTH, rows / height), np.float32)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    return np.asarray(cv2.remap(answer, x + flow[..., 0], y + flow[..., 1], cv2.INTER_NEAREST,
                                borderMode=cv2.BORDER_REPLICATE), np.uint8)  # fmt: skip
