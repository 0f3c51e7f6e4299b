"""Run-length code of a mask, as Autoware's segmentation_pointcloud_fusion reads it.

Layout (autoware_universe, perception_utils/run_length_encoder): the mask row by row, each run of equal values as five
packed bytes: the value (uint8), then the count (int32, little-endian as on every machine Autoware supports). Runs
continue across the ends of rows. The code travels in `data` of a sensor_msgs/Image of encoding mono8 whose height and
width are the mask's.
"""

from __future__ import annotations

import numpy as np

from enet_ros.arrays import U8
from enet_ros.errors import ImageError
from enet_ros.products.images import require_labels

RUN = np.dtype([("value", "u1"), ("count", "<i4")])
"""One run: packed, five bytes."""


def encode(labels: U8, ids: U8 | None = None) -> U8:
    """The run-length code of a mask.

    labels: (H, W) uint8. ids: (256,) uint8 applied first, such as `classes.autoware_ids(table)`; equal neighbours that
    it creates are one run. Returns (5 * runs,) uint8. Raises ImageError for another kind of array.
    """
    require_labels(labels)
    flat = np.ascontiguousarray(labels).reshape(-1)
    # Borders between values are found before they are mapped: the runs are few, the pixels many.
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate((np.zeros(1, starts.dtype), starts))
    values = flat[starts]
    if ids is not None:
        values = ids[values]
        kept = np.concatenate((np.ones(1, np.bool_), values[1:] != values[:-1]))
        starts, values = starts[kept], values[kept]
    runs = np.empty(len(starts), RUN)
    runs["value"] = values
    runs["count"] = np.diff(starts, append=flat.size)
    return runs.view(np.uint8)


def decode(code: U8 | bytes, height: int, width: int) -> U8:
    """The mask of a run-length code: (height, width) uint8.

    Raises ImageError where the code is not whole runs of positive length that add up to height * width.
    """
    data = np.frombuffer(code, np.uint8)
    if data.size % RUN.itemsize:
        raise ImageError(f"a code of {data.size} bytes is not whole runs of {RUN.itemsize}; it is cut off")
    runs = data.view(RUN)
    counts = runs["count"].astype(np.int64)
    if (counts <= 0).any() or counts.sum() != height * width:
        raise ImageError(
            f"a run-length code of {int(counts.sum())} pixels with runs down to {int(counts.min(initial=1))} "
            f"does not fill a mask of {height} x {width}; the size or the code is wrong"
        )
    return np.repeat(runs["value"], counts).reshape(height, width)
