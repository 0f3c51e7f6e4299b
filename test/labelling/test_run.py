from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from enet_ros.bags import BagReader, BagWriter
from enet_ros.bags.cameras import CLASSES_KEY
from enet_ros.bags.messages import camera_frame, compressed_cdr, from_cdr, label_image
from enet_ros.camera import CameraPose
from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID, VOID
from enet_ros.codec import compress
from enet_ros.engines.base import Engine
from enet_ros.errors import BagError, ConfigError
from enet_ros.frames.bag import from_labelled_bag
from enet_ros.labelling import BagOptions, LabelResult, OutputSettings, label
from enet_ros.labelling.outputs import KINDS
from enet_ros.messages import header_of
from enet_ros.products.free_space import find_free_space
from enet_ros.products.images import surface_image, surface_lut
from enet_ros.segmenter import Segmenter

MASK, OVERLAY = "/camera/segmentation/mask", "/camera/segmentation/overlay/compressed"
PNG = f"{MASK}/compressed"
FREE_SPACE, INFO = "/camera/segmentation/free_space", "/camera/segmentation/info"
IMAGE, CALIBRATION = "/camera/image_raw/compressed", "/camera/camera_info"


def messages(bag: Path) -> dict[str, list[tuple[int, bytes]]]:
    with BagReader(bag) as reader:
        assert reader.damage is None
        found: dict[str, list[tuple[int, bytes]]] = {topic.name: [] for topic in reader.topics}
        for message in reader.messages():
            found[message.topic].append((message.log_ns, message.data))
    return found


def test_answers_are_those_of_the_segmenter(
    street: Path, model: Path, card: ModelCard, engine: Engine, tmp_path: Path
) -> None:
    settings = OutputSettings(KINDS, pose=CameraPose(1.5, 0.04), full_overlay=True)
    result = label(street, tmp_path / "out", card, engine, settings, BagOptions(checkpoint=5))
    assert result == LabelResult(12, 0, (), ())
    before, after = messages(street), messages(tmp_path / "out")
    for topic, sent in before.items():
        assert after[topic] == sent
    assert {topic: len(after[topic]) for topic in after.keys() - before.keys()} == {
        MASK: 12,
        PNG: 12,
        OVERLAY: 12,
        FREE_SPACE: 12,
        INFO: 1,
    }
    segmenter = Segmenter(engine, card)
    for index, (log_ns, data) in enumerate(after[IMAGE]):
        frame = camera_frame("sensor_msgs/msg/CompressedImage", data)
        expected = segmenter.segment(frame.rgb).labels
        header, mask = label_image("sensor_msgs/msg/Image", after[MASK][index][1])
        np.testing.assert_array_equal(mask, expected)
        assert header == frame.header and after[MASK][index][0] == log_ns
        header, mask = label_image("sensor_msgs/msg/CompressedImage", after[PNG][index][1])
        np.testing.assert_array_equal(mask, expected)
        assert header == frame.header and after[PNG][index][0] == log_ns
        overlay = camera_frame("sensor_msgs/msg/CompressedImage", after[OVERLAY][index][1])
        assert overlay.header == frame.header and overlay.rgb.shape == frame.rgb.shape
        space = from_cdr("enet_ros/msg/FreeSpace", after[FREE_SPACE][index][1])
        surface = surface_image(expected, surface_lut(card.classes))
        np.testing.assert_array_equal(space.boundary_row, find_free_space(surface).boundary_row)
        assert header_of(space) == frame.header
        assert (space.height, space.width, space.column_step, space.base_frame) == (144, 192, 1, "base_link")
        assert len(space.range) == len(space.bearing) == 192
        near = space.range[np.isfinite(space.range)]
        assert near.size and near.min() > 1.5
    info = from_cdr("enet_ros/msg/SegmentationInfo", after[INFO][0][1])
    assert tuple(info.class_names) == card.classes.names
    assert (info.model, info.engine, info.network_height) == ("camvid", "onnxruntime", 72)


def test_caution_voids_what_is_drivable_but_unsure(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path
) -> None:
    everywhere = replace(card.classes, drivable=frozenset({"building", "road", "tree"}))
    card = card.with_(classes=everywhere)
    drivable = everywhere.membership(everywhere.drivable) > 0

    def masks(caution: float) -> np.ndarray:
        out = tmp_path / f"out{caution}"
        label(street, out, card, engine, OutputSettings(kinds=("mask",), caution=caution))
        return np.array([label_image("sensor_msgs/msg/Image", data)[1] for _, data in messages(out)[MASK]])

    plain, cautious = masks(0.0), masks(0.6)
    changed = plain != cautious
    assert changed.any() and drivable[plain[changed]].all() and (cautious[changed] == VOID).all()
    assert (drivable[plain] & ~changed).any()


def test_without_a_pose_free_space_has_rows_alone(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path
) -> None:
    label(
        street,
        tmp_path / "out",
        card,
        engine,
        OutputSettings(("free_space", "overlay/compressed")),
        BagOptions(storage="sqlite3"),
    )
    after = messages(tmp_path / "out")
    assert MASK not in after and PNG not in after
    space = from_cdr("enet_ros/msg/FreeSpace", after[FREE_SPACE][0][1])
    assert len(space.boundary_row) == 192
    assert (len(space.range), len(space.bearing), space.base_frame) == (0, 0, "")
    small = camera_frame("sensor_msgs/msg/CompressedImage", after[OVERLAY][0][1])
    assert small.rgb.shape == (72, 96, 3)  # the network's size, unless asked otherwise


def test_a_pose_that_cannot_serve_is_told(street: Path, card: ModelCard, engine: Engine, tmp_path: Path) -> None:
    up = OutputSettings(("free_space",), pose=CameraPose(1.5, pitch_rad=-1.2))
    (note,) = label(street, tmp_path / "up", card, engine, up).notes
    assert re.match(rf"{IMAGE}, \d+ frames: free space is in rows alone: .*horizon below the image", note)
    level = OutputSettings(("free_space",), pose=CameraPose(1.5))
    with BagReader(street) as reader, BagWriter(tmp_path / "bare") as bare:
        bare.add_topic(IMAGE, "sensor_msgs/msg/CompressedImage")
        for message in reader.messages((IMAGE,)):
            bare.write(IMAGE, message.log_ns, message.data)
    result = label(tmp_path / "bare", tmp_path / "none", card, engine, level)
    assert "publish camera_info beside the image" in result.notes[0]


def test_a_calibration_of_another_image_gives_no_metres(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path
) -> None:
    """The camera's driver crops the image and goes on sending the CameraInfo of the whole."""
    with BagReader(street) as reader, BagWriter(tmp_path / "cropped") as cropped:
        for topic in (IMAGE, CALIBRATION):
            cropped.add_topic(topic, "sensor_msgs/msg/" + ("CompressedImage" if topic == IMAGE else "CameraInfo"))
        for message in reader.messages((IMAGE, CALIBRATION)):
            data = message.data
            if message.topic == IMAGE:
                frame = camera_frame(message.type, message.data)
                data = compressed_cdr(frame.header, compress(frame.rgb[: len(frame.rgb) // 2], "png", 0), "png")
            cropped.write(message.topic, message.log_ns, data)
    settings = OutputSettings(("free_space",), pose=CameraPose(1.5))
    (note,) = label(tmp_path / "cropped", tmp_path / "out", card, engine, settings).notes
    assert "camera_info is of 192 x 144 pixels, the image has 192 x 72" in note
    for _, data in messages(tmp_path / "out")[FREE_SPACE]:
        assert len(from_cdr("enet_ros/msg/FreeSpace", data).range) == 0


def test_info_is_latched_for_those_who_come_late(street: Path, card: ModelCard, engine: Engine, tmp_path: Path) -> None:
    label(street, tmp_path / "out", card, engine, OutputSettings(("mask",)))
    with BagReader(tmp_path / "out") as reader:
        (qos,) = reader.topic(INFO).connection.ext.offered_qos_profiles  # type: ignore[union-attr]
    assert (qos.durability.name, qos.reliability.name, qos.depth) == ("TRANSIENT_LOCAL", "RELIABLE", 1)


def with_broken_frame(street: Path, out: Path, number: int) -> Path:
    """A copy of a bag in which one JPEG or PNG is cut short."""
    with BagReader(street) as reader, BagWriter(out) as bag:
        for topic in reader.topics:
            bag.add_topic(topic.name, topic.type, topic.connection)
        for message in reader.messages():
            data = bytearray(message.data)
            if message.topic == IMAGE and message.number == number:
                begin = data.index(b"IDAT")
                data[begin : begin + 400] = bytes(400)
            bag.write(message.topic, message.log_ns, bytes(data))
    return out


def test_a_frame_that_cannot_be_decoded_is_copied_and_reported(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path
) -> None:
    source = with_broken_frame(street, tmp_path / "in", 4)
    result = label(source, tmp_path / "out", card, engine, OutputSettings(("mask",)))
    assert result.frames == 11
    (problem,) = result.problems
    assert problem.startswith(f"message 4 of {IMAGE}: ")
    after = messages(tmp_path / "out")
    assert (len(after[IMAGE]), len(after[MASK])) == (12, 11)
    assert after[IMAGE][4][0] not in [log_ns for log_ns, _ in after[MASK]]


def test_a_damaged_bag_is_labelled_up_to_there(street: Path, card: ModelCard, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "cut.mcap"
    data = (street / "street.mcap").read_bytes()
    file.write_bytes(data[: len(data) * 8 // 10])
    with pytest.raises(BagError, match=r"cut.mcap is damaged at message \d+.*out is labelled up to there"):
        label(file, tmp_path / "out", card, engine, OutputSettings(("mask",)))
    after = messages(tmp_path / "out")
    assert 0 < len(after[MASK]) == len(after[IMAGE]) < 12


def test_what_cannot_be_done_is_said(street: Path, card: ModelCard, engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="no output 'depth'; use some of mask/compressed, overlay/compressed, free_space, mask"
    ):
        OutputSettings(("depth",))
    with pytest.raises(BagError, match="has no topic '/x'"):
        label(street, tmp_path / "out", card, engine, OutputSettings(), BagOptions(topics=("/x",)))
    assert not list(tmp_path.iterdir())


def test_a_bag_of_humble_does_not_define_its_types(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path
) -> None:
    """SQLite schema 3: standard types are known all the same, of others all are named at once."""
    label(street, tmp_path / "in", card, engine, OutputSettings(("mask",)), BagOptions(storage="sqlite3"))
    file = tmp_path / "in/in_0.db3"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("DROP TABLE message_definitions")
        database.execute("ALTER TABLE topics DROP COLUMN type_description_hash")
        database.execute("UPDATE schema SET schema_version = 3")
        for name in (MASK, INFO):
            database.execute("UPDATE topics SET type = 'acme_msgs/msg/Thing' WHERE name = ?", (name,))
    with pytest.raises(BagError, match=rf"packages define {INFO} \[acme.*, {MASK} .*: use --exclude {INFO} {MASK}$"):
        label(file, tmp_path / "out", card, engine, OutputSettings(("mask",)))
    result = label(file, tmp_path / "out", card, engine, OutputSettings(("mask",)), BagOptions(exclude=(MASK, INFO)))
    assert result.frames == 12
    assert messages(tmp_path / "out")[IMAGE] == messages(street)[IMAGE]


UNDISTURBED = "import sys; from enet_ros.cli import main; sys.exit(main())"
SIGNALLED_IN_A_SEGMENT = """
import os, signal, sys, threading
from enet_ros.bags.segments import Segment
from enet_ros.cli import main

how, write, written = int(sys.argv.pop()), Segment.write, 0
taken = threading.Event()

def interrupt(*_):
    taken.set()
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)  # also where the suite was started in a shell's background, which ignores it

def signal_and_write(*message):
    global written
    written += 1
    if written == 30:  # of 49: six frames lie in three finished segments, and the fourth has begun
        os.kill(os.getpid(), how)
        taken.wait(60)  # whichever thread writes: the main one takes signals, when it runs next
    write(*message)

Segment.write = signal_and_write
sys.exit(main())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_is_gone_on_with(street: Path, tmp_path: Path, how: signal.Signals) -> None:
    """The signal comes in the middle of a segment; the second run does the rest, and the bag is that of one run."""
    options = ["--outputs", "mask", "--engine", "onnxruntime", "--threads", "1", "--checkpoint", "2"]

    def run(program: str, out: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, "label", str(street), str(tmp_path / out), *options, *more]
        return subprocess.run(command, capture_output=True, text=True)

    killed = run(SIGNALLED_IN_A_SEGMENT, "out", str(int(how)))
    if how == signal.SIGINT:
        assert killed.returncode == 130
        assert killed.stderr.endswith(
            f"enet_ros: interrupted; run the same command again to resume from {tmp_path / 'out.part'}\n"
        )
    else:
        assert killed.returncode == -how
    assert not (tmp_path / "out").exists()
    again = run(UNDISTURBED, "out")
    assert again.returncode == 0 and "after 18 messages of an earlier run" in again.stderr
    assert run(UNDISTURBED, "once").returncode == 0
    assert messages(tmp_path / "out") == messages(tmp_path / "once")
    assert not (tmp_path / "out.part").exists()


def test_masks_of_other_cameras_are_left_alone(street: Path, card: ModelCard, engine: Engine, tmp_path: Path) -> None:
    """Labelling a labelled bag again answers the camera alone, under names that are taken: an error, not a mixture."""
    label(street, tmp_path / "once", card, engine, OutputSettings(("mask",)))
    with pytest.raises(BagError, match="topic /camera/segmentation/mask is in the bag already"):
        label(tmp_path / "once", tmp_path / "twice", card, engine, OutputSettings(("mask",)))
    result = label(
        tmp_path / "once",
        tmp_path / "twice",
        card,
        engine,
        OutputSettings(("mask",)),
        BagOptions(exclude=(MASK, INFO)),
        overwrite=True,
    )
    assert result.frames == 12


def test_what_was_labelled_is_a_truth_of_its_own(street: Path, card: ModelCard, engine: Engine, tmp_path: Path) -> None:
    """The copy knows what its ground truth means, and the masks say by their info what their ids do."""
    label(street, tmp_path / "out", card, engine, OutputSettings(("mask/compressed",)), BagOptions(checkpoint=5))
    (of_street, of_copy) = (list(from_labelled_bag(bag)) for bag in (street, tmp_path / "out"))
    for before, after in zip(of_street, of_copy, strict=True):
        np.testing.assert_array_equal(before.truth, after.truth)
    masks = from_labelled_bag(tmp_path / "out", truth_topic=PNG)
    assert masks.table == CAMVID and masks.total == 12
    segmenter = Segmenter(engine, card)
    for frame in masks:
        np.testing.assert_array_equal(frame.truth, segmenter.segment(frame.rgb).labels)
    with BagReader(tmp_path / "out") as reader, BagWriter(tmp_path / "no_info") as bare:
        bare.set_custom_data(CLASSES_KEY, reader.custom_data[CLASSES_KEY])
        for name in (PNG, IMAGE):
            bare.add_topic(name, "sensor_msgs/msg/CompressedImage")
        for message in reader.messages((PNG, IMAGE)):
            bare.write(message.topic, message.log_ns, message.data)
    with pytest.raises(ConfigError, match="does not say what its ground truth means"):
        from_labelled_bag(tmp_path / "no_info", truth_topic=PNG)
