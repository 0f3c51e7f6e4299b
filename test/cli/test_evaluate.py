"""`enet_ros evaluate` with a small network of random weights, on real files, through a real engine."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from enet_ros import model_file
from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID, VOID
from enet_ros.cli import evaluate, main
from enet_ros.datasets import corruptions
from enet_ros.report import page
from enet_ros.spec import ENetSpec

torch = pytest.importorskip("torch", reason="torch is not installed: ./run test installs it")

SIZE_HW = (32, 48)
FRAMES = 3


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    from enet_ros import nn

    torch.manual_seed(3)
    network = nn.ENet(ENetSpec(11)).eval()
    with torch.no_grad():  # random statistics, and outputs that take turns, as those of a trained network do
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
        logits = network(torch.rand(1, 3, *SIZE_HW))[0].flatten(1)
        last = list(network.parameters())[-1]
        last -= logits.mean(1)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    model_file.save(path, ModelCard("tiny", ENetSpec(11), CAMVID, SIZE_HW), nn.tensors_of(network))
    return path


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """Images and labels with frame numbers as CamVid's; label 11 is void."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(1)
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for index in range(FRAMES):
        name = f"0016E5_{8001 + 2 * index:05d}.png"
        blocks = rng.integers(0, 256, (8, 12, 3)).astype(np.uint8)
        image = cv2.resize(blocks, SIZE_HW[::-1], interpolation=cv2.INTER_CUBIC)
        labels = np.kron(rng.integers(0, 12, (8, 12)), np.ones((4, 4), int)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "images" / name), image)
        cv2.imwrite(str(tmp_path / "labels" / name), labels)
    return tmp_path


def scores_of(model: Path, data: Path, *options: str, engine: str = "pytorch") -> dict:
    out = data / "scores.json"
    folders = () if "--bag" in options else ("--images", str(data / "images"), "--labels", str(data / "labels"))
    known = ("--classes", "camvid") if folders else ()
    argv = ["evaluate", "--model", str(model), *folders, *known, "--engine", engine, "--threads", "1"]
    assert main([*argv, "--json", str(out), *options]) == 0
    return json.loads(out.read_text())


def by_hand(model: Path, data: Path) -> tuple[np.ndarray, np.ndarray]:
    """(N, H, W) truth and prediction, by torch alone."""
    from enet_ros import nn

    network = nn.build(model_file.load(model))
    truth, predicted = [], []
    for path in sorted((data / "images").iterdir()):
        rgb = cv2.imread(str(path))[..., ::-1].astype(np.float32) / 255
        with torch.inference_mode():
            logits = network(torch.from_numpy(rgb.transpose(2, 0, 1)[None].copy()))
        predicted.append(logits[0].argmax(0).numpy())
        labels = cv2.imread(str(data / "labels" / path.name), cv2.IMREAD_UNCHANGED)
        truth.append(np.where(labels == 11, VOID, labels))
    return np.stack(truth), np.stack(predicted)


def test_figures_agree_with_brute_force(model, data, capsys) -> None:
    scores = scores_of(model, data)
    truth, predicted = by_hand(model, data)
    known = truth != VOID
    assert len(np.unique(predicted)) > 3, "the network must not say one thing everywhere"
    iou = {}
    for index, name in enumerate(CAMVID.names):
        t, p = (truth == index) & known, (predicted == index) & known
        iou[name] = (t & p).sum() / (t | p).sum() if (t | p).any() else None
    assert scores["iou"] == pytest.approx(iou, abs=2e-3)
    assert scores["miou"] == pytest.approx(np.mean([v for v in iou.values() if v is not None]), abs=1e-3)
    assert scores["pixel_accuracy"] == pytest.approx((truth == predicted)[known].mean(), abs=1e-3)
    recall = [(predicted == i)[truth == i].mean() for i in range(11) if (truth == i).any()]
    assert scores["class_accuracy"] == pytest.approx(np.mean(recall), abs=1e-3)
    assert 0 <= scores["ece"] <= 1
    assert scores["frames"] == FRAMES and scores["frames_per_s"] > 0 and scores["pixels"] == known.sum()
    out = capsys.readouterr().out
    assert "bicyclist" in out and f"{FRAMES} frames, pixel accuracy" in out


def test_corruption_size_and_frames_are_obeyed(model, data) -> None:
    plain, dark = scores_of(model, data), scores_of(model, data, "--corrupt", "night:2")
    assert plain["corruption"] is None and dark["corruption"] == "night:2"
    assert dark["pixel_accuracy"] != plain["pixel_accuracy"]
    short = scores_of(model, data, "--frames", "2", "--size", "64x40")
    assert short["frames"] == 2 and short["size"] == [40, 64] and short["pixels"] < plain["pixels"]


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_engines_agree(model, data, engine) -> None:
    pytest.importorskip(engine, reason=f"{engine} is not installed")
    scores, reference = scores_of(model, data, engine=engine), scores_of(model, data)
    assert scores["engine"] == engine
    assert scores["miou"] == pytest.approx(reference["miou"], abs=2e-3)
    assert scores["ece"] == pytest.approx(reference["ece"], abs=2e-3)


def test_caution_finds_less_of_what_is_drivable(model, data) -> None:
    card, tensors = model_file.load(model)
    everywhere = data / "everywhere.safetensors"
    model_file.save(
        everywhere, card.with_(classes=replace(card.classes, drivable=frozenset(card.classes.names))), tensors
    )
    accuracies = [scores_of(everywhere, data, "--caution", caution)["pixel_accuracy"] for caution in ("0", "0.12", "1")]
    assert accuracies[0] >= accuracies[1] >= accuracies[2] and accuracies[0] > accuracies[2]


def test_a_bag_scores_as_its_files_and_always_the_same(model, data) -> None:
    pytest.importorskip("rosbags", reason="rosbags is not installed")
    images, labels, bag = (str(data / name) for name in ("images", "labels", "bag"))
    assert main(["bag", "create", bag, "--images", images, "--labels", labels, "--classes", "camvid"]) == 0
    files = scores_of(model, data)
    once = scores_of(model, data, "--bag", bag)
    before = (data / "scores.json").read_bytes()
    scores_of(model, data, "--bag", bag)
    assert (data / "scores.json").read_bytes() == before
    assert "frames_per_s" not in once
    del files["frames_per_s"]
    assert once == files


def test_a_truth_without_its_image_is_told(model, data, capsys) -> None:
    messages = pytest.importorskip("enet_ros.bags.messages", reason="rosbags is not installed")
    from enet_ros.bags.writer import BagWriter

    image, road = np.zeros((*SIZE_HW, 3), np.uint8), np.full(SIZE_HW, 3, np.uint8)
    with BagWriter(data / "bag") as bag:
        bag.add_topic("/cam/image_raw", "sensor_msgs/msg/Image")
        bag.add_topic("/cam/ground_truth", "sensor_msgs/msg/Image")
        bag.write("/cam/image_raw", 10, messages.image_cdr(messages.Header(10, "cam"), image, "rgb8"))
        for stamp_ns in (10, 11):
            bag.write(
                "/cam/ground_truth", stamp_ns, messages.image_cdr(messages.Header(stamp_ns, "cam"), road, "mono8")
            )
    scores = scores_of(model, data, "--bag", str(data / "bag"), "--classes", "camvid")
    assert scores["frames"] == 1
    assert "1 of 2 ground truths have no image of their stamp" in capsys.readouterr().err


def test_report(model, data, capsys) -> None:
    scores_of(model, data, "--report", str(data / "out" / "report.html"))
    page = (data / "out" / "report.html").read_text(encoding="utf-8")
    assert "tiny on images" in page and "0016E5_08001" in page and 'data-figure="confusion"' in page
    assert "report.html" in capsys.readouterr().out


@pytest.fixture
def street_frames(monkeypatch) -> None:
    """The street at a quarter of its size, for speed."""
    monkeypatch.setattr(evaluate, "from_street", functools.partial(evaluate.from_street, width=240, height=180))


def test_the_street_judges_metres(data, capsys, street_frames) -> None:
    out = data / "street.json"
    assert main(["evaluate", "--street", "--frames", "2", "--json", str(out)]) == 0
    first = out.read_bytes()
    figures = json.loads(first)
    assert figures["frames"] == 2 and figures["cells"] > 10_000
    # a row of this image is four of the full one's
    assert 0 < figures["range_error_p95_20m"] < 0.08 and 0 < figures["range_error_p95_40m"] < 0.2
    assert 0.95 < figures["grid_agreement"] < 1
    assert "range error, 95th percentile, up to 20 m" in capsys.readouterr().out
    assert main(["evaluate", "--street", "--frames", "2", "--json", str(out)]) == 0
    assert out.read_bytes() == first


def test_the_street_judges_a_model_both_ways(model, data, street_frames) -> None:
    out = data / "street.json"
    options = ["--engine", "pytorch", "--frames", "2", "--json", str(out)]
    assert main(["evaluate", "--street", "--model", str(model), *options]) == 0
    figures = json.loads(out.read_text())
    assert figures["frames"] == 2 and 0 <= figures["miou"] < 0.5 and figures["ece"] is not None
    assert figures["grid_agreement"] < 0.9, "random weights cannot know the road"
    assert "range_error_p95_20m" in figures and "frames_per_s" not in figures


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "say what to score on"),
        (["--images", "images", "--bag", "bag"], "say what to score on"),
        (["--images", "images"], "--images needs --labels DIR and --classes"),
        (["--images", "images", "--labels", "labels", "--classes", "camvif"], "there are no classes 'camvif'"),
        (["--images", "images", "--labels", "labels", "--classes", "sunrgbd"], "are not those of the labels"),
        (["--images", "images", "--labels", "images", "--classes", "camvid"], "has colour"),
        (["--images", "labels", "--labels", "none", "--classes", "camvid"], "has no label"),
        (["--images", "images", "--labels", "labels", "--classes", "camvid", "--frames", "0"], "--frames is 0"),
        (
            ["--images", "images", "--labels", "labels", "--classes", "camvid", "--size", "big"],
            "--size big: write WIDTHxHEIGHT, such as 480x360",
        ),
        (["--bag", "none"], "none"),
        (["--street", "--bag", "bag"], "say what to score on"),
    ],
)
def test_wrong_input_is_explained(model, data, monkeypatch, capsys, options, message) -> None:
    monkeypatch.chdir(data)
    assert main(["evaluate", "--model", str(model), "--engine", "pytorch", *options]) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_exact_labels_want_a_model_for_pictures(capsys) -> None:
    assert main(["evaluate", "--street", "--report", "page.html"]) == 2
    assert "add --model" in capsys.readouterr().err


def test_without_what_a_report_needs_all_else_works(model, data, monkeypatch, capsys) -> None:
    monkeypatch.setattr(page, "find_spec", lambda name: None)
    assert scores_of(model, data)["frames"] == FRAMES
    images, labels = str(data / "images"), str(data / "labels")
    argv = ["evaluate", "--model", str(model), "--images", images, "--labels", labels, "--classes", "camvid"]
    assert main([*argv, "--report", str(data / "r.html")]) == 2
    assert "pip install matplotlib" in capsys.readouterr().err and not (data / "r.html").exists()


def test_matplotlib_and_jinja2_are_not_imported_before_a_report_is_made() -> None:
    code = "import sys, enet_ros.cli.evaluate, enet_ros.report.run; print({'matplotlib', 'jinja2'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout == b"set()\n"


def test_all_corruptions_make_a_table(model, data, capsys) -> None:
    scores = scores_of(model, data, "--corrupt", "all:1", "--frames", "1")
    assert set(scores["corruptions"]) == {f"{name}:1" for name in corruptions.NAMES}
    assert 0 <= scores["mean_corruption_error"] <= 1
    assert "kept drivable" in capsys.readouterr().out
    assert main(["evaluate", "--street", "--model", str(model), "--frames", "1", "--corrupt", "lens"]) == 2
    assert "metres" in capsys.readouterr().err


@pytest.fixture
def bolder(model, tmp_path) -> Path:
    """The same network, which calls more of everything road."""
    card, tensors = model_file.load(model)
    bias = np.array(tensors["last.bias"])
    bias[card.classes.index("road")] += 1.0
    path = tmp_path / "bold.safetensors"
    model_file.save(path, card.with_(name="bold"), {**tensors, "last.bias": bias})
    return path


def compare(data, *options: str) -> int:
    return main(["evaluate", "--images", str(data / "images"), "--engine", "pytorch", "--threads", "1", *options])


def test_two_models_side_by_side(model, bolder, data, capsys) -> None:
    known = ("--labels", str(data / "labels"), "--classes", "camvid")
    out, page = data / "c.json", data / "c.html"
    assert compare(data, "--compare", str(model), str(bolder), *known, "--json", str(out), "--report", str(page)) == 0
    found = json.loads(out.read_text())
    assert found["verdict"] in ("better", "worse", "cannot be told") and len(found["frames"]) == FRAMES
    alone = scores_of(bolder, data)
    assert found["figures"]["mean IoU"]["after"] == pytest.approx(alone["miou"], abs=1e-12)
    assert found["iou"]["road"]["after"] == pytest.approx(alone["iou"]["road"], abs=1e-12)
    html = page.read_text()
    assert "0016E5_08001" in html and "what changed" in html and found["reason"] in html
    assert found["verdict"] in capsys.readouterr().out


def test_settings_are_compared_without_labels(bolder, data, capsys) -> None:
    assert compare(data, "--compare", str(bolder), f"{bolder}@caution=1.0", "--json", str(data / "c.json")) == 0
    found = json.loads((data / "c.json").read_text())
    assert found["agreement"] < 1 and found["figures"] == {}
    assert found["verdict"] == "cannot be told" and "add --labels" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        (("A", "A"), "with itself"),
        (("A", "A@speed=3"), "there is no setting 'speed'"),
        (("A", "A@size=big"), "write WIDTHxHEIGHT"),
        (("A", "A@caution=much"), "caution is a probability"),
        (("A", "no_such_model"), "no_such_model"),
    ],
)
def test_wrong_sides_are_explained(model, data, capsys, sides, message) -> None:
    assert compare(data, "--compare", *(side.replace("A", str(model), 1) for side in sides)) == 2
    assert message in capsys.readouterr().err
