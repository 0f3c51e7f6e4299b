"""The engines themselves: one protocol, the same labels, errors that name the remedy."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from plain_models import SIZE, make_model, picture, plain

from enet_ros import engines
from enet_ros.engines import Engine, cache, create
from enet_ros.engines.export import export
from enet_ros.errors import ConfigError, EngineError, ModelError
from enet_ros.model_file import Model, save

PACKAGES = {"openvino": "openvino", "onnxruntime": "onnxruntime", "pytorch": "torch"}


@pytest.fixture(params=PACKAGES)
def engine(request: pytest.FixtureRequest, model_path: Path) -> Iterator[Engine]:
    pytest.importorskip(PACKAGES[request.param], reason=f"{PACKAGES[request.param]} is not installed")
    made = create(request.param, model_path, threads=1)
    yield made
    made.close()


def test_labels_and_confidence_are_the_plain_networks(engine: Engine, model: Model) -> None:
    for seed in (0, 1):
        image = picture(SIZE, seed)
        labels, probability = plain(model, image)
        bare, full = engine.infer(image), engine.infer(image, confidence=True)
        assert bare.confidence is None and full.confidence is not None
        for result in (bare, full):
            assert result.labels.dtype == np.uint8 and np.mean(result.labels == labels) >= 0.999
        assert np.mean(np.abs(full.confidence - probability) <= 1) >= 0.999


def test_info_says_what_runs(engine: Engine) -> None:
    info = engine.info
    assert info.size == SIZE and info.precision == "fp32" and info.threads == 1 and info.load_ms > 0
    assert any(character.isdigit() for character in info.runtime) and info.device


def test_results_are_the_callers_to_keep(engine: Engine) -> None:
    first = engine.infer(picture(SIZE, 0))
    kept = first.labels.copy()
    engine.infer(picture(SIZE, 1))
    assert np.array_equal(first.labels, kept)


def test_an_image_may_be_read_only_or_strided(engine: Engine) -> None:
    image = picture(SIZE)
    expected = engine.infer(image).labels
    strided = image[:, ::-1].copy()[:, ::-1]
    frozen = image.copy()
    frozen.flags.writeable = False
    assert np.array_equal(engine.infer(strided).labels, expected)
    assert np.array_equal(engine.infer(frozen).labels, expected)


@pytest.mark.parametrize("confidence", [False, True])
def test_many_come_in_order_from_one_reused_buffer(engine: Engine, confidence: bool) -> None:
    images = [picture(SIZE, seed) for seed in range(6)]
    buffer = np.empty_like(images[0])

    def camera() -> Iterator[np.ndarray]:
        for image in images:
            buffer[:] = image
            yield buffer

    results = list(engine.infer_many(camera(), confidence=confidence, in_flight=3))
    assert len(results) == 6
    for image, result in zip(images, results, strict=True):
        assert np.array_equal(result.labels, engine.infer(image).labels)
        assert (result.confidence is not None) == confidence


def test_a_caller_may_leave_many_early(engine: Engine) -> None:
    stream = engine.infer_many(picture(SIZE, seed) for seed in range(9))
    next(stream)
    stream.close()
    assert engine.infer(picture(SIZE)).labels.shape == SIZE


@pytest.mark.parametrize(
    "image", [np.zeros((8, 8, 3), np.uint8), np.zeros((*SIZE, 3), np.float32), np.zeros(SIZE, np.uint8), None]
)
def test_another_image_is_refused(engine: Engine, image: np.ndarray) -> None:
    with pytest.raises(EngineError, match=r"takes a uint8 \(40, 56, 3\) RGB image, got"):
        engine.infer(image)
    with pytest.raises(EngineError, match="takes a uint8"):
        list(engine.infer_many([image]))


def test_closing_is_final_and_may_be_repeated(engine: Engine) -> None:
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.infer(picture(SIZE))
    with pytest.raises(EngineError, match="closed"):
        list(engine.infer_many([picture(SIZE)]))


def test_openvino_answers_from_one_network_where_confidence_is_expected(model_path: Path, cache_home: Path) -> None:
    image = picture(SIZE, 0)
    with create("openvino", model_path, confidence=True) as both, create("openvino", model_path) as labels:
        alone = both.infer(image)
        assert alone.confidence is None
        np.testing.assert_array_equal(alone.labels, labels.infer(image).labels)
        assert both.infer(image, confidence=True).confidence is not None
        assert len(both._compiled) == 1


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_an_exported_graph_runs_and_has_one_size(name: str, model: Model, model_path: Path, tmp_path: Path) -> None:
    graph = export(model_path, tmp_path / "alone" / "test.onnx")
    image = picture(SIZE)
    engine = create(name, graph)
    assert np.mean(engine.infer(image, confidence=True).labels == plain(model, image)[0]) >= 0.999
    with pytest.raises(EngineError, match=r"is a graph for 56x40 images, not 64x48"):
        create(name, graph, size=(48, 64))
    (graph.parent / "test.safetensors").write_bytes(model_path.read_bytes())
    assert create(name, graph, size=(48, 64)).infer(picture((48, 64))).labels.shape == (48, 64)


def test_pytorch_refuses_a_graph(model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"give it the \.safetensors file"):
        create("pytorch", export(model_path, tmp_path / "test.onnx"))


def test_openvino_uses_its_cache(model_path: Path, cache_home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        first = create("openvino", model_path)
        assert "building the OpenVINO engine" in caplog.text
        caplog.clear()
        second = create("openvino", model_path)
        assert "building" not in caplog.text
    image = picture(SIZE)
    assert np.array_equal(first.infer(image).labels, second.infer(image).labels)
    (stored,) = cache_home.iterdir()
    header = stored.read_bytes().split(b"\n")[:2]
    stored.write_bytes(b"\n".join(header) + b"\nnot a blob")
    with caplog.at_level(logging.INFO):
        create("openvino", model_path)
    assert "its content is damaged; building anew" in caplog.text


def test_processes_that_build_at_once_leave_one_whole_engine(
    model_path: Path, cache_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = f"from enet_ros.engines import create; create('openvino', {str(model_path)!r}, threads=1)"
    started = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(process.communicate()[1], process.returncode) for process in started] == [("", 0)] * 3
    assert len(list(cache_home.iterdir())) == 1
    with caplog.at_level(logging.INFO):
        create("openvino", model_path, threads=1)
    assert "building" not in caplog.text


def test_openvino_does_not_take_another_models_engine_from_the_cache(
    model_path: Path, cache_home: Path, tmp_path: Path
) -> None:
    image = picture(SIZE)
    others = {
        "weights": make_model(seed=1),
        "temperature": make_model(temperature=3.0),
        "pixels": make_model(mean=(90.0, 80.0, 70.0)),
    }
    create("openvino", model_path, confidence=True)
    for count, (name, other) in enumerate(others.items(), 2):
        save(path := tmp_path / f"{name}.safetensors", other.card, other.tensors)
        found = create("openvino", path, confidence=True).infer(image, confidence=True)
        labels, probability = plain(other, image)
        assert np.mean(found.labels == labels) >= 0.999, name
        assert found.confidence is not None and np.mean(np.abs(found.confidence - probability) <= 1) >= 0.999, name
        assert len(list(cache_home.iterdir())) == count


def test_openvino_keeps_an_engine_for_each_precision_size_and_output(model_path: Path) -> None:
    engine = create("openvino", model_path)
    keys = {engine._key(confidence, mode) for confidence in (False, True) for mode in ("LATENCY", "THROUGHPUT")}
    for hint in ("bf16", "f16"):
        engine._hint = hint
        keys.add(engine._key(False, "LATENCY"))
    keys.add(create("openvino", model_path, size=(48, 64))._key(False, "LATENCY"))
    assert len(keys) == len({cache.entry(key) for key in keys}) == 4 + 2 + 1
    assert {key.graph for key in keys} == {cache.graph_digest()}


def test_a_graph_computes_in_its_own_precision(model_path: Path, tmp_path: Path) -> None:
    graph = export(model_path, tmp_path / "test.onnx")
    assert create("onnxruntime", graph, precision="fp32").info.precision == "fp32"
    with pytest.raises(EngineError, match=r"test\.onnx does not compute in fp16; use precision fp32"):
        create("onnxruntime", graph, precision="fp16")


@pytest.mark.parametrize("name", ["onnxruntime", "openvino", "pytorch"])
def test_an_engine_that_is_to_give_confidence_is_warmed_up_with_it(
    name: str, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(PACKAGES[name], reason=f"{PACKAGES[name]} is not installed")
    kind = getattr(importlib.import_module(f"enet_ros.engines.{name}"), engines.ENGINES[name].cls)
    asked: list[bool] = []
    original = kind._run
    monkeypatch.setattr(kind, "_run", lambda self, *args: (asked.append(args[-1]), original(self, *args))[1])
    create(name, model_path, confidence=True).close()
    create(name, model_path).close()
    assert asked == [True, False]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_openvino_in_reduced_precision_where_the_cpu_has_it(model: Model, model_path: Path, precision: str) -> None:
    import openvino as ov

    if precision.upper() not in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        with pytest.raises(EngineError, match=f"does not compute in {precision}; use precision fp32"):
            create("openvino", model_path, precision=precision)
        return
    engine = create("openvino", model_path, precision=precision)
    assert engine.info.precision == precision
    image = picture(SIZE)
    assert np.mean(engine.infer(image).labels == plain(model, image)[0]) >= 0.8  # random weights are close calls


@pytest.mark.parametrize(
    ("kept", "size", "keeps", "why"),
    [
        (0.995, None, True, "bf16 keeps 99.50 % of the labels, 99.5 % are asked"),
        (0.99494, None, False, "bf16 keeps 99.49 % of the labels, 99.5 % are asked"),
        (0.999, (48, 64), False, "what bf16 would change was measured at 56x40 alone"),
        (None, None, False, "what bf16 would change was not measured for this model"),
    ],
)
def test_auto_is_bf16_where_the_card_says_that_it_keeps_the_labels(
    kept: float | None, size: tuple[int, int] | None, keeps: bool, why: str, model: Model, tmp_path: Path
) -> None:
    import openvino as ov

    metrics = () if kept is None else (("labels_kept_by_bf16", kept),)
    save(tmp_path / "m.safetensors", model.card.with_(metrics=metrics), model.tensors)
    info = create("openvino", tmp_path / "m.safetensors", size=size).info
    if "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert (info.precision, info.why) == ("bf16" if keeps else "fp32", why)
    else:
        assert (info.precision, info.why) == ("fp32", "")
    exact = create("openvino", tmp_path / "m.safetensors", precision="fp32").info
    assert (exact.precision, exact.why) == ("fp32", "")


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("caffe", {}, ConfigError, "no engine 'caffe'"),
        ("openvino", {"precision": "fp8"}, ConfigError, "no precision 'fp8'"),
        ("openvino", {"precision": "int8"}, EngineError, "does not compute in int8; .*--calibration DIR"),
        ("openvino", {"device": "npu7"}, EngineError, "no device 'NPU7' here"),
        (
            "onnxruntime",
            {"precision": "bf16"},
            EngineError,
            "the onnxruntime engine on cpu does not compute in bf16; use precision fp32",
        ),
        ("onnxruntime", {"device": "npu"}, EngineError, "no device 'npu'"),
        ("pytorch", {"precision": "int8"}, EngineError, "the pytorch engine does not compute in int8"),
        ("pytorch", {"device": "cuda:9"}, EngineError, "cannot use device 'cuda:9'"),
    ],
)
def test_a_wrong_wish_names_the_remedy(name, arguments, error, message, model_path: Path) -> None:
    with pytest.raises(error, match=message):
        create(name, model_path, **arguments)


def test_a_missing_model_is_the_models_fault_not_the_engines(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model file"):
        create("auto", tmp_path / "none.safetensors")


@pytest.mark.parametrize("name", ["openvino", "auto"])
@pytest.mark.parametrize("folder", ["file", "/sys/enet_ros", "/proc/enet_ros"])  # /sys: read-only, or not for users
def test_an_unwritable_cache_costs_a_warning_not_the_engine(
    name: str,
    folder: str,
    model_path: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache, "_warned", set())  # one warning a process and folder
    (tmp_path / "file").write_text("in the way")
    engine = create(name, model_path, cache_dir=tmp_path / folder, confidence=True)
    assert engine.info.name == "openvino"
    assert engine.infer(np.zeros((*engine.info.size, 3), np.uint8)).labels.shape == engine.info.size
    assert [line for line in caplog.messages if "cannot write the engine cache" in line and "every start" in line]
    engine.close()


def test_no_gpu_is_no_news(model_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    backend = engines.ENGINES["tensorrt"]._replace(packages=("enet_ros_no_such_package",))
    monkeypatch.setitem(engines.ENGINES, "tensorrt", backend)
    for gpu in (False, True):
        monkeypatch.setattr(engines, "has_nvidia_driver", lambda gpu=gpu: gpu)
        caplog.clear()
        with caplog.at_level(logging.INFO):
            create("auto", model_path).close()
        assert ("engine passed over: tensorrt" in caplog.text) == gpu


def test_auto_says_what_it_picked_and_passed_over(
    model_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    backend = engines.ENGINES["openvino"]._replace(packages=("enet_ros_no_such_package",))
    monkeypatch.setitem(engines.ENGINES, "openvino", backend)
    with caplog.at_level(logging.INFO):
        engine = create("auto", model_path)
    assert engine.info.name == "onnxruntime"
    assert "engine passed over: openvino: the openvino engine needs enet_ros_no_such_package" in caplog.text
    assert "engine onnxruntime: ONNX Runtime" in caplog.text


def test_auto_with_nothing_installed_says_how_to_get_it(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda package: None)
    with pytest.raises(EngineError, match=r"no inference engine works here:\n(.*\n)*.*pip install openvino"):
        create("auto", model_path)


@pytest.mark.parametrize("name", ["auto", "openvino", "onnxruntime"])
def test_no_torch_on_the_robot(name: str, model_path: Path, tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np; from enet_ros.engines import create;"
        f"e = create({name!r}, {str(model_path)!r}); e.infer(np.zeros((40, 56, 3), np.uint8), confidence=True);"
        "assert 'torch' not in sys.modules; print(e.info.name)"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
