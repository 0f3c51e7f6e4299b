"""Convolutions rewritten onto phases, against torch's own on pixels."""

from __future__ import annotations

import numpy as np
import pytest

from enet_ros.engines.graph.phases import Conv, in_phases, transposed

torch = pytest.importorskip("torch", reason="torch is the judge here: pip install torch")
F = torch.nn.functional
rng = np.random.default_rng(1)


def random(*shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def to_phases(x: np.ndarray, factors: tuple[int, int]) -> np.ndarray:
    n, c, h, w = x.shape
    fh, fw = factors
    return x.reshape(n, c, h // fh, fh, w // fw, fw).transpose(0, 3, 5, 1, 2, 4).reshape(n, -1, h // fh, w // fw)


def run(x: np.ndarray, conv: Conv) -> np.ndarray:
    top, left, bottom, right = conv.pads
    padded = F.pad(torch.from_numpy(np.ascontiguousarray(x)), (left, right, top, bottom))
    weight, bias = torch.from_numpy(conv.weight), torch.from_numpy(conv.bias)
    return F.conv2d(padded, weight, bias, stride=conv.stride, dilation=conv.dilation).numpy()


@pytest.mark.parametrize(
    ("kernel", "stride", "pads", "dilation", "inputs", "outputs"),
    [
        pytest.param((3, 3), (2, 2), (1, 1, 1, 1), 1, (1, 1), (2, 2), id="stem"),
        pytest.param((3, 3), (2, 2), (1, 1, 1, 1), 1, (1, 4), (2, 2), id="stem on columns"),
        pytest.param((3, 3), (2, 2), (0, 0, 1, 1), 1, (1, 4), (2, 2), id="stem, padded at the end"),
        pytest.param((2, 2), (2, 2), (0, 0, 0, 0), 1, (2, 2), (1, 1), id="down"),
        pytest.param((3, 3), (1, 1), (1, 1, 1, 1), 1, (2, 2), (2, 2), id="3x3"),
        pytest.param((3, 3), (1, 1), (2, 2, 2, 2), 2, (2, 2), (2, 2), id="dilated"),
        pytest.param((1, 1), (1, 1), (0, 0, 0, 0), 1, (2, 2), (2, 2), id="1x1"),
        pytest.param((1, 1), (1, 1), (0, 0, 0, 0), 1, (1, 1), (1, 1), id="no phases"),
    ],
)
def test_a_convolution_in_phases_is_the_convolution(kernel, stride, pads, dilation, inputs, outputs) -> None:
    conv = Conv(random(5, 3, *kernel), random(5), stride, pads, dilation)
    x = random(2, 3, 16, 24)
    expected = to_phases(run(x, conv), outputs)
    np.testing.assert_allclose(run(to_phases(x, inputs), in_phases(conv, inputs, outputs)), expected, atol=1e-5)


@pytest.mark.parametrize(("kernel", "padding"), [(2, 0), (3, 1), (3, 0)])
def test_a_transposed_convolution_is_a_plain_one_that_writes_phases(kernel: int, padding: int) -> None:
    weight, bias, x = random(4, 6, kernel, kernel), random(6), random(1, 4, 5, 7)
    arguments = {"stride": 2, "padding": padding, "output_padding": padding}
    expected = F.conv_transpose2d(*map(torch.from_numpy, (x, weight, bias)), **arguments).numpy()[..., :10, :14]
    np.testing.assert_allclose(run(x, transposed(weight, bias, padding)), to_phases(expected, (2, 2)), atol=1e-5)
