from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from enet_ros.bags import BagReader
from enet_ros.bags.create import BagLayout, create
from enet_ros.bags.messages import CAMERA_INFO, camera_frame, from_cdr
from enet_ros.camera import CameraIntrinsics
from enet_ros.datasets.opening import open_dataset
from enet_ros.errors import BagError, DatasetError
from enet_ros.frames.bag import from_labelled_bag
from enet_ros.frames.files import from_dataset, from_folder, from_video
from enet_ros.frames.street import from_street
from enet_ros.messages import header_of, intrinsics


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for index in range(3):
        picture = np.full((12, 16, 3), 40 * index, np.uint8)
        picture[:, 8:] = (10, 200, 90)
        cv2.imwrite(str(folder / f"a_{index}.png"), picture)
        cv2.imwrite(str(folder / f"b_{index}.jpg"), picture)
    return folder


def stamps(bag: Path, topic: str) -> list[int]:
    with BagReader(bag) as reader:
        return [m.log_ns for m in reader.messages((topic,))]


def test_a_folder_in_order(images: Path, tmp_path: Path) -> None:
    assert create(tmp_path / "bag", from_folder(images, 10.0), BagLayout()) == 6
    assert stamps(tmp_path / "bag", "/camera/image_raw") == [n * 100_000_000 for n in range(1, 7)]
    with BagReader(tmp_path / "bag") as reader:
        assert [t.name for t in reader.topics] == ["/camera/image_raw"]  # neither calibration nor truth
        message = next(reader.messages())
        frame = camera_frame(message.type, message.data)
    assert frame.header == (100_000_000, "camera_optical_frame")
    assert tuple(frame.rgb[0, 12]) == (90, 200, 10)


def test_files_of_the_wanted_kind_are_passed_on_as_they_are(images: Path, tmp_path: Path) -> None:
    create(tmp_path / "bag", from_folder(images), BagLayout(prefix="/front", compression="jpeg"))
    with BagReader(tmp_path / "bag") as reader:
        messages = list(reader.messages(("/front/image_raw/compressed",)))
    assert [(images / f"b_{n}.jpg").read_bytes() in m.data for n, m in enumerate(messages[3:])] == [True] * 3
    first = camera_frame(messages[0].type, messages[0].data).rgb
    assert np.abs(first[:, 12].astype(int) - (90, 200, 10)).max() < 12


def test_a_calibration_of_another_size_is_refused(images: Path, tmp_path: Path) -> None:
    layout = BagLayout(camera=CameraIntrinsics.from_fov(640, 480, 1.0))
    with pytest.raises(BagError, match=r"calibration is for 640x480 pixels, the images have 16x12: .*; nothing was"):
        create(tmp_path / "bag", from_folder(images), layout)
    assert not (tmp_path / "bag.part").exists()


def test_a_broken_file_leaves_the_frames_before_it(images: Path, tmp_path: Path) -> None:
    (images / "b_1.jpg").write_bytes(b"no picture")
    with pytest.raises(BagError, match=r"b_1.jpg is not a readable image.*; the first 4 messages are a bag in"):
        create(tmp_path / "bag", from_folder(images), BagLayout())
    assert len(stamps(tmp_path / "bag.part/bag", "/camera/image_raw")) == 4


def test_camvid_frame_numbers_become_stamps(tmp_path: Path) -> None:
    for folder, value in (("val", 90), ("valannot", 3)):
        (tmp_path / folder).mkdir()
        for number in (7959, 7961):
            shape = (6, 8, 3) if folder == "val" else (6, 8)
            cv2.imwrite(str(tmp_path / folder / f"0016E5_0{number}.png"), np.full(shape, value, np.uint8))
    source = from_dataset("camvid", tmp_path, "val")
    create(tmp_path / "bag", source, BagLayout())
    assert stamps(tmp_path / "bag", "/camera/ground_truth") == [265_300_000_000, 265_366_666_667]
    assert [(f.rgb.mean(), f.truth.mean()) for f in from_labelled_bag(tmp_path / "bag")] == [(90, 3), (90, 3)]


def test_a_sequence_has_truth_where_the_dataset_has(tmp_path: Path) -> None:
    """Cityscapes' leftImg8bit_sequence: 30 frames a snippet at 17 Hz, of which one is labelled."""
    name = "lindau_000000_0000"
    files = [f"leftImg8bit_sequence/val/lindau/{name}{n}_leftImg8bit.png" for n in (18, 19, 20)]
    files.append(f"leftImg8bit/val/lindau/{name}19_leftImg8bit.png")
    for value, file in enumerate((*files, f"gtFine/val/lindau/{name}19_gtFine_labelIds.png")):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shape = (6, 8) if "gtFine" in file else (6, 8, 3)
        cv2.imwrite(str(tmp_path / file), np.full(shape, 7 if "gtFine" in file else value, np.uint8))
    dataset = open_dataset("cityscapes", tmp_path, "val")
    source = from_folder(tmp_path / "leftImg8bit_sequence", None, "number", dataset)
    assert create(tmp_path / "bag", source, BagLayout()) == 3
    first = round(18e9 / 17)
    assert stamps(tmp_path / "bag", "/camera/image_raw") == [first, round(19e9 / 17), round(20e9 / 17)]
    (frame,) = from_labelled_bag(tmp_path / "bag")
    assert (frame.stamp_ns, frame.truth.max(), frame.name) == (round(19e9 / 17), 0, "000001")
    with pytest.raises(DatasetError, match="no image in .* has the name of a labelled one, e.g. lindau_000000_000019"):
        from_folder(tmp_path / "gtFine", None, "number", dataset)


def test_a_video_has_its_own_rate(tmp_path: Path) -> None:
    file = tmp_path / "drive.avi"
    video = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 8.0, (32, 24))
    for index in range(4):
        video.write(np.full((24, 32, 3), 60 * index, np.uint8))
    video.release()
    assert create(tmp_path / "bag", from_video(file), BagLayout()) == 4
    assert stamps(tmp_path / "bag", "/camera/image_raw") == [125_000_000, 250_000_000, 375_000_000, 500_000_000]


def test_the_street_brings_truth_and_calibration(tmp_path: Path) -> None:
    source = from_street(2, seed=3, rate_hz=10.0, width=96, height=72)
    create(tmp_path / "bag", source, BagLayout())
    with BagReader(tmp_path / "bag") as reader:
        message = from_cdr(CAMERA_INFO, next(reader.messages(("/camera/camera_info",))).data)
    found = intrinsics(message)
    assert source.calibration is not None
    np.testing.assert_array_equal(found.k, source.calibration.k)
    assert header_of(message).stamp_ns == 100_000_000
    frames = list(from_labelled_bag(tmp_path / "bag"))
    assert [f.truth.shape for f in frames] == [(72, 96)] * 2
    assert len(np.unique(frames[0].truth)) >= 4
