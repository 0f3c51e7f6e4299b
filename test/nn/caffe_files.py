"""Writes the Caffe port's ENet: a .caffemodel and the .prototxt that runs it, from one list of layers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import nn

from enet_ros.nn import ENet

Blobs = tuple[np.ndarray, ...]


class Layer(NamedTuple):
    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    parameters: str = ""  # prototxt
    blobs: Blobs = ()
    python: str = ""
    deployed: bool = True  # whether the prototxt has it too


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def blob(array: np.ndarray) -> bytes:
    shape = field(1, b"".join(varint(side) for side in array.shape))
    return field(7, shape) + field(5, array.astype("<f4").tobytes())


def caffemodel(layers: list[Layer]) -> bytes:
    data = field(1, b"ENet")
    for layer in layers:
        content = field(1, layer.name.encode()) + field(2, layer.type.encode())
        content += b"".join(field(3, name.encode()) for name in layer.bottoms)
        content += b"".join(field(4, name.encode()) for name in layer.tops)
        content += b"".join(field(7, blob(array)) for array in layer.blobs)
        if layer.python:
            content += field(130, field(1, b"spatial_dropout") + field(3, layer.python.encode()))
        data += field(100, content)
    return data


def prototxt(layers: list[Layer], height: int, width: int) -> str:
    text = f'name: "ENet"\ninput: "data"\ninput_dim: 1\ninput_dim: 3\ninput_dim: {height}\ninput_dim: {width}\n'
    for layer in layers:
        if layer.deployed:
            lines = [f'name: "{layer.name}" type: "{layer.type}"']
            lines += [f'bottom: "{name}"' for name in layer.bottoms] + [f'top: "{name}"' for name in layer.tops]
            text += f"layer {{ {' '.join(lines)} {layer.parameters} }}\n"
    return text


class Builder:
    """The layers of a network; `merged` as the port's tool leaves them, with zeros for the norms it has merged."""

    def __init__(self, network: ENet, merged: bool, p: float) -> None:
        self.layers: list[Layer] = []
        self.merged, self.p = merged, p
        initial = network.initial
        conv = self.add("conv0_1", "Convolution", ["data"], CONV.format(3, 3, 2, 1, 1, "true"), arrays(initial.conv))
        pool = self.add("pool0_1", "Pooling", ["data"], POOL)
        both = self.add("concat0_1", "Concat", [conv, pool], "concat_param { axis: 1 }")
        x = self.slope("0_1", self.add("bn0_1", "BN", [both], "", scale_shift(initial.norm)), initial.act)
        for stage, down, blocks in ((1, network.down1, network.stage1), (2, network.down2, network.stage2)):
            x = self.down(f"{stage}_0", x, down)
            for index, block in enumerate(blocks, 1):
                x = self.regular(f"{stage}_{index}", x, block)
        for index, block in enumerate(network.stage3, 1):
            x = self.regular(f"3_{index}", x, block)
        for stage, up, blocks in ((4, network.up4, network.stage4), (5, network.up5, network.stage5)):
            x = self.up(f"{stage}_0", x, up, f"pool{6 - stage}_0_4_mask")
            for index, block in enumerate(blocks, 1):
                x = self.regular(f"{stage}_{index}", x, block)
        self.add("deconv6_0_0", "Deconvolution", [x], DECONV.format(network.last.out_channels), arrays(network.last))

    def add(self, name: str, kind: str, bottoms: list[str], parameters: str = "", blobs: Blobs = ()) -> str:
        tops = (name, f"{name}_mask") if kind == "Pooling" and name != "pool0_1" else (name,)
        parameters = parameters.replace("OUTPUTS", str(len(blobs[0]))) if blobs else parameters
        self.layers.append(Layer(name, kind, tuple(bottoms), tops, parameters, blobs))
        return name

    def conv_norm(self, name: str, x: str, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> str:
        """A convolution and its norm, or the two merged."""
        scale, shift = scale_shift(norm)
        blobs = arrays(conv)
        if self.merged:
            bias = blobs[1] if len(blobs) == 2 else np.zeros(len(blobs[0]), np.float32)
            blobs = (blobs[0] * scale.reshape(-1, 1, 1, 1), bias * scale.ravel() + shift.ravel())
            scale, shift = np.zeros_like(scale), np.zeros_like(shift)
        (height, width), d, p = conv.kernel_size, conv.dilation[0], conv.padding[0]
        parameters = CONV.format(height, width, conv.stride[0], p, d, "true" if len(blobs) == 2 else "false")
        x = self.add(f"conv{name}", "Convolution", [x], parameters, blobs)
        self.layers.append(Layer(f"bn{name}", "BN", (x,), (f"bn{name}",), "", (scale, shift), deployed=not self.merged))
        return x if self.merged else f"bn{name}"

    def slope(self, name: str, x: str, module: nn.Module) -> str:
        if isinstance(module, nn.PReLU):
            return self.add(f"prelu{name}", "PReLU", [x], "", arrays(module))
        return self.add(f"prelu{name}", "ReLU", [x])

    def dropout(self, name: str, x: str) -> str:
        settings = f"{{'phase': 'TEST', 'p': '{self.p}'}}"
        self.layers.append(Layer(f"drop{name}", "Python", (x,), (f"drop{name}",), python=settings, deployed=False))
        return x

    def branch(self, name: str, x: str, branch: nn.Sequential) -> str:
        """Projection, main convolution (or halves of it), expansion."""
        modules = list(branch)
        x = self.slope(f"{name}_0", self.conv_norm(f"{name}_0", x, modules[0], modules[1]), modules[2])
        if isinstance(modules[4], nn.Conv2d):
            first = modules.pop(3)
            (height, width), p = first.kernel_size, first.padding[0]
            bias = (np.zeros(first.out_channels, np.float32),) if self.merged else ()
            parameters = CONV.format(height, width, 1, p, 1, "true" if self.merged else "false")
            x = self.add(f"conv{name}_1_a", "Convolution", [x], parameters, arrays(first) + bias)
        if isinstance(modules[3], nn.ConvTranspose2d):
            blobs = arrays(modules[3])
            x = self.add(f"deconv{name}_1", "Deconvolution", [x], DECONV.format(blobs[0].shape[1]), blobs)
            x = self.add(f"bn{name}_1", "BN", [x], "", scale_shift(modules[4]))
        else:
            x = self.conv_norm(f"{name}_1", x, modules[3], modules[4])
        x = self.slope(f"{name}_1", x, modules[5])
        return self.dropout(f"{name}_3", self.conv_norm(f"{name}_2", x, modules[6], modules[7]))

    def end(self, name: str, x: str, skip: str, slope: nn.Module) -> str:
        return self.slope(f"{name}_4", self.add(f"eltwise{name}_4", "Eltwise", [x, skip]), slope)

    def regular(self, name: str, x: str, block: nn.Module) -> str:
        return self.end(name, self.branch(name, x, block.branch), x, block.sum.activation)

    def down(self, name: str, x: str, block: nn.Module) -> str:
        y = self.branch(name, x, block.branch)
        skip = self.add(f"pool{name}_4", "Pooling", [x], POOL)
        return self.end(name, y, self.conv_norm(f"{name}_4", skip, *block.skip), block.sum.activation)

    def up(self, name: str, x: str, block: nn.Module, mask: str) -> str:
        y = self.branch(name, x, block.branch)
        skip = self.conv_norm(f"{name}_4", x, *block.skip)
        skip = self.add(f"upsample{name}_4", "Upsample", [skip, mask])
        return self.end(name, y, skip, block.sum.activation)


POOL = "pooling_param { pool: MAX kernel_size: 2 stride: 2 }"
CONV = (
    "convolution_param {{ num_output: OUTPUTS kernel_h: {} kernel_w: {} stride: {} pad: {} dilation: {} "
    "bias_term: {} }}"
)
DECONV = "convolution_param {{ num_output: {} kernel_size: 2 stride: 2 bias_term: true }}"


def arrays(module: nn.Module) -> Blobs:
    return tuple(value.numpy() for value in module.state_dict().values())


def scale_shift(norm: nn.BatchNorm2d) -> Blobs:
    """A norm at evaluation as the port's BN layer keeps it: (1, C, 1, 1) factors and summands."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    shift = norm.bias - scale * norm.running_mean
    return scale.reshape(1, -1, 1, 1).numpy(), shift.reshape(1, -1, 1, 1).numpy()
