"""Write a model as ONNX, OpenVINO or a TensorRT engine.

enet_ros export --model camvid --format onnx                          camvid.onnx, for any runtime
enet_ros export --model camvid --format onnx --size 1280x720 -o hd.onnx
enet_ros export --model camvid --format openvino -o camvid.xml        camvid.xml and camvid.bin
enet_ros export --model camvid --format tensorrt --precision fp16     on the machine that will run it
enet_ros export --model camvid --format onnx --precision int8 --calibration frames/ -o camvid_int8.onnx

The graph takes one uint8 RGB image (1, H, W, 3) and gives uint8 labels and confidence (H, W): normalisation, arg-max
and soft-max are inside. The ONNX file carries the model card; a robot that has it needs no torch. After int8, the share
of labels that it keeps and its speed here are printed: where it is not faster, it is of no use.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from enet_ros import model_file
from enet_ros.arrays import U8
from enet_ros.engines import create
from enet_ros.engines.export import FORMATS, PRECISIONS, export
from enet_ros.errors import ConfigError
from enet_ros.figures import parse_size, size_text
from enet_ros.frames.files import from_folder
from enet_ros.segmenter import stretched

CALIBRATION_IMAGES = 64
_COMPARED = 16

_Images = list[U8]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    known = sorted({name for names in PRECISIONS.values() for name in names})
    parser.add_argument("--model", default=model_file.DEFAULT, help="shipped name or .safetensors file (%(default)s)")
    parser.add_argument("--format", choices=tuple(FORMATS), default="onnx", help="(%(default)s)")
    parser.add_argument("--size", metavar="WxH", help="of the images, such as 480x360 (default: the model's own)")
    parser.add_argument("--precision", metavar="P", help=f"{', '.join(known)} (default: fp32; tensorrt: fp16)")
    parser.add_argument("--calibration", type=Path, metavar="DIR", help="images of the camera, for int8")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="(default: MODEL with the format's ending)")


def run(args: argparse.Namespace) -> int:
    """Write the file; returns 0."""
    path = model_file.resolve(args.model)
    size = parse_size("--size", args.size) if args.size else model_file.read_card(path).input_size
    out = args.out or Path(path.stem + FORMATS[args.format])
    if args.calibration is not None and args.precision != "int8":
        raise ConfigError(f"--calibration {args.calibration} is for --precision int8")
    frames = from_folder(args.calibration).evenly(CALIBRATION_IMAGES) if args.calibration else ()
    images = [stretched(frame.rgb, size) for frame in frames]
    export(path, out, format=args.format, size=size, precision=args.precision, calibration=images)
    print(f"{out}: {size_text(size)}, {out.stat().st_size / 2**20:.1f} MiB", file=sys.stderr)
    if args.precision == "int8" and args.format == "onnx":
        print(compare(path, out, size, images[:_COMPARED]), file=sys.stderr)
    return 0


def compare(path: Path, quantized: Path, size: tuple[int, int], images: _Images) -> str:
    """One line on what int8 costs and gives on this machine."""
    engines = [create("auto", model, size=size) for model in (path, quantized)]
    times: list[list[float]] = [[], []]
    same = []
    for image in images:
        labels = []
        for engine, spent in zip(engines, times, strict=True):
            started = time.perf_counter()
            labels.append(engine.infer(image).labels)
            spent.append((time.perf_counter() - started) * 1e3)
        same.append(float(np.mean(labels[0] == labels[1])))
    full, small = (float(np.median(spent)) for spent in times)
    for engine in engines:
        engine.close()
    verdict = "faster" if small < full else "SLOWER"
    return (
        f"on {engines[0].info.runtime}, {engines[0].info.device}: int8 {small:.1f} ms, fp32 {full:.1f} ms ({verdict}); "
        f"{np.mean(same):.2%} of the labels are the same"
    )
