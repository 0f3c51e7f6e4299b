"""Convolutions as arrays, and the exact rewriting of one onto space-to-depth tensors.

A tensor "in f x f phases" holds the pixels of each f x f cell as channels: (C, H, W) becomes (f*f*C, H/f, W/f) with
channel (py*f + px)*C + c for the pixel in row py, column px of the cell. In this form a 2x2 pool is a maximum of four
channel groups, a strided 2x2 convolution is a 1x1 convolution, and a transposed convolution is a plain one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from enet_ros.arrays import F32


class Conv(NamedTuple):
    """A convolution with everything folded in: weight (O, I, kh, kw) float32, bias (O,) float32.

    stride    of rows and of columns
    pads      zeros around the input: top, left, bottom, right
    dilation  of both
    """

    weight: F32
    bias: F32
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: int = 1


class Layer(NamedTuple):
    """A convolution and the slopes (O,) of the PReLU behind it: all zeros are a ReLU, None is the identity."""

    conv: Conv
    slope: F32 | None


class _Tap(NamedTuple):
    """Along one axis: output phase, kernel index, cell offset, input phase."""

    phase: int
    k: int
    cell: int
    source: int


def _taps(conv: Conv, inputs: int, outputs: int, axis: int) -> list[_Tap]:
    return [
        _Tap(phase, k, *divmod(conv.stride[axis] * phase + conv.dilation * k - conv.pads[axis], inputs))
        for phase in range(outputs)
        for k in range(conv.weight.shape[2 + axis])
    ]


def in_phases(conv: Conv, inputs: tuple[int, int], outputs: tuple[int, int]) -> Conv:
    """The same convolution reading `inputs` (rows, columns) phases and writing `outputs` phases.

    Exact where the input's sides are multiples of `inputs` and the output's of `outputs`, and where the convolution
    without phases gives the output its full size. `stride * outputs` must be a multiple of `inputs` on either axis.
    """
    taps = [_taps(conv, inputs[axis], outputs[axis], axis) for axis in (0, 1)]
    (top, bottom), (left, right) = ((min(t.cell for t in axis), max(t.cell for t in axis)) for axis in taps)
    o, i = conv.weight.shape[:2]
    weight = np.zeros((*outputs, o, *inputs, i, bottom - top + 1, right - left + 1), np.float32)
    for row in taps[0]:
        for column in taps[1]:
            y, x = row.cell - top, column.cell - left
            weight[row.phase, column.phase, :, row.source, column.source, :, y, x] = conv.weight[..., row.k, column.k]
    repeat = outputs[0] * outputs[1]
    stride = (conv.stride[0] * outputs[0] // inputs[0], conv.stride[1] * outputs[1] // inputs[1])
    return Conv(
        weight.reshape(repeat * o, inputs[0] * inputs[1] * i, *weight.shape[-2:]),
        np.tile(conv.bias, repeat),
        stride,
        # Behind the last cell: what the last output's kernel reaches beyond it.
        (-top, -left, max(0, bottom - stride[0] + 1), max(0, right - stride[1] + 1)),
    )


def transposed(weight: F32, bias: F32, padding: int) -> Conv:
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
    return Conv(out.reshape(4 * o, i, *out.shape[-2:]), np.tile(bias, 4), (1, 1), pads)
