"""Networks with random weights whose every value matters to the result, and the helpers beside this file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from enet_ros.nn import ENet
from enet_ros.spec import ENetSpec

sys.path.append(str(Path(__file__).parent))


def randomised(spec: ENetSpec) -> ENet:
    """A network in evaluation mode with statistics, slopes and biases away from 0 and 1."""
    network = ENet(spec).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    slopes = {f"{name}.weight" for name, module in network.named_modules() if isinstance(module, torch.nn.PReLU)}
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name in slopes:
                value.uniform_(0.1, 0.4, generator=generator)
            elif name.endswith("running_var") or (value.ndim == 1 and name.endswith("weight")):
                value.uniform_(0.5, 1.5, generator=generator)
            elif value.ndim == 1:
                value.normal_(0.0, 0.2, generator=generator)
            elif value.ndim == 4:
                value.normal_(0.0, value[0].numel() ** -0.5, generator=generator)
    return network


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """These networks and images are too small for more: threads would wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def random_network() -> Callable[[ENetSpec], ENet]:
    """`randomised`: a network of a spec with random weights."""
    return randomised


@pytest.fixture
def image() -> torch.Tensor:
    """(1, 3, 64, 96) float32 in 0..1: smooth noise, so that neighbouring pixels are alike as in a photograph."""
    noise = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(2))
    return torch.nn.functional.interpolate(noise, scale_factor=4.0, mode="bilinear")
