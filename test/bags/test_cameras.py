from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinition, MessageDefinitionFormat
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from enet_ros.bags import BagReader, BagWriter
from enet_ros.bags.cameras import (
    CLASSES_KEY,
    Calibrations,
    Camera,
    find_cameras,
    find_image,
    find_truth,
    has_truth,
    truth_classes,
)
from enet_ros.bags.messages import (
    CAMERA_INFO,
    COMPRESSED,
    IMAGE,
    SEGMENTATION_INFO,
    camera_info_cdr,
    compressed_cdr,
    image_cdr,
    is_todays,
    message_folder,
    to_cdr,
)
from enet_ros.camera import CameraIntrinsics
from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID, CITYSCAPES
from enet_ros.engines.base import EngineInfo
from enet_ros.errors import BagError
from enet_ros.messages import Header, compressed, segmentation_info
from enet_ros.spec import ENetSpec
from enet_ros.stamps import NS

RGB = image_cdr(Header(1, "cam"), np.zeros((4, 5, 3), np.uint8), "rgb8")
GREY = image_cdr(Header(1, "cam"), np.zeros((4, 5), np.uint8), "mono8")
DEPTH = image_cdr(Header(1, "cam"), np.zeros((4, 10), np.uint8), "16UC1")
PNG = to_cdr(Header(1, "cam"), compressed(np.zeros((4, 5), np.uint8), "png"))
JPEG = compressed_cdr(Header(1, "cam"), b"\xff\xd8", "jpeg")
DEPTH_PNG = compressed_cdr(Header(1, "cam"), b"x", "16UC1; compressedDepth png")


def bag(path: Path, topics: dict[str, tuple[str, memoryview | None]]) -> BagReader:
    with BagWriter(path) as writer:
        for name, (msgtype, cdr) in topics.items():
            writer.add_topic(name, msgtype)
            if cdr is not None:
                writer.write(name, 1, cdr)
    return BagReader(path)


def test_cameras_are_found_among_a_robots_topics(tmp_path: Path) -> None:
    topics = {
        "/front/image_raw": (IMAGE, RGB),
        "/front/image_raw/compressed": (COMPRESSED, JPEG),  # the same pictures
        "/front/camera_info": (CAMERA_INFO, None),
        "/front/ground_truth": (IMAGE, GREY),
        "/front/segmentation/mask": (IMAGE, GREY),
        "/front/eyes/mask/compressed": (COMPRESSED, PNG),
        "/front/eyes/masks/drivable": (IMAGE, GREY),
        "/front/eyes/color": (IMAGE, RGB),
        "/rear/image_mono": (IMAGE, GREY),
        "/right/color/image_raw": (IMAGE, RGB),  # as RealSense cameras name it
        "/rear/range": (IMAGE, DEPTH),
        "/rear/depth/image": (IMAGE, RGB),
        "/left/image/compressed": (COMPRESSED, JPEG),
        "/left/range/compressedDepth": (COMPRESSED, DEPTH_PNG),
        "/silent/image_raw": (IMAGE, None),
        "/imu": ("sensor_msgs/msg/Imu", None),
    }
    with bag(tmp_path / "bag", topics) as reader:
        assert find_cameras(reader) == [
            Camera("/front/image_raw", IMAGE, "/front/camera_info", "/front/segmentation"),
            Camera("/left/image/compressed", COMPRESSED, None, "/left/segmentation"),
            Camera("/rear/image_mono", IMAGE, None, "/rear/segmentation"),
            Camera("/right/color/image_raw", IMAGE, None, "/right/color/segmentation"),
        ]
        assert [c.topic for c in find_cameras(reader, ["/front/image_raw/compressed"])] == [
            "/front/image_raw/compressed"
        ]
        with pytest.raises(BagError, match="/imu is of type sensor_msgs/msg/Imu, not sensor_msgs/msg/Image"):
            find_cameras(reader, ["/imu"])


def test_two_cameras_of_one_namespace_do_not_share_an_output(tmp_path: Path) -> None:
    with bag(tmp_path / "bag", {"/cam/image_color": (IMAGE, RGB), "/cam/image_rect": (IMAGE, RGB)}) as reader:
        assert [c.output for c in find_cameras(reader)] == [
            "/cam/image_color/segmentation",
            "/cam/image_rect/segmentation",
        ]


def test_no_camera_says_what_there_is(tmp_path: Path) -> None:
    with (
        bag(tmp_path / "bag", {"/depth/image": (IMAGE, DEPTH)}) as reader,
        pytest.raises(BagError, match=r"has no camera topic; name one of its topics: /depth/image \[sensor_msgs"),
    ):
        find_cameras(reader)


def test_the_truth_and_the_image_beside_it(tmp_path: Path) -> None:
    topics = {
        "/front/ground_truth": (IMAGE, GREY),
        "/front/image_raw": (IMAGE, RGB),
        "/front/image_raw/compressed": (COMPRESSED, JPEG),
        "/front/depth": (IMAGE, DEPTH),
        "/front/segmentation/mask/compressed": (COMPRESSED, PNG),
        "/front/segmentation/overlay/compressed": (COMPRESSED, JPEG),
        "/rear/image_raw": (IMAGE, RGB),
        "/imu": ("sensor_msgs/msg/Imu", None),
    }
    with bag(tmp_path / "bag", topics) as reader:
        truth = find_truth(reader)
        assert has_truth(reader) and truth.name == "/front/ground_truth"
        assert find_image(reader, truth).name == "/front/image_raw"
        mask = find_truth(reader, "/front/segmentation/mask/compressed")
        assert find_image(reader, mask).name == "/front/image_raw"
        assert find_image(reader, truth, "/front/image_raw/compressed").type == COMPRESSED
        with pytest.raises(BagError, match=r"no single image topic: choose one by --image-topic \(/front/d"):
            find_image(reader, None)
        with pytest.raises(BagError, match="/imu is of type sensor_msgs/msg/Imu, not sensor_msgs/msg/Image or .*"):
            find_truth(reader, "/imu")


def test_an_image_elsewhere_than_its_truth_is_found_where_it_is_the_only_one(tmp_path: Path) -> None:
    topics = {"/labels/ground_truth": (IMAGE, GREY), "/front/image/compressed": (COMPRESSED, JPEG)}
    with bag(tmp_path / "bag", topics) as reader:
        assert find_image(reader, find_truth(reader)).name == "/front/image/compressed"


def test_a_compressed_truth_is_one_unless_it_is_there_raw_too(tmp_path: Path) -> None:
    png = {"/front/ground_truth/compressed": (COMPRESSED, PNG), "/front/image_raw": (IMAGE, RGB)}
    with bag(tmp_path / "png", png) as reader:
        assert find_truth(reader).name == "/front/ground_truth/compressed"
    with bag(tmp_path / "both", {**png, "/front/ground_truth": (IMAGE, GREY)}) as reader:
        assert find_truth(reader).name == "/front/ground_truth"


def test_no_truth_and_several(tmp_path: Path) -> None:
    with bag(tmp_path / "none", {"/front/image_raw": (IMAGE, RGB)}) as reader:
        assert not has_truth(reader) and find_image(reader, None).name == "/front/image_raw"
        with pytest.raises(BagError, match=r"has 0 topics named ground_truth: choose .* \(/front/image_raw\)"):
            find_truth(reader)
    two = {"/front/ground_truth": (IMAGE, GREY), "/rear/ground_truth": (IMAGE, GREY)}
    with bag(tmp_path / "two", two) as reader, pytest.raises(BagError, match="has 2 topics named ground_truth"):
        find_truth(reader)


def test_the_calibration_that_holds_at_a_time(tmp_path: Path) -> None:
    """The last readable CameraInfo before it, however long ago; before all of them the first."""
    camera = Camera("/c/image_raw", IMAGE, "/c/camera_info", "/c/segmentation")
    sent = {2: 0.5, 3: 0.6, 100: None, 101: 0.7}
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic(camera.topic, IMAGE)
        bag.add_topic("/c/camera_info", CAMERA_INFO)
        bag.write(camera.topic, NS, image_cdr(Header(1, "c"), np.zeros((4, 5, 3), np.uint8), "rgb8"))
        for second, fov in sent.items():
            cdr = camera_info_cdr(Header(1, "c"), CameraIntrinsics.from_fov(5, 4, fov or 1.0))
            bag.write("/c/camera_info", second * NS, cdr if fov else cdr[:30])
    with BagReader(tmp_path / "bag") as reader:
        for second, fov in {1: 0.5, 3: 0.5, 4: 0.6, 50: 0.6, 101: 0.6, 102: 0.7}.items():
            lens = Calibrations(reader, [camera], second * NS).of(camera)
            assert lens is not None
            np.testing.assert_array_equal(lens.k, CameraIntrinsics.from_fov(5, 4, fov).k)


def test_masks_whose_classes_change_within_the_bag_are_refused(tmp_path: Path) -> None:
    """Each exchange of models is told by an info; one of the same classes changes nothing."""
    engine = EngineInfo("openvino", "OpenVINO", "CPU", "fp32", (24, 32))
    for name, tables in {"same": (CAMVID, CAMVID), "changed": (CAMVID, CAMVID, CITYSCAPES)}.items():
        with BagWriter(tmp_path / name) as writer:
            writer.add_topic("/c/mask", IMAGE)
            writer.add_topic("/c/info", SEGMENTATION_INFO)
            for number, table in enumerate(tables):
                card = ModelCard("m", ENetSpec(num_classes=table.num_classes), table, (24, 32))
                writer.write("/c/info", number * NS, to_cdr(Header(1, ""), segmentation_info(card, engine)))
                writer.write("/c/mask", number * NS, GREY)
    with BagReader(tmp_path / "same") as reader:
        assert truth_classes(reader, reader.topic("/c/mask")) == CAMVID.names
    with BagReader(tmp_path / "changed") as reader, pytest.raises(BagError, match=r"/c/mask mean .* after 2\.0 s"):
        truth_classes(reader, reader.topic("/c/mask"))


BEFORE_EXCHANGES = ("uint32 model_number", "string precision_reason")
"""Lines that SegmentationInfo.msg has had since models can be exchanged."""


def earlier_bag(path: Path, storage: str = "mcap", moved: bool = False) -> Path:
    """Masks whose info is of the definition before BEFORE_EXCHANGES, or with its names moved to the end."""
    lines = (message_folder() / "SegmentationInfo.msg").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(BEFORE_EXCHANGES)]
    assert len(lines) - len(kept) == 2
    if moved:
        names = next(line for line in lines if line.startswith("string[] class_names"))
        kept = [line for line in lines if line != names] + [names]
    store = get_typestore(Stores.ROS2_HUMBLE)
    store.register(get_types_from_msg("\n".join(kept), SEGMENTATION_INFO))
    definition, _ = store.generate_msgdef(SEGMENTATION_INFO, ros_version=2)
    time = store.types["builtin_interfaces/msg/Time"](1, 0)
    values = {
        "header": store.types["std_msgs/msg/Header"](time, ""),
        "class_names": list(CAMVID.names),
        "class_colors": np.zeros(3, np.uint8),
        "drivable": np.zeros(1, np.uint8),
        "mask_groups": ["drivable"],
        "model_number": 0,
        "network_height": 24,
        "network_width": 32,
    }
    kind = store.types[SEGMENTATION_INFO]
    fields = [name for name, _ in store.fielddefs[SEGMENTATION_INFO][1]]
    info = kind(**{name: values.get(name, "a text") for name in fields})
    digest = store.hash_rihs01(SEGMENTATION_INFO)
    return defined_bag(path, definition, store.serialize_cdr(info, SEGMENTATION_INFO), digest, storage)


def defined_bag(path: Path, definition: str, info: bytes, digest: str = "RIHS01_0", storage: str = "mcap") -> Path:
    """Masks whose info is defined by the bag."""
    like = Connection(
        0, "", SEGMENTATION_INFO, MessageDefinition(MessageDefinitionFormat.MSG, definition),
        digest, 0, ConnectionExtRosbag2("cdr", []), None,
    )  # fmt: skip
    with BagWriter(path, storage=storage) as writer:
        writer.add_topic("/c/mask", IMAGE)
        writer.add_topic("/c/info", SEGMENTATION_INFO, like)
        writer.write("/c/mask", NS, GREY)
        writer.write("/c/info", NS, info)
    return path


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_an_earlier_info_is_read_by_the_definition_of_its_bag(tmp_path: Path, storage: str, moved: bool) -> None:
    with BagReader(earlier_bag(tmp_path / "bag", storage, moved)) as reader:
        assert truth_classes(reader, reader.topic("/c/mask")) == CAMVID.names
        assert [is_todays(topic.connection, []) for topic in reader.topics] == [False, True]


@pytest.mark.parametrize("digest", [True, False])
def test_an_earlier_info_without_its_definition_is_refused(tmp_path: Path, digest: bool) -> None:
    """As SQLite bags before Iron have none, not even the digest."""
    file = undefined(earlier_bag(tmp_path / "bag", "sqlite3"), digest)
    with BagReader(file) as reader, pytest.raises(BagError, match="another definition of enet_ros/msg/Segment"):
        truth_classes(reader, reader.topic("/c/mask"))
    with BagReader(file) as reader:
        topic = reader.topic("/c/info")
        assert not is_todays(topic.connection, [message.data for message in reader.messages((topic.name,))])


def undefined(bag: Path, digest: bool = False) -> Path:
    """The .db3 file of a bag, without definitions, and without digests either unless they are to stay."""
    (file,) = bag.glob("*.db3")
    (bag / "metadata.yaml").unlink()
    with closing(sqlite3.connect(file)) as base:
        base.execute("DELETE FROM message_definitions")
        if not digest:
            base.execute("UPDATE topics SET type_description_hash = ''")
        base.commit()
    return file


def test_todays_info_without_its_definition_is_read(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag", storage="sqlite3") as writer:
        writer.add_topic("/c/mask", IMAGE)
        writer.add_topic("/c/info", SEGMENTATION_INFO)
        writer.write("/c/info", NS, camvid_info())
    with BagReader(undefined(tmp_path / "bag")) as reader:
        info = reader.topic("/c/info").connection
        assert is_todays(info, [camvid_info()]) and is_todays(info, []) and not is_todays(info, [camvid_info()[:-9]])
        assert truth_classes(reader, reader.topic("/c/mask")) == CAMVID.names


def camvid_info() -> memoryview:
    card = ModelCard("m", ENetSpec(num_classes=CAMVID.num_classes), CAMVID, (24, 32))
    engine = EngineInfo("openvino", "OpenVINO", "CPU", "fp32", (24, 32))
    return to_cdr(Header(1, ""), segmentation_info(card, engine))


ROAD = b"\0\1\0\0" + b"\5\0\0\0road\0"


@pytest.mark.parametrize(
    ("definition", "info"),
    [
        ("SegmentationInfo x", ROAD),
        ("A x\n" + "=" * 80 + "\nMSG: enet_ros/A\nSegmentationInfo y", ROAD),
        ("string[] class_names\n" + "=" * 80 + "\nMSG: 9/A\nint32 x", b"\0\1\0\0\0\0\0\0"),
        ("int32 class_names", b"\0\1\0\0\1\0\0\0"),
        ("string class_names", ROAD),
        ("uint8[] class_names", ROAD),
        ("string names", ROAD),
        ("no definition", ROAD),
    ],
)
def test_a_definition_without_class_names_is_refused(tmp_path: Path, definition: str, info: bytes) -> None:
    with (
        BagReader(defined_bag(tmp_path / "bag", definition, info)) as reader,
        pytest.raises(BagError, match=r"message 0 of /c/info names no classes \(.+\): add --classes TABLE"),
    ):
        truth_classes(reader, reader.topic("/c/mask"))


@pytest.mark.parametrize("stored", ['"road"', "3", "[1]", "[", '{"road": 1}'])
def test_classes_in_a_bags_data_that_are_no_names_are_refused(tmp_path: Path, stored: str) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.set_custom_data(CLASSES_KEY, stored)
        writer.add_topic("/c/ground_truth", IMAGE)
    with (
        BagReader(tmp_path / "bag") as reader,
        pytest.raises(BagError, match=r"classes names no classes \(.+\): add --classes TABLE"),
    ):
        truth_classes(reader, reader.topic("/c/ground_truth"))
