"""A 30 Hz stream of 1280x720: no queue grows, and every frame is accounted for.

    ./run exec python bench/stream.py --seconds 60

Goals: p99 of the last 10 s within 1.3 times that of the first 10 s; answered + dropped = sent, exactly.
"""

from __future__ import annotations

import argparse

import numpy as np
from ros_bench import Camera, common_arguments, parameters, percentiles, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--reliable", action="store_true")
    common_arguments(parser)
    args = parser.parse_args()
    camera = Camera(args.width, args.height, args.rate, round(args.rate * args.seconds), args.reliable)
    sent, heard = run(camera, [], parameters(args))

    status = {
        key: heard.status.get(key, "0") for key in ("received", "dropped", "failed", "lost in transport", "answered")
    }
    counted = {key: int(value) for key, value in status.items()}
    dropped = counted["dropped"] + counted["failed"] + counted["lost in transport"]
    masks = len(heard.masks)
    print(f"{args.width}x{args.height} at {args.rate:g} Hz for {args.seconds:g} s, {heard.info[0].runtime}")
    print(f"sent {sent}, masks {masks}, node: {', '.join(f'{key} {value}' for key, value in counted.items())}")
    print(f"masks + dropped = {masks + dropped}, sent = {sent}: {'exact' if masks + dropped == sent else 'NOT EXACT'}")
    begin_ns = heard.masks[0].stamp_ns
    ages = np.array([(m.stamp_ns - begin_ns, m.received_ns - m.stamp_ns) for m in heard.masks], np.float64)
    seconds, latency_ms = ages[:, 0] / 1e9, ages[:, 1] / 1e6
    window = min(10.0, args.seconds / 3)
    first, last = latency_ms[seconds < window], latency_ms[seconds >= seconds[-1] - window]
    print(f"image -> mask, all      {percentiles(latency_ms.tolist())}")
    print(f"  first {window:g} s           {percentiles(first.tolist())}")
    print(f"  last {window:g} s            {percentiles(last.tolist())}")
    print(f"  p99 last / first      {np.percentile(last, 99) / np.percentile(first, 99):.2f}")


if __name__ == "__main__":
    main()
