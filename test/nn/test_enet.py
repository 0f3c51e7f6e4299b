"""The network: its size and cost as published, any image size, every variant."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from enet_ros.nn import Dropout, ENet
from enet_ros.nn.enet import Bottleneck, Down, Initial, Up, doubling
from enet_ros.spec import VARIANTS, ENetSpec, variant

Randomised = Callable[..., ENet]


def count_parameters(network: ENet) -> int:
    """Learnable numbers, as the paper counts them (running statistics excluded)."""
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_at_20_classes() -> None:
    """What weights, biases and slopes of the authors' Cityscapes model add up to."""
    assert count_parameters(ENet(ENetSpec(20))) == 364_712


@pytest.mark.parametrize(
    ("name", "classes", "parameters"),
    [
        # As PyTorch-ENet's own classes count; those of 2018-04 share slopes, 70 fewer than are in their state dict.
        ("pytorch-enet-2018-02", 12, 359_780),
        ("pytorch-enet-2018-04", 12, 356_982 + 70),
        ("pytorch-enet-2019-08", 12, 350_652),
        ("pytorch-enet-2021-03", 12, 350_652),
        ("caffe", 19, 372_551),  # blobs of the published model, less the biases that merging norms has added
        ("keras", 11, 367_067 - 8_160),  # TensorFlow's count, less its moving statistics
    ],
)
def test_parameters_of_variants(name: str, classes: int, parameters: int) -> None:
    assert count_parameters(ENet(variant(name, classes))) == parameters


@torch.no_grad()
def test_multiplications_at_640x360() -> None:
    counted = 0

    def count(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal counted
        per_element = module.weight[0].numel()  # a kernel gathers it for an output, or scatters it from an input
        counted += (inputs[0] if isinstance(module, nn.ConvTranspose2d) else output).numel() * per_element

    network = ENet(ENetSpec(20)).eval()
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            module.register_forward_hook(count)
    network(torch.zeros(1, 3, 360, 640))
    assert counted == 1_727_251_200


@torch.no_grad()
@pytest.mark.parametrize("size", [(8, 8), (1, 1), (7, 9), (64, 48), (45, 61), (33, 8)])
def test_any_size(size: tuple[int, int]) -> None:
    logits = ENet(ENetSpec(11)).eval()(torch.rand(2, 3, *size))
    assert logits.shape == (2, 11, *size) and logits.isfinite().all()


@torch.no_grad()
def test_odd_sizes_repeat_the_border(random_network: Randomised, image: Tensor) -> None:
    network = random_network(ENetSpec(11))
    odd = image[..., :61, :93]
    padded = F.pad(odd, (0, 3, 0, 3), mode="replicate")
    assert torch.equal(network(odd), network(padded)[..., :61, :93])


@torch.no_grad()
@pytest.mark.parametrize("name", VARIANTS)
def test_variants_run_and_every_weight_matters(random_network: Randomised, name: str, image: Tensor) -> None:
    network = random_network(variant(name, 11))
    before = network(image)
    assert before.shape == (1, 11, 64, 96) and before.isfinite().all()
    for part in ("initial", "down1", "stage1", "down2", "stage2", "stage3", "up4", "stage4", "up5", "stage5", "last"):
        parameter = next(network.get_submodule(part).parameters())
        kept = parameter.clone()
        parameter.mul_(1.5)
        assert not torch.equal(network(image), before), part
        parameter.copy_(kept)


CHOICES = {
    "initial_pool": 3,
    "initial_norm": False,
    "conv_bias": False,
    "encoder_activation": "relu",
    "decoder_activation": "relu",
    "decoder_output_activation": "relu",
    "slopes": "shared",
    "expansion_activation": True,
    "up_expansion_activation": True,
    "asymmetric_norm": True,
    "asymmetric_order": "5x1,1x5",
    "asymmetric_padding": "both",
    "internal_from": "input",
    "down_pool": 3,
    "down_skip": "conv",
    "decoder_conv": False,
    "upsample_kernel": 2,
    "last_kernel": 3,
    "unpool": "nearest",
    "skip_norm": False,
    "strided_padding": "end",
    "bn_eps": 0.1,
}


def test_choices_cover_the_spec() -> None:
    assert {"num_classes", *CHOICES} == {field.name for field in dataclasses.fields(ENetSpec)}


@torch.no_grad()
@pytest.mark.parametrize("field", CHOICES)
def test_each_value_changes_the_network(random_network: Randomised, field: str, image: Tensor) -> None:
    paper, other = ENetSpec(11), ENetSpec(11, **{field: CHOICES[field]})
    network, plain = random_network(other), random_network(paper)
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    if shapes == {name: value.shape for name, value in plain.state_dict().items()}:
        network.load_state_dict(plain.state_dict())
        assert not torch.allclose(network(image), plain(image), atol=1e-4)
    else:
        assert network(image).shape == plain(image).shape


@torch.no_grad()
def test_down_sampling_appends_zeros() -> None:
    block = Down(16, 64, ENetSpec(11), 0.0).eval()
    nn.init.zeros_(block.branch[7].weight)  # the branch gives nothing: what is left is the skip
    nn.init.ones_(block.sum.activation.weight)
    x = torch.randn(1, 16, 8, 12)
    y, indices = block(x)
    assert torch.equal(y[:, :16], F.max_pool2d(x, 2)) and not y[:, 16:].any()
    assert torch.equal(x.flatten(2).gather(2, indices.flatten(2)), y[:, :16].flatten(2))


@torch.no_grad()
@pytest.mark.parametrize("unpool", ["indices", "nearest"])
def test_up_sampling_places_values(unpool: str) -> None:
    block = Up(128, 64, ENetSpec(11, unpool=unpool, skip_norm=False), 0.0).eval()
    nn.init.zeros_(block.branch[7].weight)
    nn.init.ones_(block.sum.activation.weight)
    x = torch.randn(1, 128, 4, 6)
    _, indices = F.max_pool2d(torch.randn(1, 64, 8, 12), 2, return_indices=True)
    y, values = block(x, indices), block.skip[0](x)
    if unpool == "nearest":
        assert torch.equal(y, values.repeat_interleave(2, 2).repeat_interleave(2, 3))
    else:
        assert torch.equal(y.flatten(2).gather(2, indices.flatten(2)), values.flatten(2))
        assert torch.count_nonzero(y) == values.numel()


def test_transposed_convolution_padded_at_the_end_is_the_gradient_of_tensorflows() -> None:
    """Conv2DTranspose(3, strides=2, padding="same") is by definition the gradient of the convolution padded so."""
    first, cut = doubling(4, 5, 3, ENetSpec(11, strided_padding="end", conv_bias=False))
    y = torch.randn(1, 4, 6, 7)
    x = torch.zeros(1, 5, 12, 14, requires_grad=True)
    F.conv2d(F.pad(x, (0, 1, 0, 1)), first.weight, stride=2).backward(y)
    assert torch.allclose(cut(first(y)), x.grad, atol=1e-6)


@torch.no_grad()
def test_asymmetric_padding_on_both_axes_differs_at_the_border_alone() -> None:
    along, both = (Bottleneck(64, variant("caffe", 11), "prelu", "prelu", 0.0, asymmetric=True).eval() for _ in "ab")
    both.load_state_dict(along.state_dict())
    for half, padding in zip((along.branch[3], along.branch[4]), ((2, 0), (0, 2)), strict=True):
        half.padding = padding
    x = torch.randn(1, 64, 12, 16)
    difference = (along(x) - both(x)).abs().amax((0, 1))
    assert difference[0].max() > 1e-6 and difference[-1].max() > 1e-6
    assert difference[1:-1].max() < 1e-6


@torch.no_grad()
def test_initial_block_pools_the_image_beside_the_convolution() -> None:
    image = torch.rand(1, 3, 16, 24)
    for kernel, padding in ((2, 0), (3, 1)):
        block = Initial(ENetSpec(11, initial_pool=kernel, initial_norm=False)).eval()
        assert torch.equal(block(image)[:, 13:], F.max_pool2d(image, kernel, 2, padding))


def test_dropout_is_for_training_alone(image: Tensor) -> None:
    network = ENet(ENetSpec(11), Dropout(0.5, 0.5, 0.5))
    names = set(network.state_dict())
    assert names == set(ENet(ENetSpec(11), Dropout(0.0, 0.0, 0.0)).state_dict())  # so that weights fit either
    with torch.no_grad():
        network.train()
        assert not torch.equal(network(image), network(image))
        network.eval()
        assert torch.equal(network(image), network(image))


def test_gradients_reach_every_parameter(image: Tensor) -> None:
    for name in VARIANTS:
        network = ENet(variant(name, 11)).train()
        network(image.repeat(2, 1, 1, 1)).square().mean().backward()
        assert [n for n, p in network.named_parameters() if p.grad is None] == []
