"""The importer of PyTorch-ENet's checkpoints: every layout, and files that are none."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from enet_ros.classes import CAMVID, CAMVID12, CITYSCAPES20
from enet_ros.errors import ModelError
from enet_ros.nn import ENet, build
from enet_ros.nn.importers import detect, pytorch_enet
from enet_ros.spec import variant

Randomised = Callable[..., ENet]
LAYOUTS = ("pytorch-enet-2018-02", "pytorch-enet-2018-04", "pytorch-enet-2019-08", "pytorch-enet-2021-03")
STAGE2 = ("regular2_1", "dilated2_2", "asymmetric2_3", "dilated2_4", "regular2_5", "dilated2_6", "asymmetric2_7")
STAGE2 = (*STAGE2, "dilated2_8")
STAGE3 = ("regular3_0", "dilated3_1", "asymmetric3_2", "dilated3_3", "regular3_4", "dilated3_5", "asymmetric3_6")
STAGE3 = (*STAGE3, "dilated3_7")


def state_dict(network: ENet, layout: str) -> dict[str, Tensor]:
    """The network under PyTorch-ENet's names, in the order of its modules."""
    state: dict[str, Tensor] = {}
    out = "out_activation" if layout >= "pytorch-enet-2019" else "out_prelu"  # renamed in July 2019

    def put(name: str, module: nn.Module) -> None:
        state.update({f"{name}.{key}": value for key, value in module.state_dict().items()})

    def branch(name: str, modules: nn.Sequential, groups: tuple[str, ...]) -> None:
        starts = [i for i, m in enumerate(modules) if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
        if len(starts) == 4:  # asymmetric: both halves in one group
            starts.pop(2)
        for group, start, end in zip(groups, starts, [*starts[1:], len(modules)], strict=True):
            for index, module in enumerate(modules[start:end]):
                new = {0: "", 1: "_bnorm", 2: "_activation"}[index] if group == "ext_tconv1" else f".{index}"
                put(f"{name}.{group}{new}", module)

    def block(name: str, module: Any, groups: tuple[str, ...] = ("ext_conv1", "ext_conv2", "ext_conv3")) -> None:
        if name.startswith("upsample"):
            put(f"{name}.main_conv1", module.skip)
        branch(name, module.branch, groups)
        put(f"{name}.{out}", module.sum.activation)

    put("initial_block.main_branch", network.initial.conv)
    put("initial_block.batch_norm", network.initial.norm)
    put(f"initial_block.{out}", network.initial.act)
    newer = network.spec.upsample_kernel == 2
    up = ("ext_conv1", "ext_tconv1", "ext_conv2") if newer else ("ext_conv1", "ext_conv2", "ext_conv3")
    block("downsample1_0", network.down1)
    for index, module in enumerate(network.stage1, 1):
        block(f"regular1_{index}", module)
    block("downsample2_0", network.down2)
    for name, module in zip((*STAGE2, *STAGE3), (*network.stage2, *network.stage3), strict=True):
        block(name, module)
    block("upsample4_0", network.up4, up)
    block("regular4_1", network.stage4[0])
    block("regular4_2", network.stage4[1])
    block("upsample5_0", network.up5, up)
    block("regular5_1", network.stage5[0])
    put("transposed_conv", network.last)
    return state


def saved(content: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("decoder", ["relu", "prelu"])
def test_layouts(random_network: Randomised, layout: str, decoder: str, image: Tensor) -> None:
    spec = variant(layout, 12)
    spec = type(spec)(**{**spec.to_dict(), "decoder_activation": decoder, "decoder_output_activation": decoder})
    network = random_network(spec)
    checkpoint = {"epoch": 7, "miou": 0.5, "state_dict": state_dict(network, layout), "optimizer": {"state": {}}}
    ambiguous = layout == "pytorch-enet-2019-08" and decoder == "relu"
    model = pytorch_enet.load(saved(checkpoint), "x", None, before_2021=ambiguous)
    assert model.card.spec == spec
    with torch.no_grad():
        assert torch.equal(build(model)(image), network(image))


def test_layout_that_the_tensors_cannot_tell(random_network: Randomised) -> None:
    network = random_network(variant("pytorch-enet-2019-08", 12))
    data = saved(state_dict(network, "pytorch-enet-2019-08"))
    assert pytorch_enet.load(data, "x", None).card.spec == variant("pytorch-enet-2021-03", 12)
    assert pytorch_enet.load(data, "x", None, before_2021=True).card.spec == variant("pytorch-enet-2019-08", 12)


@pytest.fixture(scope="module")
def state(random_network: Randomised) -> dict[str, Tensor]:
    return state_dict(random_network(variant("pytorch-enet-2018-02", 12)), "pytorch-enet-2018-02")


def test_relu_encoder_and_data_parallel(random_network: Randomised) -> None:
    spec = variant("pytorch-enet-2021-03", 20)
    network = random_network(type(spec)(**{**spec.to_dict(), "encoder_activation": "relu"}))
    plain = state_dict(network, "pytorch-enet-2021-03")
    model = pytorch_enet.load(saved({f"module.{key}": value for key, value in plain.items()}), "x", None)
    assert model.card.spec == network.spec
    assert (model.card.classes, model.card.input_size) == (CITYSCAPES20, (512, 1024))


def test_files_of_both_ages(state: dict[str, Tensor]) -> None:
    new, old = saved(state), saved(state, _use_new_zipfile_serialization=False)
    assert new[:2] == b"PK" != old[:2]
    for data in (new, old):
        assert detect(data) == "pytorch-enet"
        assert pytorch_enet.load(data, "x", None).card.classes == CAMVID12


def test_published_checkpoint_sees_camvid(weights_dir: Path, camvid_dir: Path) -> None:
    model = pytorch_enet.load((weights_dir / "davidtvs-camvid" / "ENet_default_2018-03-04").read_bytes(), "x", None)
    assert model.card.spec == variant("pytorch-enet-2018-02", 12)
    network, right, counted = build(model), 0, 0
    for path in sorted((camvid_dir / "val").glob("*.png"))[::40]:
        frame = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        truth = cv2.imread(str(camvid_dir / "valannot" / path.name), cv2.IMREAD_UNCHANGED)
        with torch.no_grad():
            found = network(torch.from_numpy(frame).permute(2, 0, 1)[None] / 255)[0].argmax(0).numpy()
        seen = truth < CAMVID.num_classes
        right += int((found == truth)[seen].sum())
        counted += int(seen.sum())
    assert right / counted > 0.9  # 92.4 % over all 101 frames


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("part", [20, 200, 0.5, 0.99])
def test_truncated(state: dict[str, Tensor], old: bool, part: float) -> None:
    data = saved(state, _use_new_zipfile_serialization=not old)
    end = part if isinstance(part, int) else int(part * len(data))
    with pytest.raises(ModelError, match="cannot be read as tensors alone"):
        pytorch_enet.load(data[:end], "x", None)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_fuzzed_bytes_raise_nothing_but_model_errors(state: dict[str, Tensor]) -> None:
    data = saved(state, _use_new_zipfile_serialization=False)
    rng = np.random.default_rng(0)
    refused = 0
    for at, value in zip(rng.integers(0, 3000, 60), rng.integers(0, 256, 60), strict=True):
        damaged = bytearray(data)
        damaged[at] = value
        try:
            pytorch_enet.load(bytes(damaged), "x", None)
        except ModelError:
            refused += 1
    assert refused > 20  # other changes hit a string that plays no part


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("executed",))


def test_code_is_not_executed(state: dict[str, Tensor], capsys: pytest.CaptureFixture[str]) -> None:
    for options in ({}, {"_use_new_zipfile_serialization": False}):
        with pytest.raises(ModelError, match="unsafe"):
            pytorch_enet.load(saved({**state, "x": Evil()}, **options), "x", None)
    assert "executed" not in capsys.readouterr().out


def test_zip_bomb() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        archive.writestr("archive/data/0", bytes(100 << 20))
    assert len(buffer.getvalue()) < 1 << 20
    with pytest.raises(ModelError, match="unpacks to more than 64 MiB"):
        pytorch_enet.load(buffer.getvalue(), "x", None)


def test_other_contents(state: dict[str, Tensor]) -> None:
    without = {key: value for key, value in state.items() if not key.startswith("dilated2_4.ext_conv2")}
    reshaped = {**state, "transposed_conv.weight": torch.zeros(16, 12, 2, 2)}
    infinite = {**state, "initial_block.main_branch.weight": torch.full((13, 3, 3, 3), torch.inf)}
    huge = {**state, "initial_block.main_branch.weight": torch.zeros(1).expand(1 << 20, 1 << 20)}
    for content, message in (
        ([1, 2], "holds a list, not a state dict"),
        ({}, "holds a dict, not a state dict"),
        ({"weights": 3}, "entry 'weights' is a int, not a tensor"),
        ({"a.weight": torch.zeros(3)}, "no 'transposed_conv.weight'"),
        (without, "dilated2_4.ext_conv3.0"),
        (reshaped, r"transposed_conv has arrays .*\(16, 12, 2, 2\)"),
        (infinite, "not finite"),
        (huge, "no layer of an ENet is like it"),
        ({**state, "head.weight": torch.zeros(3)}, "layers with weights"),
        ({**state, "transposed_conv.weight": torch.zeros(16, 7, 3, 3)}, "7 classes that no table names"),
    ):
        with pytest.raises(ModelError, match=message):
            pytorch_enet.load(saved(content), "x", None)
