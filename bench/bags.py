"""Speed of writing and of labelling bags: `./run exec python bench/bags.py [--frames 200] [--rounds 5]`.

Writing: frames of 960x720 from memory into a bag, JPEG and raw, MCAP and SQLite; target 100 frames/s for JPEG.
Labelling: `enet_ros label` of a 960x720 JPEG bag against the engine alone (`infer_many`) on the same frames, resized
beforehand; target 0.8 of its throughput. Each round takes all measurements one after the other, so that a busy machine
slows all alike; the figure is the median of the rounds. "cpu" is processor time of all threads per frame, which other
processes disturb less. The frames are CamVid's where --images has them, else the synthetic street's.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from enet_ros import model_file
from enet_ros.bags import BagReader
from enet_ros.bags.cameras import find_cameras
from enet_ros.bags.create import BagLayout, create
from enet_ros.bags.messages import camera_frame
from enet_ros.engines import create as create_engine
from enet_ros.frames import Frame, Load, Source
from enet_ros.frames.files import from_folder
from enet_ros.frames.street import from_street
from enet_ros.labelling import OutputSettings, label
from enet_ros.memory import keep_pages
from enet_ros.segmenter import stretched

WIDTH, HEIGHT, DISTINCT = 960, 720, 20


def pictures(folder: Path | None) -> list[np.ndarray]:
    found = from_street(DISTINCT) if folder is None else from_folder(folder).evenly(DISTINCT)
    return [cv2.resize(frame.rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) for frame in found]


def source(images: list[np.ndarray], frames: int) -> Source:
    def loads() -> Iterator[Load]:
        for index in range(frames):
            frame = Frame(f"{index:06d}", (index + 1) * 33_333_333, images[index % len(images)])
            yield lambda f=frame: f

    return Source("bench", "memory", frames, 30.0, loads)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """On the clock, and on processors."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - cpu


def writing(images: list[np.ndarray], frames: int, rounds: int, folder: Path) -> None:
    kinds = [(compression, storage) for compression in ("jpeg", "none") for storage in ("mcap", "sqlite3")]
    found: dict[tuple[str, str], list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for compression, storage in kinds:
            layout = BagLayout(compression=compression)
            work = lambda: create(folder / "w", source(images, frames), layout, storage=storage, overwrite=True)  # noqa: E731,B023
            found[compression, storage].append(seconds(work))
    for (compression, storage), times in found.items():
        print(f"write {compression:5} {storage:8} {row(times, frames)}")


def labelling(images: list[np.ndarray], frames: int, rounds: int, folder: Path, engine_name: str) -> None:
    bag = folder / "in"
    create(bag, source(images, frames), BagLayout(compression="jpeg"))
    model = model_file.resolve("camvid")
    card, engine = model_file.read_card(model), create_engine(engine_name, model)
    resized = []
    with BagReader(bag) as reader:
        for message in reader.messages((find_cameras(reader)[0].topic,)):
            resized.append(stretched(camera_frame(message.type, message.data).rgb, engine.info.size))
    list(engine.infer_many(resized[:8]))  # streams are made on the first call
    settings = {
        "mask, overlay, free space": OutputSettings(),
        "the same, overlay 960x720": OutputSettings(full_overlay=True),
        "mask": OutputSettings(("mask/compressed",)),
    }
    bare: list[tuple[float, float]] = []
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in settings}
    for _ in range(rounds):
        bare.append(seconds(lambda: list(engine.infer_many(resized))))
        for name, setting in settings.items():
            work = lambda: label(bag, folder / "out", card, engine, setting, overwrite=True)  # noqa: E731,B023
            found[name].append(seconds(work))
    engine.close()
    print(f"engine alone, {engine.info.name} {engine.info.precision}: {row(bare, frames)}")
    for name, times in found.items():
        ratio = statistics.median(b[0] / t[0] for b, t in zip(bare, times, strict=True))
        cpu = statistics.median(b[1] / t[1] for b, t in zip(bare, times, strict=True))
        print(f"label {name:26} {row(times, frames)}, {ratio:.2f} of the engine's throughput (by cpu {cpu:.2f})")


def row(times: list[tuple[float, float]], frames: int) -> str:
    clock, cpu = (statistics.median(column) for column in zip(*times, strict=True))
    return f"{frames / clock:6.1f} frames/s, {1e3 * cpu / frames:5.2f} ms cpu a frame"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=Path, help="a folder of pictures")
    parser.add_argument("--engine", default="auto")
    args = parser.parse_args()
    keep_pages()  # both as the label verb does
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        images = pictures(args.images)
        writing(images, args.frames, args.rounds, Path(folder))
        labelling(images, args.frames, args.rounds, Path(folder), args.engine)


if __name__ == "__main__":
    main()
