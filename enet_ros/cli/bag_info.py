"""Show what a bag holds: topics, rates, image sizes, gaps.

  enet_ros bag info drive.mcap
  enet_ros bag info drive/ --json          for programs: one JSON object

A damaged bag is described as far as it can be read; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
from pathlib import Path

from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from enet_ros.bags.info import BagInfo, TopicInfo, inspect
from enet_ros.terminal import console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bag", type=Path, metavar="BAG", help="a bag's folder, or its .mcap or .db3 file")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the table; returns 1 for a damaged bag."""
    info = inspect(args.bag)
    if args.json:
        print(json.dumps(dataclasses.asdict(info), indent=2))
    else:
        _show(info)
    return 1 if info.damage else 0


def _show(info: BagInfo) -> None:
    out = console()
    when = ""
    if info.messages:
        begin = datetime.datetime.fromtimestamp(info.start_ns / 1e9, datetime.timezone.utc)
        when = f", {info.duration_s:.1f} s from {begin:%Y-%m-%d %H:%M:%S} UTC"
    out.print(f"{escape(info.path)}: {info.messages} messages{when}, {decimal(info.size_bytes)}")
    table = Table(box=None, header_style="bold")
    for name in ("topic", "type", "content"):
        table.add_column(name, overflow="fold")
    for name in ("messages", "rate", "size", "gaps"):
        table.add_column(name, justify="right")
    for topic in info.topics:
        table.add_row(*map(escape, _cells(topic)))
    if info.topics:
        out.print(table)
    if info.damage:
        out.print(f"[bold red]damaged[/]: {escape(info.damage)}")


def _cells(topic: TopicInfo) -> tuple[str, ...]:
    return (
        topic.name,
        topic.type,
        topic.content,
        str(topic.messages),
        "" if topic.rate_hz is None else f"{topic.rate_hz:.1f} Hz",
        decimal(topic.size_bytes),
        f"{topic.gaps}, longest {topic.longest_gap_s:.2f} s" if topic.gaps else "",
    )
