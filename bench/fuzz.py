"""Hostile input from a seeded generator: every case must end in an answer or in one of our own errors.

  ./run exec python bench/fuzz.py                               all targets at their documented number of cases
  ./run exec python bench/fuzz.py --targets image bag --cases 1000 --seed 7
  ./run exec python bench/fuzz.py --targets image --only 4711   one case again, with its traceback

Each target runs in a process of its own, so that a crash inside a library is a finding like any other. A finding is an
exception that is not an EnetRosError, a crash, a case that takes longer than 20 s, or memory that grows by more than
LIMIT_MB. Exit code 0: nothing found.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import resource
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from enet_ros import messages
from enet_ros.codec.layouts import ENCODINGS
from enet_ros.errors import EnetRosError

LIMIT_MB = 600
CASE_S = 20
Rng = np.random.Generator
Case = Callable[[Rng], object]

SIZES = (0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 64, 255, 4096, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 1e300, -1e300, float("nan"), float("inf"), float("-inf"), 31.5, 400.0)
ENCODING_NAMES = (*ENCODINGS, "", "RGB8", "rgb8 ", "8UC9", "32FC1", "\x00", "bayer_rggb8\n", "x" * 4096)


class Target(NamedTuple):
    """What is attacked: how many cases, and what makes one. `make` gets an empty folder to work in."""

    cases: int
    make: Callable[[Path], Case]


def pick(rng: Rng, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def mutated(rng: Rng, data: bytes) -> bytes:
    """Bits flipped, bytes cut, doubled, overwritten or appended; once to eight times."""
    for _ in range(int(pick(rng, (1, 1, 2, 4, 8)))):
        at = int(rng.integers(len(data) + 1))
        length = int(rng.integers(1, 1 + min(64, max(1, len(data)))))
        match int(rng.integers(6)):
            case 0 if data:
                at = min(at, len(data) - 1)
                data = data[:at] + bytes([data[at] ^ 1 << int(rng.integers(8))]) + data[at + 1 :]
            case 1:
                data = data[:at]
            case 2:
                data = data[:at] + data[at + length :]
            case 3:
                data = data[:at] + data[at : at + length] + data[at:]
            case 4:
                data = data[:at] + rng.bytes(length) + data[at + length :]
            case _:
                extreme = int(pick(rng, (0, 1, 255, 65535, 2**31 - 1, 2**32 - 1, 2**63, 2**64 - 1)))
                width = int(pick(rng, (2, 4, 8)))
                word = (extreme % 2 ** (8 * width)).to_bytes(width, pick(rng, ("little", "big")))
                data = data[:at] + word + data[at + width :]
    return data


# ---- messages -------------------------------------------------------------------------------------------------------


def hostile_image(rng: Rng) -> messages.Image:
    """sensor_msgs/Image fields, at first such as they should be, then none to three of them spoilt."""
    encoding = pick(rng, ENCODING_NAMES)
    layout = ENCODINGS.get(encoding)
    height, width = (int(value) for value in rng.integers(1, 34, 2))
    step = width * (layout.channels * layout.sample_bytes if layout else 3) + int(pick(rng, (0, 0, 1, 7)))
    size = step * height
    if layout and layout.family.name == "YUV420":
        size += max(step, width + width % 2) * ((height + 1) // 2)
    elif layout and layout.family.name == "YUV444":
        size *= 3
    for _ in range(int(rng.integers(4))):
        match int(rng.integers(4)):
            case 0:
                height = int(pick(rng, SIZES))
            case 1:
                width = int(pick(rng, SIZES))
            case 2:
                step = int(pick(rng, SIZES))
            case _:
                size = max(0, size + int(rng.integers(-9, 10)))
    data = rng.integers(0, 256, min(size, 1 << 16), np.uint8)
    return messages.Image(height, width, encoding, int(pick(rng, (0, 1, 255))), step, data)


def images(_: Path) -> Case:
    """Raw images through the codec."""

    def case(rng: Rng) -> object:
        return messages.decode(hostile_image(rng), max_pixels=int(pick(rng, (50_000_000,) * 4 + (500, 0))))

    return case


@cache
def streams() -> list[bytes]:
    """JPEG, progressive JPEG, PNG of 8 and 16 bits, WebP."""
    picture = np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8)
    made = [cv2.imencode(kind, picture)[1].tobytes() for kind in (".jpg", ".png", ".webp")]
    made.append(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes())
    made.append(cv2.imencode(".png", picture.astype(np.uint16) * 257)[1].tobytes())
    return made


def hostile_compressed(rng: Rng) -> messages.CompressedImage:
    """sensor_msgs/CompressedImage: streams with a few bytes changed, under true and false formats."""
    formats = ("jpeg", "png", "webp", "rgb8; jpeg compressed bgr8", "16UC1; compressedDepth", "", "\x00", "x" * 4096)
    return messages.compressed_image(mutated(rng, pick(rng, streams())), pick(rng, formats))


def compressed(_: Path) -> Case:
    """Compressed images through the codec."""

    def case(rng: Rng) -> object:
        return messages.decode(hostile_compressed(rng), max_pixels=int(pick(rng, (50_000_000,) * 4 + (500,))))

    return case


def hostile_camera_info(rng: Rng, height: int, width: int) -> messages.CameraInfo:
    """sensor_msgs/CameraInfo of an image of this size, some of its fields spoilt."""
    models = ("plumb_bob", "rational_polynomial", "equidistant", "fisheye", "", "unknown", "PLUMB_BOB")
    k = np.array([width * 0.75, 0, width / 2, 0, width * 0.75, height / 2, 0, 0, 1])
    p = np.hstack([k.reshape(3, 3), np.zeros((3, 1))]).reshape(-1)
    for values in (k, p):
        for _ in range(int(pick(rng, (0, 0, 1, 2, 5)))):
            values[int(rng.integers(values.size))] = pick(rng, FLOATS)
    d = rng.uniform(-0.3, 0.3, int(pick(rng, (0, 4, 5, 5, 8, 12, 14, 3))))
    if rng.integers(2):
        d = np.array([pick(rng, FLOATS) for _ in d], np.float64)
    size = (height, width) if rng.integers(4) else (int(pick(rng, SIZES)), int(pick(rng, SIZES)))
    region = [int(pick(rng, SIZES)) if rng.integers(4) == 0 else 0 for _ in range(4)]
    binning = (1, 1) if rng.integers(3) else (int(pick(rng, SIZES)), int(pick(rng, SIZES)))
    roi = messages.RegionOfInterest(*region)
    return messages.CameraInfo(*size, pick(rng, models), d, k, np.eye(3).reshape(-1), p, *binning, roi)


def camera_infos(_: Path) -> Case:
    """Calibrations through everything in metres, on a small image with random classes."""
    from enet_ros.camera import CameraPose
    from enet_ros.products.free_space import find_free_space
    from enet_ros.products.ground import ground
    from enet_ros.products.images import Surface
    from enet_ros.products.occupancy import GridSpec, grid_table, occupancy_grid
    from enet_ros.products.points import boundary_xy, free_points, ground_points, obstacle_points, range_and_bearing

    height, width = 12, 16

    def case(rng: Rng) -> object:
        info = hostile_camera_info(rng, height, width)
        messages.scaled_camera_info(info, width, height)
        camera = messages.intrinsics(info, rectified=bool(rng.integers(2)))
        angle = (0.0, 0.05, 1.5, -3.0)
        pose = CameraPose(height_m=pick(rng, (1.2, 0.01, 300.0)), pitch_rad=pick(rng, angle), roll_rad=pick(rng, angle))
        reach_m = pick(rng, (40.0, 0.1, 1000.0))
        plane = ground(camera, pose, (height, width), reach_m, (height, width))
        surface = rng.integers(0, len(Surface), (height, width)).astype(np.uint8)
        space = find_free_space(surface, int(pick(rng, (1, 3, height))))
        xy = boundary_xy(space, plane)
        range_and_bearing(xy)
        obstacle_points(space, xy, reach_m)
        free_points(space, plane, reach_m)
        ground_points(surface, plane)
        return occupancy_grid(surface, grid_table(plane, GridSpec(1.0, 8.0, 4.0), reach_m))

    return case


# ---- files ----------------------------------------------------------------------------------------------------------


def models(folder: Path) -> Case:
    """Model files: safetensors and ONNX, their cards and tensors, with a few bytes changed."""
    from enet_ros import model_file
    from enet_ros.engines.source import GraphSource

    weights = model_file.resolve("camvid")
    seeds = {path.suffix: path.read_bytes() for path in (weights, weights.with_suffix(".onnx"))}
    header = 8 + int.from_bytes(seeds[".safetensors"][:8], "little")

    def case(rng: Rng) -> object:
        suffix = pick(rng, tuple(seeds))
        data = seeds[suffix]
        if rng.integers(3):  # where the meaning is: the header of the one, the metadata at the end of the other
            data = (
                mutated(rng, data[:header]) + data[header:]
                if suffix == ".safetensors"
                else data[:-4096] + mutated(rng, data[-4096:])
            )
        else:
            data = mutated(rng, data)
        path = folder / f"model{suffix}"
        path.write_bytes(data)
        model_file.read_card(path)
        if suffix == ".onnx":
            return GraphSource(path).digest()
        return model_file.load(path)

    return case


def tables(folder: Path) -> Case:
    """Class tables in YAML: changed text, and the bomb of nested aliases."""
    from enet_ros.datasets.folder import load_format

    seed = b"""name: mine
names: [road, tree, car]
colors: [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
drivable: [road]
flat: [road]
labels: {first: 1, void: [0, 255], values: {9: tree}, image_suffix: _i, label_suffix: _l}
"""
    bomb = b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + b"".join(
        b"a%d: &a%d [%s]\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 10)
    )
    words = (
        b"null",
        b"[]",
        b"{}",
        b"-1",
        b"256",
        b"1e999",
        b"!!python/object/apply:os.system [id]",
        b"&a [*a]",
        b"0x1F",
    )

    def case(rng: Rng) -> object:
        data = seed
        for _ in range(int(rng.integers(4))):
            tokens = data.split(b" ")
            tokens[int(rng.integers(len(tokens)))] = pick(rng, words)
            data = b" ".join(tokens)
        if not rng.integers(3):
            data = mutated(rng, data)
        if not rng.integers(50):
            data = bomb + b"name: *a9\nnames: *a9\ncolors: *a9\n"
        path = folder / "table.yaml"
        path.write_bytes(data)
        return load_format(path)

    return case


def caches(folder: Path) -> Case:
    """Compiled engines from the cache with a few bytes changed: not one may be taken for a whole one."""
    from enet_ros.engines import cache as engine_cache

    key = engine_cache.CacheKey("openvino", "m" * 64, "fp32", "1", "cpu", "g")
    payload = bytes(range(256)) * 8
    seed = engine_cache.write(key, payload, folder).read_bytes()

    def case(rng: Rng) -> object:
        data = mutated(rng, seed)
        engine_cache.entry(key, folder).write_bytes(data)
        read = engine_cache.read(key, folder)
        assert read is None or bytes(read) == payload, "a damaged engine was taken for a whole one"
        return read

    return case


def bags(folder: Path) -> Case:
    """Bags of both storages: cut at every percent, then with a few bytes changed; every message read and decoded."""
    from enet_ros.bags import BagReader
    from enet_ros.bags.messages import IMAGE_TYPES, camera_frame
    from enet_ros.cli import main

    pictures = folder / "pictures"
    pictures.mkdir()
    rng = np.random.default_rng(1)
    for index in range(12):
        cv2.imwrite(str(pictures / f"{index:03d}.png"), rng.integers(0, 256, (24, 32, 3), np.uint8))
    seeds: list[tuple[str, bytes]] = []
    for storage in ("mcap", "sqlite3"):
        out = folder / storage
        command = ["bag", "create", str(out), "--images", str(pictures), "--storage", storage, "--fov", "60"]
        assert main(command) == 0
        (file,) = (path for path in out.iterdir() if path.suffix in (".mcap", ".db3"))
        seeds.append((file.suffix, file.read_bytes()))
        seeds.append((".yaml", (out / "metadata.yaml").read_bytes()))
    places = {".mcap": folder / "mcap", ".db3": folder / "sqlite3"}
    count = 0

    def case(rng: Rng) -> object:
        nonlocal count
        count += 1
        suffix, data = seeds[count % 4]
        data = data[: len(data) * (count // 4) // 100] if count < 400 else mutated(rng, data)
        if suffix == ".yaml":
            place = folder / ("mcap" if count % 4 == 1 else "sqlite3")
            path = place / "metadata.yaml"
        else:
            place = places[suffix]
            (path,) = (file for file in place.iterdir() if file.suffix == suffix)
        whole = path.read_bytes()
        path.write_bytes(data)
        read = 0
        try:
            with BagReader(place if rng.integers(2) or suffix == ".yaml" else path) as bag:
                for message in bag.messages():
                    if message.type in IMAGE_TYPES:
                        camera_frame(message.type, message.data)
                    read += 1
        finally:
            path.write_bytes(whole)
        return read

    return case


TARGETS = {
    "image": Target(600_000, images),
    "compressed": Target(300_000, compressed),
    "camera_info": Target(100_000, camera_infos),
    "model": Target(10_000, models),
    "table": Target(10_000, tables),
    "cache": Target(10_000, caches),
    "bag": Target(4_000, bags),
}


# ---- running --------------------------------------------------------------------------------------------------------


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def attack(name: str, cases: int, seed: int, only: int | None) -> dict[str, Any]:
    """Run one target's cases in this process; what came of them."""
    ends: Counter[str] = Counter()
    findings: dict[str, str] = {}  # one a place
    with tempfile.TemporaryDirectory() as folder:
        case = TARGETS[name].make(Path(folder))
        number_of_target = list(TARGETS).index(name)
        before = peak_mb()
        for number in range(cases):
            if only is not None and number != only:
                continue
            faulthandler.dump_traceback_later(CASE_S, exit=True)
            try:
                case(np.random.default_rng((seed, number_of_target, number)))
                ends["answered"] += 1
            except EnetRosError as error:
                ends[type(error).__name__] += 1
            except BaseException as error:  # noqa: BLE001 - what the run is for
                ends["FOUND"] += 1
                where = traceback.format_exc(limit=None if only is not None else -2)
                place = str(traceback.extract_tb(error.__traceback__)[-1])
                findings.setdefault(place, f"case {number}: {type(error).__name__}: {error}\n{where}")
        faulthandler.cancel_dump_traceback_later()
        grown = peak_mb() - before
    if grown > LIMIT_MB:
        ends["FOUND"] += 1
        findings["memory"] = f"memory grew by {grown:.0f} MB"
    return {"ends": ends, "findings": list(findings.values()), "grown_mb": round(grown)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--cases", type=int, default=0, help="of each target (default: its own number)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="one case again, by its number")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.here:
        (name,) = args.targets
        print(json.dumps(attack(name, args.cases, args.seed, args.only)))
        return 0
    failed = False
    for name in args.targets:
        cases = args.cases or TARGETS[name].cases
        command = [
            sys.executable,
            __file__,
            "--here",
            "--targets",
            name,
            "--cases",
            str(cases),
            "--seed",
            str(args.seed),
        ]
        command += [] if args.only is None else ["--only", str(args.only)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            failed = True
            print(f"{name}: ended with {done.returncode}\n{done.stderr[-3000:]}")
            continue
        result = json.loads(done.stdout.splitlines()[-1])
        ends = ", ".join(f"{count} {end}" for end, count in sorted(result["ends"].items(), key=lambda item: -item[1]))
        print(f"{name}: {cases} cases: {ends}; memory grew by {result['grown_mb']} MB", flush=True)
        for finding in result["findings"]:
            failed = True
            print(f"  {finding}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
