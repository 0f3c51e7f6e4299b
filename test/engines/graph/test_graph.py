"""The inference graph, run for real, against the plain network."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import onnx
import pytest
from plain_models import SIZE, make_model, picture, plain

from enet_ros.card import ModelCard
from enet_ros.engines.graph import EXPORT, HALF_KEY, OPENVINO, TENSORRT, GraphOptions
from enet_ros.engines.graph.build import build
from enet_ros.errors import ConfigError
from enet_ros.model_file import CARD_KEY, Model, load, resolve

ort = pytest.importorskip("onnxruntime", reason="ONNX Runtime runs the graphs: pip install onnxruntime")
ov = pytest.importorskip("openvino", reason="OpenVINO runs the graphs: pip install openvino")

PYTORCH_ENET = {
    "initial_pool": 3, "conv_bias": False, "slopes": "branch-shared", "expansion_activation": True,
    "up_expansion_activation": True, "asymmetric_norm": True, "asymmetric_order": "5x1,1x5", "internal_from": "input",
    "down_pool": 3, "last_kernel": 3, "bn_eps": 1e-5,
}  # fmt: skip
CAFFE = {
    "decoder_activation": "relu", "decoder_output_activation": "relu", "asymmetric_padding": "both",
    "down_skip": "conv", "upsample_kernel": 2,
}  # fmt: skip
VARIANTS = {
    "paper": {},
    "pytorch-enet": PYTORCH_ENET,
    "caffe": CAFFE,
    "all relu": {  # half of the activations are zero: most windows hold ties
        "encoder_activation": "relu", "decoder_activation": "relu", "decoder_output_activation": "relu",
    },
    "nearest": {"unpool": "nearest", "decoder_conv": False, "skip_norm": False},
    "padded at the end": {"strided_padding": "end", "last_kernel": 3, "initial_norm": False},
    "bgr, mean, std, temperature": {
        "channel_order": "bgr", "mean": (103.9, 116.8, 123.7), "std": (57.4, 57.1, 58.4), "temperature": 1.7,
    },
}  # fmt: skip
FORMS = {"export": EXPORT, "openvino": OPENVINO, "operator": TENSORRT}


def run(model: Model, image: np.ndarray, options: GraphOptions) -> list[np.ndarray]:
    data = build(model, image.shape[:2], options).SerializeToString()
    if options.stem == "columns":
        core = ov.Core()
        config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
        request = core.compile_model(core.read_model(BytesIO(data)), "CPU", config).create_infer_request()
        request.infer({0: image[None]})
        return [request.get_output_tensor(i).data for i in range(len(request.model_outputs))]
    settings = ort.SessionOptions()
    settings.log_severity_level = 3
    settings.intra_op_num_threads = 1
    return ort.InferenceSession(data, settings).run(None, {"image": image[None]})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_the_plain_network(name: str, form: str) -> None:
    model = make_model(**VARIANTS[name])
    size = (45, 51) if form != "operator" else SIZE  # the odd one is extended to multiples of 8, and cropped
    image = picture(size)
    expected, probability = plain(model, image)
    labels, confidence = run(model, image, FORMS[form])
    assert labels.dtype == confidence.dtype == np.uint8 and labels.shape == confidence.shape == size
    assert len(np.unique(expected)) > 3, "a picture of one class shows nothing"
    assert np.mean(labels == expected) >= 0.999
    assert np.mean(np.abs(confidence - probability) <= 1) >= 0.999


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
def test_a_flat_image_is_all_ties_and_agrees(model: Model, options: GraphOptions) -> None:
    image = np.full((*SIZE, 3), 255, np.uint8)
    assert np.mean(run(model, image, options)[0] == plain(model, image)[0]) >= 0.999


def test_float16_keeps_the_labels(model: Model) -> None:
    image = picture(SIZE)
    graph = build(model, SIZE, EXPORT._replace(half=True))
    assert any(entry.key == HALF_KEY for entry in graph.metadata_props)
    labels = run(model, image, EXPORT._replace(half=True))[0]
    assert np.mean(labels == plain(model, image)[0]) >= 0.97  # random weights are closer calls than trained ones


def test_the_shipped_model_on_real_frames(camvid_dir) -> None:
    import cv2

    shipped = load(resolve("camvid"))
    frames = sorted((camvid_dir / "val").glob("*.png"))[::40]
    for frame in frames:
        image = np.ascontiguousarray(
            cv2.resize(cv2.imread(str(frame)), (480, 360), interpolation=cv2.INTER_AREA)[..., ::-1]
        )
        assert np.mean(run(shipped, image, OPENVINO)[0] == plain(shipped, image)[0]) >= 0.9999, frame.name


# What onnx-tensorrt's docs/operators.md lists as supported for FP32 and FP16 tensors, of what the graph could use.
TENSORRT_OPERATORS = {
    "Add", "Cast", "Concat", "Conv", "DepthToSpace", "DequantizeLinear", "Div", "Equal", "Exp", "Greater", "Max",
    "MaxPool", "Mul", "PRelu", "Pad", "QuantizeLinear", "Relu", "Reshape", "Slice", "SpaceToDepth", "Split", "Sub",
    "Transpose", "Where",
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("options", [EXPORT, TENSORRT._replace(half=True)], ids=["export", "half"])
def test_tensorrt_can_parse_it(name: str, options: GraphOptions) -> None:
    graph = onnx.shape_inference.infer_shapes(build(make_model(**VARIANTS[name]), (45, 51), options))
    onnx.checker.check_model(graph, full_check=True)
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", 17)]
    assert {node.op_type for node in graph.graph.node} <= TENSORRT_OPERATORS
    for value in (*graph.graph.value_info, *graph.graph.input, *graph.graph.output):
        dimensions = value.type.tensor_type.shape.dim
        assert all(dimension.HasField("dim_value") and dimension.dim_value > 0 for dimension in dimensions), value.name
    of_bytes = [v.name for v in graph.graph.value_info if v.type.tensor_type.elem_type == onnx.TensorProto.UINT8]
    assert of_bytes == [], "TensorRT takes uint8 at inputs and outputs only"
    readers = {node.op_type for node in graph.graph.node if "image" in node.input}
    assert readers == {"Cast"}, "the input must be cast before anything else"
    assert all(t.data_type != onnx.TensorProto.DOUBLE for t in graph.graph.initializer)


def test_the_card_travels_with_its_size(model: Model) -> None:
    graph = build(model, (48, 64))
    stored = next(entry.value for entry in graph.metadata_props if entry.key == CARD_KEY)
    assert ModelCard.from_json(stored) == model.card.with_(input_size=(48, 64))


@pytest.mark.parametrize("size", [(4, 64), (64, 10000)])
def test_a_senseless_size_is_refused(model: Model, size: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=f"{size[1]}x{size[0]}"):
        build(model, size)
