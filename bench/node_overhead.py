"""Time that the node adds to inference: from an image published by one process to its mask received by another.

    ./run exec python bench/node_overhead.py --frames 300

960x720 rgb8, best effort, every output subscribed. Goal on 2 cores: p50 <= 6 ms, p99 <= 15 ms.
"""

from __future__ import annotations

import argparse

from ros_bench import Camera, common_arguments, parameters, percentiles, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--width", type=int, default=960)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--only", nargs="*", help="these outputs beside mask and latency (default: all)")
    common_arguments(parser)
    args = parser.parse_args()

    from enet_ros.ros.session.session import TOPICS

    topics = [topic for topic in TOPICS if topic not in ("mask", "latency")] if args.only is None else args.only
    camera = Camera(args.width, args.height, args.rate, args.frames, reliable=False)
    sent, heard = run(camera, topics, parameters(args))
    info = heard.info[0]
    total, overhead = [], []
    stages: dict[str, list[float]] = {}
    for mask in heard.masks[5:]:  # the first frames fill caches
        latency = heard.latencies.get(mask.stamp_ns)
        if latency is None:
            continue
        total.append((mask.received_ns - mask.stamp_ns) / 1e6)
        overhead.append(total[-1] - latency.infer_ms)
        for stage in ("transport", "queue", "decode", "preprocess", "infer", "postprocess", "publish"):
            stages.setdefault(stage, []).append(getattr(latency, f"{stage}_ms"))
    print(
        f"{args.width}x{args.height} at {args.rate:g} Hz, {info.runtime}, {info.precision}, {len(topics) + 2} outputs"
    )
    print(f"sent {sent}, answered {len(heard.masks)}")
    print(f"image -> mask        {percentiles(total)}")
    print(f"less inference       {percentiles(overhead)}")
    for stage, values in stages.items():
        print(f"  {stage:18s} {percentiles(values)}")


if __name__ == "__main__":
    main()
