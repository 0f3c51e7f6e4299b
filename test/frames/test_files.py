from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from enet_ros.classes import CAMVID
from enet_ros.errors import ConfigError, DatasetError
from enet_ros.frames.files import from_folder, from_pairs, from_video

PICTURES = 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures 0.png to 5.png, 24 x 32, the number in red."""
    (tmp_path / "pictures").mkdir()
    for number in range(PICTURES):
        bgr = np.zeros((24, 32, 3), np.uint8)
        bgr[..., 2] = number
        cv2.imwrite(str(tmp_path / "pictures" / f"{number}.png"), bgr)
    return tmp_path / "pictures"


@pytest.fixture
def video(tmp_path: Path) -> Path:
    writer = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 12.0, (64, 48))
    for number in range(5):
        writer.write(np.full((48, 64, 3), 40 * number, np.uint8))
    writer.release()
    return tmp_path / "film.avi"


def test_a_folder_in_order(folder: Path) -> None:
    source = from_folder(folder, 10.0)
    frames = list(source)
    assert [frame.name for frame in frames] == [str(n) for n in range(PICTURES)]
    assert [int(frame.rgb[0, 0, 0]) for frame in frames] == list(range(PICTURES))
    assert [frame.stamp_ns for frame in frames] == [(n + 1) * 100_000_000 for n in range(PICTURES)]
    assert frames[2].file == folder / "2.png" and frames[2].truth is None
    assert (source.total, source.rate_hz, source.table) == (PICTURES, 10.0, None)
    assert (source.name, source.place) == ("pictures", str(folder.resolve()))


def test_some_of_the_frames(folder: Path) -> None:
    source = from_folder(folder, 10.0)
    assert len(list(source.first(2))) == source.first(2).total == 2
    assert source.first(50).total == PICTURES
    assert source.first(0) is source and source.first(None) is source
    assert [frame.name for frame in source.evenly(3)] == ["0", "2", "4"]
    assert source.evenly(3).total == 3 and source.evenly(3).rate_hz == 5.0
    assert source.evenly(PICTURES) is source


def test_altered_pixels_are_no_longer_those_of_the_file(folder: Path) -> None:
    frames = list(
        from_folder(folder).altered(lambda frame, index: frame._replace(rgb=frame.rgb + np.uint8(10 * index)))
    )
    assert [int(frame.rgb[0, 0, 0]) for frame in frames] == [11 * n for n in range(PICTURES)]
    assert all(frame.file is None for frame in frames)


def test_frames_are_decoded_in_other_threads(folder: Path, video: Path) -> None:
    for source in (from_folder(folder), from_video(video)):
        with ThreadPoolExecutor(3) as pool:
            ahead = list(pool.map(lambda load: load(), source.loads()))
        for one, other in zip(ahead, source, strict=True):
            assert (one.name, one.stamp_ns) == (other.name, other.stamp_ns)
            np.testing.assert_array_equal(one.rgb, other.rgb)


def test_names_of_subfolders_stay_apart(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "0.png").rename(folder / "a" / "1.png")
    assert [frame.name for frame in from_folder(folder)] == ["1", "2", "3", "4", "5", "a_1"]


def test_images_with_labels(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    for number in range(PICTURES):
        cv2.imwrite(str(tmp_path / "labels" / f"{number}.png"), np.full((24, 32), number, np.uint8))
    source = from_pairs(folder, tmp_path / "labels", "camvid")
    assert source.table is CAMVID and source.name == "pictures" and source.total == PICTURES
    assert [(f.name, int(f.truth.max())) for f in source if f.truth is not None] == [(str(n), n) for n in range(6)]
    for parent in (folder, tmp_path / "labels"):
        (parent / "a").mkdir()
        (parent / "0.png").rename(parent / "a" / "0.png")
    plain = tmp_path / "plain.yaml"
    plain.write_text(f"names: [a, b, c, d, e, f]\ncolors: {[[n, n, n] for n in range(6)]}\ndrivable: [a]\n")
    names = [frame.name for frame in from_pairs(folder, tmp_path / "labels", str(plain))]
    assert names == ["1", "2", "3", "4", "5", "a_0"], "usable as file names"
    with pytest.raises(ConfigError, match="there are no classes 'camvif'"):
        from_pairs(folder, tmp_path / "labels", "camvif")


def test_a_video_at_its_rate(video: Path) -> None:
    source = from_video(video)
    frames = list(source)
    assert source.rate_hz == 12.0 and source.total == len(frames) == 5
    assert [frame.name for frame in frames] == [f"{n:06d}" for n in range(5)]
    assert frames[3].rgb.shape == (48, 64, 3) and abs(int(frames[3].rgb[0, 0, 0]) - 120) < 4
    assert [frame.stamp_ns for frame in frames] == [round((n + 1) * 1e9 / 12) for n in range(5)]
    assert [frame.stamp_ns for frame in from_video(video, 4.0).first(2)] == [250_000_000, 500_000_000]


def test_sources_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no image"):
        from_folder(tmp_path)
    with pytest.raises(DatasetError, match="no video"):
        from_video(tmp_path / "film.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(DatasetError, match=r"text.mp4 is not a video that OpenCV can read: convert it"):
        from_video(tmp_path / "text.mp4")


def test_a_video_that_is_cut_off_before_its_first_frame(video: Path) -> None:
    whole = video.read_bytes()
    video.write_bytes(whole[: whole.index(b"movi") + 12])
    with pytest.raises(DatasetError, match="film.avi holds no frame that can be decoded: is it cut off?"):
        from_video(video)


def test_a_stream_of_unknown_length(tmp_path: Path) -> None:
    jpeg = bytes(cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1])
    (tmp_path / "film.mjpeg").write_bytes(3 * jpeg)
    source = from_video(tmp_path / "film.mjpeg")
    assert source.total == 0 and len(list(source)) == 3
    assert source.first(2).total == len(list(source.first(2))) == 2
