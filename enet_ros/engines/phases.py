"""Convolutions as arrays, and the exact rewriting of one onto space-to-depth tensors.

A tensor "in f x f phases" holds the pixels of each f x f cell as channels: (C, H, W) becomes (f*f*C, H/f, W/f) with
channel (py*f + px)*C + c for the pixel in row py, column px of the cell. In this form a 2x2 pool is a maximum of four
channel groups, a strided 2x2 convolution is a 1x1 convolution, and a transposed convolution is a plain one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


class Conv(NamedTuple):
    """A convolution with everything folded in: weight (O, I, kh, kw) float32, bias (O,) float32.

    pads      zeros around the input: top, left, bottom, right
    """

    weight: Array
    bias: Array
    stride: int = 1
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: int = 1


class Layer(NamedTuple):
    """A convolution and the slope (O,) of the PReLU behind it: zeros are a ReLU, None is no activation."""

    conv: Conv
    slope: Array | None


def _taps(conv: Conv, outputs: int, inputs: int, axis: int) -> list[tuple[int, int, int, int]]:
    """(output phase, kernel index, cell offset, input phase) of every tap along one axis (0: rows, 1: columns)."""
    taps = []
    for phase in range(outputs):
        for k in range(conv.weight.shape[2 + axis]):
            position = conv.stride * phase + conv.dilation * k - conv.pads[axis]
            taps.append((phase, k, position // inputs, position % inputs))
    return taps


def in_phases(conv: Conv, inputs: int, outputs: int) -> Conv:
    """The same convolution reading `inputs` x `inputs` phases and writing `outputs` x `outputs` phases.

    Exact where the input's sides are multiples of `inputs` and the output's of `outputs`, and where the zeros around
    the input are as many as the kernel can reach. `conv.stride * outputs` must be a multiple of `inputs`.
    """
    if inputs == outputs == 1:
        return conv
    rows, columns = _taps(conv, outputs, inputs, 0), _taps(conv, outputs, inputs, 1)
    (top, bottom), (left, right) = ((min(t[2] for t in taps), max(t[2] for t in taps)) for taps in (rows, columns))
    o, i = conv.weight.shape[:2]
    weight = np.zeros((outputs, outputs, o, inputs, inputs, i, bottom - top + 1, right - left + 1), np.float32)
    for py, ky, y, qy in rows:
        for px, kx, x, qx in columns:
            weight[py, px, :, qy, qx, :, y - top, x - left] = conv.weight[:, :, ky, kx]
    stride = conv.stride * outputs // inputs
    return Conv(
        weight.reshape(outputs * outputs * o, inputs * inputs * i, *weight.shape[-2:]),
        np.tile(conv.bias, outputs * outputs),
        stride,
        # Behind the last cell: what the last output's kernel reaches beyond it.
        (-top, -left, max(0, bottom - stride + 1), max(0, right - stride + 1)),
    )


def transposed(weight: Array, bias: Array, padding: int) -> Conv:
    """A transposed convolution of stride 2 that doubles the sides, as a plain one that writes 2 x 2 phases.

    weight (I, O, k, k) as torch.nn.ConvTranspose2d has it, with padding and output padding of `padding`.
    """
    i, o, kernel, _ = weight.shape
    # Output row 2Y + p gets input row Y + r through kernel row k where 2r = p + padding - k.
    taps = [(p, k, (p + padding - k) // 2) for p in (0, 1) for k in range(kernel) if (p + padding - k) % 2 == 0]
    first, last = min(t[2] for t in taps), max(t[2] for t in taps)
    out = np.zeros((2, 2, o, i, last - first + 1, last - first + 1), np.float32)
    for py, ky, y in taps:
        for px, kx, x in taps:
            out[py, px, :, :, y - first, x - first] = weight[:, :, ky, kx].T
    pads = (-first, -first, last, last)
    return Conv(out.reshape(4 * o, i, *out.shape[-2:]), np.tile(bias, 4), 1, pads)
