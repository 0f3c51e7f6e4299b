"""Engines against each other and against plain exports, image bytes to labels, and the labels they agree on.

  python bench/engines.py --images DIR                         times, ratios, memory
  python bench/engines.py --images DIR --agree 50              labels that equal the plain network's
  python bench/engines.py --images DIR --many 100              frames/s of infer_many against infer

Every competitor runs in a process of its own, in turn, for a few rounds: a machine that is busy for a while is busy for
all of them. A ratio is the median over the rounds of the ratio of a round's medians.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from enet_ros.engines import create
from enet_ros.model_file import resolve

COMPETITORS = {
    "pytorch channels-last": ("pytorch", "fp32", ""),
    "openvino, torch's export": ("openvino", "fp32", "export"),
    "openvino, export by hand": ("openvino", "fp32", "by hand"),
    "onnxruntime, torch's export": ("onnxruntime", "fp32", "export"),
    "onnxruntime, export by hand": ("onnxruntime", "fp32", "by hand"),
    "openvino fp32": ("openvino", "fp32", ""),
    "openvino bf16": ("openvino", "bf16", ""),
    "onnxruntime fp32": ("onnxruntime", "fp32", ""),
}
"""Engine, precision, and which plain export it runs instead of the inference graph (see plain.py)."""
RATIOS = (
    ("openvino fp32", "pytorch channels-last", 0.40),
    ("openvino fp32", "openvino, torch's export", 0.60),
    ("openvino fp32", "openvino, export by hand", 0.60),
    ("openvino bf16", "openvino, export by hand", 0.60),
    ("onnxruntime fp32", "onnxruntime, torch's export", 0.70),
    ("onnxruntime fp32", "onnxruntime, export by hand", 0.70),
)
SIZE = (360, 480)


def frames(folder: Path, count: int) -> list[np.ndarray]:
    paths = sorted(p for p in folder.iterdir() if p.suffix in (".png", ".jpg"))
    chosen = paths[:: max(1, len(paths) // count)][:count]
    resized = (cv2.resize(cv2.imread(str(p)), SIZE[::-1], interpolation=cv2.INTER_AREA) for p in chosen)
    return [np.ascontiguousarray(image[..., ::-1]) for image in resized]


def plain_graph(path: Path, *, by_hand: bool) -> bytes:
    """A plain export, made in a process of its own: torch is not to share memory with what is measured."""
    program = (
        f"import sys; from pathlib import Path; from plain import plain_onnx; from enet_ros.model_file import load;"
        f"Path(sys.argv[2]).write_bytes(plain_onnx(load(sys.argv[1]), {SIZE}, by_hand={by_hand}))"
    )
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        command = [sys.executable, "-c", program, str(path), file.name]
        subprocess.run(command, cwd=Path(__file__).parent, check=True, capture_output=True)
        return Path(file.name).read_bytes()


def runner(name: str, model: str, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """Image -> labels of one competitor."""
    engine, precision, plain = COMPETITORS[name]
    path = resolve(model)
    if not plain:
        made = create(engine, path, size=SIZE, precision=precision, threads=threads)
        return lambda image: made.infer(image).labels
    data = plain_graph(path, by_hand=plain == "by hand")
    if engine == "onnxruntime":
        import onnxruntime as ort

        settings = ort.SessionOptions()
        settings.intra_op_num_threads = threads
        session = ort.InferenceSession(data, settings)
        return lambda image: session.run(None, {"image": image[None]})[0]
    from io import BytesIO

    import openvino as ov

    core = ov.Core()
    config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    request = core.compile_model(core.read_model(BytesIO(data)), "CPU", config).create_infer_request()

    def infer(image: np.ndarray) -> np.ndarray:
        request.infer({0: image[None]}, share_inputs=True)
        return np.array(request.get_output_tensor(0).data)

    return infer


def worker(args: argparse.Namespace) -> None:
    """One competitor's times in ms, as JSON."""
    run = runner(args.worker, args.model, args.threads)
    images = frames(args.images, 20)
    for image in images[:10]:
        run(image)
    times = []
    for i in range(args.runs):
        started = time.perf_counter()
        run(images[i % len(images)])
        times.append((time.perf_counter() - started) * 1e3)
    memory = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"times": times, "memory_mb": int(memory.split()[1]) // 1024}))


def measure(args: argparse.Namespace) -> None:
    """Rounds of workers, the table of their times, the ratios."""
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in args.only or COMPETITORS}
    for _ in range(args.rounds):
        for name, done in rounds.items():
            command = [sys.executable, __file__, "--worker", name, "--images", str(args.images), "--model", args.model]
            command += ["--runs", str(args.runs), "--threads", str(args.threads)]
            done.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    medians = {name: np.array([np.median(d["times"]) for d in done]) for name, done in rounds.items()}
    print(f"{'':28}{'p50 ms':>8}{'best':>8}{'p99':>8}{'MB':>6}")
    for name, done in rounds.items():
        times = np.concatenate([d["times"] for d in done])
        p99 = np.percentile(times, 99)
        memory = max(d["memory_mb"] for d in done)
        print(f"{name:28}{np.median(medians[name]):8.1f}{times.min():8.1f}{p99:8.1f}{memory:6}")
    for ours, theirs, wanted in RATIOS:
        if ours in medians and theirs in medians:
            ratio = np.median(medians[ours] / medians[theirs])
            print(f"{ours} / {theirs}: {ratio:.2f} (wanted <= {wanted:.2f})")


def agree(args: argparse.Namespace) -> None:
    """Share of labels equal to nn.ENet's in float32, mean and worst frame."""
    images = frames(args.images, args.agree)
    network = create("pytorch", resolve(args.model), size=SIZE, threads=args.threads)
    truth = [network.infer(image).labels for image in images]
    for name in args.only or [n for n, (_, _, plain) in COMPETITORS.items() if not plain]:
        run = runner(name, args.model, args.threads)
        same = [float(np.mean(run(image) == labels)) for image, labels in zip(images, truth, strict=True)]
        print(f"{name:28} {np.mean(same):.4%} of the labels, worst of {len(images)} frames {min(same):.4%}")


def many(args: argparse.Namespace) -> None:
    """Frames per second of the throughput mode against one frame after the other, in alternating rounds."""
    images = frames(args.images, 20)
    engine = create("openvino", resolve(args.model), size=SIZE, threads=args.threads)
    speeds: dict[str, list[float]] = {"infer": [], "infer_many": []}
    work = [images[i % len(images)] for i in range(args.many)]
    next(engine.infer_many(images))  # builds the second network
    for _ in range(args.rounds):
        started = time.perf_counter()
        for image in work:
            engine.infer(image)
        speeds["infer"].append(len(work) / (time.perf_counter() - started))
        started = time.perf_counter()
        for _ in engine.infer_many(work):
            pass
        speeds["infer_many"].append(len(work) / (time.perf_counter() - started))
    ratio = np.median(np.array(speeds["infer_many"]) / np.array(speeds["infer"]))
    print(", ".join(f"{n}: {np.median(v):.1f} frames/s" for n, v in speeds.items()) + f", ratio {ratio:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="a folder of camera frames")
    parser.add_argument("--model", default="camvid")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=50, help="frames in a process")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=tuple(COMPETITORS))
    parser.add_argument("--agree", type=int, metavar="FRAMES", default=0)
    parser.add_argument("--many", type=int, metavar="FRAMES", default=0)
    parser.add_argument("--worker", choices=tuple(COMPETITORS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(args)
    elif args.agree:
        agree(args)
    elif args.many:
        many(args)
    else:
        measure(args)


if __name__ == "__main__":
    main()
