"""ENetSpec: one dataclass that describes every ENet in circulation. Imports no torch, as robots read cards too."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from enet_ros.errors import ConfigError

_CHOICES: dict[str, tuple[object, ...]] = {
    "initial_pool": (2, 3),
    "encoder_activation": ("prelu", "relu"),
    "decoder_activation": ("prelu", "relu"),
    "decoder_output_activation": ("prelu", "relu"),
    "slopes": ("channel", "branch-shared", "shared"),
    "internal_from": ("output", "input"),
    "asymmetric_order": ("1x5,5x1", "5x1,1x5"),
    "asymmetric_padding": ("along", "both"),
    "down_pool": (2, 3),
    "down_skip": ("pad", "conv"),
    "upsample_kernel": (2, 3),
    "last_kernel": (2, 3),
    "unpool": ("indices", "nearest"),
    "strided_padding": ("both", "end"),
}


STRIDE = 8
"""Pixels of the image per pixel of the encoder's output. The network extends an image to the next multiple by repeating
its last row and column."""
CONTEXT = ((1, False), (2, False), (1, True), (4, False), (1, False), (8, False), (1, True), (16, False))
"""Bottlenecks of stages 2 and 3 after the down-sampling one: (dilation, asymmetric), from the paper's table 1."""


@dataclass(frozen=True)
class ENetSpec:
    """One member of the ENet family (Paszke et al. 2016, arXiv 1606.02147).

    The defaults are the paper's network as its authors implemented it in Torch7: 364,712 parameters with 20 classes.
    The fields are what the variants in circulation change:

    initial_pool               kernel of the initial block's max-pool: 2, or 3 with padding 1
    initial_norm               batch norm and activation after the initial concatenation
    conv_bias                  bias in the initial, main and last convolutions (projections never have one)
    encoder_activation         "prelu" or "relu" in the initial block and stages 1-3
    decoder_activation         the same inside the branches of stages 4-5
    decoder_output_activation  the same after the sum of stages 4-5
    slopes                     PReLU slopes: one per "channel", one "shared" by all channels of an activation, or
                               "branch-shared": shared inside branches, per channel after the initial block and sums
    expansion_activation       an activation between the expansion's batch norm and the sum, except in 4.0 and 5.0
    up_expansion_activation    the same in the up-sampling bottlenecks 4.0 and 5.0
    asymmetric_norm            batch norm and activation between the two halves of the asymmetric convolution
    asymmetric_order           which half comes first
    asymmetric_padding         both halves are padded by 2 "along" their kernel, or by 1 on "both" axes (borders differ)
    internal_from              a bottleneck's inner width is a quarter of its "output" or of its "input" channels
    down_pool                  kernel of the max-pools of 1.0 and 2.0: 2, or 3 with padding 1 (windows overlap)
    down_skip                  how the skip gains channels after those pools: zeros ("pad"), or a 1x1 "conv" with norm
    decoder_conv               whether bottlenecks 4.1, 4.2 and 5.1 have their 3x3 convolution
    upsample_kernel            kernel of the transposed convolution of bottlenecks 4.0 and 5.0
    last_kernel                kernel of the last transposed convolution
    unpool                     the skip of 4.0 and 5.0: max-unpooling by "indices", or "nearest" up-sampling
    skip_norm                  batch norm after that skip's 1x1 convolution
    strided_padding            strided 3x3 convolutions are padded on "both" sides, or only at the bottom and right
                               ("end", TensorFlow's SAME)
    bn_eps                     epsilon of every batch norm

    Raises ConfigError for values that no network can be built from.
    """

    num_classes: int
    initial_pool: int = 2
    initial_norm: bool = True
    conv_bias: bool = True
    encoder_activation: str = "prelu"
    decoder_activation: str = "prelu"
    decoder_output_activation: str = "prelu"
    slopes: str = "channel"
    expansion_activation: bool = False
    up_expansion_activation: bool = False
    asymmetric_norm: bool = False
    asymmetric_order: str = "1x5,5x1"
    asymmetric_padding: str = "along"
    internal_from: str = "output"
    down_pool: int = 2
    down_skip: str = "pad"
    decoder_conv: bool = True
    upsample_kernel: int = 3
    last_kernel: int = 2
    unpool: str = "indices"
    skip_norm: bool = True
    strided_padding: str = "both"
    bn_eps: float = 1e-3

    def __post_init__(self) -> None:
        for field, allowed in _CHOICES.items():
            value = getattr(self, field)
            if value not in allowed or type(value) is not type(allowed[0]):
                raise ConfigError(f"ENetSpec.{field} is {value!r}; use one of {', '.join(map(repr, allowed))}")
        for switch in dataclasses.fields(self):
            if isinstance(switch.default, bool) and not isinstance(getattr(self, switch.name), bool):
                raise ConfigError(f"ENetSpec.{switch.name} is {getattr(self, switch.name)!r}; use true or false")
        if not isinstance(self.num_classes, int) or not 2 <= self.num_classes <= 254:
            raise ConfigError(f"ENetSpec.num_classes is {self.num_classes!r}; use 2..254 (255 is void)")
        if not isinstance(self.bn_eps, float) or not 0.0 < self.bn_eps < 1.0:
            raise ConfigError(f"ENetSpec.bn_eps is {self.bn_eps!r}; use a small positive number such as 1e-3")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a card's JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ENetSpec:
        """The inverse of `to_dict`. Raises ConfigError for an unknown or missing field."""
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ConfigError(f"the network's description has unknown fields {unknown}; it needs a newer enet_ros")
        if "num_classes" not in values:
            raise ConfigError("the network's description has no num_classes; the file is not a complete model card")
        return cls(**values)


_PYTORCH_2018: dict[str, Any] = {
    "initial_pool": 3,
    "conv_bias": False,
    "slopes": "branch-shared",
    "expansion_activation": True,
    "up_expansion_activation": True,
    "asymmetric_norm": True,
    "asymmetric_order": "5x1,1x5",
    "internal_from": "input",
    "down_pool": 3,
    "last_kernel": 3,
    "bn_eps": 1e-5,
}
_RELU_DECODER: dict[str, Any] = {"decoder_activation": "relu", "decoder_output_activation": "relu"}
_PYTORCH_2018_04 = {**_PYTORCH_2018, **_RELU_DECODER, "slopes": "shared"}
_PYTORCH_2019 = {**_PYTORCH_2018_04, "down_pool": 2, "upsample_kernel": 2}

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    # github.com/e-lab/ENet-training (Torch7), by the paper's authors
    "paper": {},
    # github.com/davidtvs/PyTorch-ENet, named by the months in which its main branch changed
    "pytorch-enet-2018-02": _PYTORCH_2018,
    "pytorch-enet-2018-04": _PYTORCH_2018_04,
    "pytorch-enet-2019-08": _PYTORCH_2019,
    "pytorch-enet-2021-03": {**_PYTORCH_2019, "up_expansion_activation": False},
    # github.com/TimoSaemann/ENet
    "caffe": {
        **_RELU_DECODER,
        "asymmetric_order": "5x1,1x5",
        "asymmetric_padding": "both",
        "down_skip": "conv",
        "upsample_kernel": 2,
    },
    # github.com/srihari-humbarwadi/ENet-A-Deep-Neural-Network-Architecture-for-Real-Time-Semantic-Segmentation;
    # its decoder creates the 3x3 convolutions of 4.1, 4.2 and 5.1 but leaves them unconnected
    "keras": {
        "initial_norm": False,
        "decoder_output_activation": "relu",
        "asymmetric_order": "5x1,1x5",
        "decoder_conv": False,
        "unpool": "nearest",
        "skip_norm": False,
        "strided_padding": "end",
    },
}
"""The ENets in circulation, under our names for them: the fields in which each differs from the paper's."""


def variant(name: str, num_classes: int) -> ENetSpec:
    """The spec of a variant in VARIANTS. Raises ConfigError, which lists the known names."""
    if name not in VARIANTS:
        raise ConfigError(f"there is no ENet variant {name!r}; use one of {', '.join(VARIANTS)}")
    return ENetSpec(num_classes, **VARIANTS[name])
