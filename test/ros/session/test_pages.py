"""What a report keeps of a node's run, over real DDS, and the page made of it."""

from __future__ import annotations

import math
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not importable: source ROS 2, or use ./run test")
pytest.importorskip("enet_ros.msg", reason="enet_ros/msg is not built: colcon build, or use ./run test")

import rclpy
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import Header

from enet_ros.bags.cameras import find_image, find_truth
from enet_ros.bags.create import BagLayout, create
from enet_ros.bags.messages import image_cdr
from enet_ros.bags.reader import BagReader
from enet_ros.classes import CAMVID
from enet_ros.errors import ConfigError
from enet_ros.frames import Frame, Source
from enet_ros.messages import Header as Stamped
from enet_ros.msg import FreeSpace, Latency
from enet_ros.report import EvenSample, RunPage, Still, run_page
from enet_ros.ros.session import demo
from enet_ros.ros.session.live import LiveRun, Masks, judge, live_page
from enet_ros.ros.session.record import STAGES, RunRecord, Sent
from enet_ros.ros.session.session import Picture, Session

NS = 1_000_000_000
FRAMES = 5


def header(number: int) -> Header:
    made = Header()
    made.stamp.sec = 100 + number
    return made


def stamp_ns(number: int) -> int:
    return (100 + number) * NS


def latency(number: int) -> Latency:
    stages = {f"{stage}_ms": float(index + number) for index, stage in enumerate(STAGES)}
    return Latency(header=header(number), **{**stages, "transport_ms": math.nan})


def free_space(number: int, columns: int = 192) -> FreeSpace:
    bearing = np.linspace(0.5, -0.5, columns, dtype=np.float32)
    reach = np.full(columns, 10.0 + number, np.float32)
    hidden = slice(0, 10) if number % 2 else slice(20, 30)
    bearing[hidden] = reach[hidden] = np.nan
    return FreeSpace(header=header(number), range=reach.tolist(), bearing=bearing.tolist())


@pytest.fixture
def record(ros) -> RunRecord:
    """A record that has heard five frames, the fourth without its latency, the fifth without metres."""
    listener, speaker = rclpy.create_node("listener"), rclpy.create_node("speaker")
    executor = SingleThreadedExecutor()
    executor.add_node(listener)
    topics = ("latency", "free_space")
    made = Session(listener, "/cam/segmentation", topics, "best_effort", threading.Event()).record
    latencies = speaker.create_publisher(Latency, "/cam/segmentation/latency", 10)
    spaces = speaker.create_publisher(FreeSpace, "/cam/segmentation/free_space", 10)
    deadline = time.monotonic() + 20
    while latencies.get_subscription_count() == 0 or spaces.get_subscription_count() == 0:
        assert time.monotonic() < deadline, "the record does not subscribe"
        time.sleep(0.01)
    for number in range(FRAMES):
        if number != 3:
            latencies.publish(latency(number))
        spaces.publish(free_space(number) if number != 4 else FreeSpace(header=header(4)))
    stamps, seconds = [stamp_ns(n) for n in range(FRAMES)], np.arange(float(FRAMES))

    def heard() -> bool:
        space = made.free_space(stamps, seconds)
        known = made.latency(stamps, seconds, seconds).stage_ms[:, 1]
        return space is not None and bool(
            np.isfinite(known[[0, 1, 2, 4]]).all() and np.isfinite(space.range_m[3]).any()
        )

    while not heard():
        assert time.monotonic() < deadline, "the messages do not arrive"
        executor.spin_once(timeout_sec=0.05)
    executor.shutdown()
    listener.destroy_node()
    speaker.destroy_node()
    return made


def test_stages_are_found_by_stamp(record) -> None:
    stamps = [stamp_ns(n) for n in (2, 3, 0)]
    series = record.latency(stamps, np.arange(3.0), np.array([50.0, 60.0, 70.0]))
    assert series.stages == STAGES and series.total_ms.tolist() == [50, 60, 70]
    assert series.stage_ms[0, 1:].tolist() == [3, 4, 5, 6, 7, 8] and np.isnan(series.stage_ms[0, 0])
    assert np.isnan(series.stage_ms[1]).all(), "no account arrived for this frame"
    assert record.latency([], np.zeros(0), np.zeros(0)).stage_ms.shape == (0, len(STAGES))


def test_free_space_keeps_directions_that_one_frame_hides(record) -> None:
    series = record.free_space([stamp_ns(n) for n in range(FRAMES)], np.arange(float(FRAMES)))
    assert series is not None and len(series.bearing_rad) == 96
    assert series.bearing_rad[0] == pytest.approx(0.5) and (np.diff(series.bearing_rad) < 0).all()
    assert series.ahead_m()[:4].tolist() == [10, 11, 12, 13] and np.isnan(series.ahead_m()[4])
    assert np.isnan(series.range_m[1, :5]).all() and np.isfinite(series.range_m[0, :5]).all()


def test_without_metres_there_is_no_free_space() -> None:
    assert RunRecord().free_space([1, 2], np.arange(2.0)) is None


INFO = SimpleNamespace(
    model_number=1, model="camvid", model_digest="abc", model_license="CC & co", engine="onnxruntime",
    runtime="ONNX Runtime", device="CPU", precision="fp32", precision_reason="", network_width=32, network_height=24,
    class_table="camvid", class_names=CAMVID.names,
)  # fmt: skip
SENT = {stamp_ns(n): Sent(f"p{n}", 1_000_000_000 + n * NS) for n in range(FRAMES)}


@pytest.fixture
def live_run(tmp_path, record):
    """A bag of five frames of which the node answered three, one of them wholly wrong."""
    rng = np.random.default_rng(0)
    truth = np.resize(np.uint8([0, 1, 3, 3, 8]), (24, 32))
    frames = [Frame(str(n), stamp_ns(n), rng.integers(0, 256, (24, 32, 3)).astype(np.uint8), truth) for n in range(5)]
    source = Source("noise", "noise", len(frames), 1.0, lambda: iter([lambda f=f: f for f in frames]), CAMVID)
    create(tmp_path / "bag", source, BagLayout())
    masks = Masks()
    for number in (0, 1, 2):
        labels = truth if number != 2 else np.full_like(truth, 6)
        cdr = bytes(image_cdr(Stamped(stamp_ns(number), "camera"), labels, "mono8"))
        masks.add(Picture("mask", stamp_ns(number), 1_000_000_000 + number * NS + 40_000_000, cdr))
    with BagReader(tmp_path / "bag") as reader:
        topic = find_truth(reader)
        record.info, record.sent = INFO, SENT
        yield LiveRun(reader, find_image(reader, topic), topic, CAMVID.names, masks, record)
    masks.close()


def test_the_page_of_a_node_under_test(live_run) -> None:
    page = live_page(live_run, judge(live_run))
    assert page.latency is not None and page.latency.total_ms == pytest.approx([40.0, 40.0, 40.0])
    assert page.latency.time_s.tolist() == [0, 1, 2]
    assert page.rate is not None and page.rate.offered.tolist() == [1] * 5
    assert page.rate.answered.tolist() == [1, 1, 1, 0, 0]
    assert page.scores is not None and len(page.scores.frames) == 3
    assert page.scores.confusion.pixel_accuracy() == pytest.approx(2 / 3)
    assert [still.caption for still in page.stills] == ["0.00 s", "1.00 s", "2.00 s"]
    assert page.free_space is not None and page.free_space.range_m.shape[0] == 3
    run_page(page)


def test_a_run_whose_classes_changed_is_not_judged(live_run) -> None:
    live_run.record.add_info(exchanged("yard", class_names=["a", "b"]))
    with pytest.raises(ConfigError, match=r"of other classes \(camvid \(abc, .*\) by yard \(.*\), after 5 images\)"):
        judge(live_run)


def exchanged(name: str, **other: object) -> SimpleNamespace:
    """What ~/info says of the network that took the place of INFO's."""
    return SimpleNamespace(**{**vars(INFO), "model_number": 2, "model": name, "model_digest": "def", **other})


def test_figures_of_two_networks_name_both(live_run) -> None:
    live_run.record.add_info(SimpleNamespace(**{**vars(INFO), "mask_groups": ["road"]}))
    assert judge(live_run).exchanges == ()
    live_run.record.add_info(exchanged("town", precision="bf16"))
    scores = judge(live_run)
    told = "camvid (abc, onnxruntime fp32) by town (def, onnxruntime bf16), after 5 images"
    assert scores.to_dict()["exchanges"] == [told]
    assert f"exchanged {told}: the figures are of both" in scores.text()
    page = live_page(live_run, scores)
    assert page.title == "camvid, then town on bag"
    assert [value for name, value in page.facts if name in ("digest", "exchanged")] == ["abc", "def", told]
    summary = demo.summary(live_run.record, 3)
    assert (summary["model"], summary["exchanges"]) == ("camvid, then town", [told])


def test_the_ground_truth_is_scored_once(live_run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a page, too: no truth is decoded again for it, and no camera image but those it shows."""
    read: list[str] = []
    messages = BagReader.messages
    monkeypatch.setattr(BagReader, "messages", lambda self, topics: read.extend(topics) or messages(self, topics))
    live_page(live_run, judge(live_run))
    assert read == [live_run.truth.name, live_run.image.name]


def test_a_node_that_answers_nothing_still_gets_a_page(live_run) -> None:
    silent = live_run._replace(masks=Masks())
    page = live_page(silent, judge(silent))
    assert page.stills == () and page.scores is None and page.free_space is None
    html = run_page(page)
    assert 'data-figure="rate"' in html and "0.0<small>%</small>" in html


def test_a_bag_without_ground_truth_gets_pictures_and_no_scores(live_run) -> None:
    unlabelled = live_run._replace(truth=None)
    page = live_page(unlabelled, judge(unlabelled))
    assert page.scores is None and [still.truth for still in page.stills] == [None] * 3


def demo_page(sent: dict[int, Sent], record: RunRecord, overlays: int) -> RunPage:
    """As the demo makes it, after `overlays` answers."""
    record.info, record.sent = INFO, sent
    sample: EvenSample[tuple[int, Still]] = EvenSample(15)
    for number in range(overlays):
        assert sample.wants()
        picture = np.full((24, 32, 3), 50 * number, np.uint8)
        sample.add((stamp_ns(number), Still(f"p{number}", "", picture, np.full((24, 32), 255, np.uint8))))
    return demo.page_of(record, sample.entries, "street <1>", "1.3 m <above>")


def test_the_page_of_the_demo() -> None:
    record = RunRecord()
    for number in range(3):
        record.add_latency(latency(number))
        record.add_free_space(free_space(number))
    page = demo_page({stamp: SENT[stamp] for stamp in list(SENT)[:4]}, record, 3)
    assert page.rate is not None and page.rate.answered.tolist() == [1, 1, 1, 0]
    assert page.latency is not None and page.latency.stage_ms[1, 1:].tolist() == [2, 3, 4, 5, 6, 7]
    assert [still.caption for still in page.stills] == ["p0, 0.00 s", "p1, 1.00 s", "p2, 2.00 s"]
    assert page.free_space is not None and page.free_space.ahead_m().tolist() == [10, 11, 12]
    html = run_page(page)
    assert "camvid on street &lt;1&gt;" in html and 'data-figure="filmstrip"' in html and "CC &amp; co" in html
    assert "1.3 m &lt;above&gt;" in html


def test_the_page_of_a_demo_without_answers() -> None:
    page = demo_page({1: Sent("a", 1)}, RunRecord(), 0)
    assert 'data-figure="rate"' in run_page(page) and page.stills == () and page.free_space is None
    assert "data-figure" not in run_page(demo_page({}, RunRecord(), 0))


def test_classes_of_its_own_keep_the_node_s_colours() -> None:
    info = SimpleNamespace(class_table="yard", class_names=["a", "b"], class_colors=[1, 2, 3, 4, 5, 6], drivable=[1])
    record = RunRecord()
    record.add_info(info)
    table = record.class_table(("b", "a"))
    assert table.colors == ((4, 5, 6), (1, 2, 3)) and table.drivable == {"b"} and table.name == "yard"
