"""Measures a running node over DDS: what `enet_ros evaluate --bag BAG --live` does.

Plays the bag at its rate, pairs the masks that come back with the ground truth by their stamps, and tells what share of
the images was answered, how soon, and how well.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from enet_ros.bags.cameras import find_image, find_truth, has_truth, truth_classes
from enet_ros.bags.messages import COMPRESSED
from enet_ros.bags.reader import BagMessage, BagReader
from enet_ros.classes import TABLES, label_map
from enet_ros.datasets.opening import table_of
from enet_ros.errors import ConfigError
from enet_ros.files import write
from enet_ros.report import RunPage, require_report, run_page
from enet_ros.ros import process
from enet_ros.ros.play.bag import BagFeed, BagOptions
from enet_ros.ros.play.player import Player, PlayOptions
from enet_ros.ros.session.children import Children
from enet_ros.ros.session.live_score import Judged, LiveRun, LiveScores, Masks, judge, stills
from enet_ros.ros.session.page import model_facts, run_page_of
from enet_ros.ros.session.session import Session
from enet_ros.stamps import cdr_stamp_ns

_SILENCE_S = 1.0
"""After the last image: no mask for this long means that no more will come."""


@dataclass(frozen=True)
class LiveOptions:
    """What is measured.

    bag                       its images are played
    image_topic, truth_topic  where the bag has several, else None
    classes                   name or YAML file of the table of the truth's ids, for a bag that does not say
    node                      the full name of the node
    model                     of a node to be started for this; None: it runs already
    rate, clock_hz            speed of playing; rate of /clock, 0 for none
    depth                     of the publishers
    timeout_s                 to wait for the node
    exclude                   topics that are not played
    report                    where to write a page
    """

    bag: Path
    image_topic: str | None = None
    truth_topic: str | None = None
    classes: str | None = None
    node: str = "/segmentation"
    model: str | None = None
    rate: float = 1.0
    clock_hz: float = 0.0
    depth: int = 1
    timeout_s: float = 20.0
    exclude: tuple[str, ...] = ()
    report: Path | None = None


def evaluate_live(options: LiveOptions) -> LiveScores:
    """Play the bag and score what comes back. Raises EnetRosError where nothing can be measured."""
    if options.report:
        require_report()
    with BagReader(options.bag) as reader, closing(Masks()) as masks:
        run = _play(options, reader, masks)
        judged = judge(run)  # after playing, so that it takes no time from the node
        if options.report and run.sent:
            options.report.parent.mkdir(parents=True, exist_ok=True)
            write(options.report, run_page(live_page(run, judged)))
        latency_ms = np.array(sorted(run.latency_ms().values()), np.float64)
        foreign = len(masks.arrived_ns) - len(latency_ms)
        return LiveScores(len(run.sent), len(latency_ms), foreign, latency_ms, judged.scores)


def truth_names(reader: BagReader, classes: str | None) -> tuple[str, ...]:
    """What the ids of a bag's ground truth mean. classes: name or YAML file of a table, for a bag that does not say.

    Raises ConfigError, DatasetError.
    """
    names = table_of(classes).names if classes else truth_classes(reader)
    if names is None:
        raise ConfigError(
            f"the bag does not say what its ground truth means: add --classes {'|'.join(TABLES)}|FILE.yaml"
        )
    return names


def _play(options: LiveOptions, reader: BagReader, masks: Masks) -> LiveRun:
    """Returns when the node has answered, and ends it if it is ours."""
    truth, exclude = None, options.exclude
    names: tuple[str, ...] = ()
    if options.truth_topic or has_truth(reader):
        truth, names = find_truth(reader, options.truth_topic), truth_names(reader, options.classes)
        exclude = (*exclude, truth.name)
    image = find_image(reader, truth, options.image_topic)
    with process.running([], exit_s=None) as ros, Children() as children:
        node = ros.create_node("evaluate_live")
        topics = ("mask", "latency", "free_space") if options.report else ("mask",)
        session = Session(node, options.node, topics, "best_effort", ros.stopped)

        def note(message: BagMessage) -> None:
            if message.topic == image.name:
                session.note_sent(cdr_stamp_ns(message.data), f"{message.topic}#{message.number}")

        feed = BagFeed(node, reader, BagOptions(exclude=exclude, depth=options.depth), sent=note, heard=image.name)
        player = Player(node, feed, PlayOptions(options.rate, clock_hz=options.clock_hz))
        ros.spin(node)
        child = None
        if options.model is not None:
            parameters = {"model": options.model, "compressed": str(image.type == COMPRESSED).lower()}
            child = children.start_node(parameters, _remappings(options.node, image.name))
        session.wait_for_node(player, image.name, options.timeout_s, child)
        if truth is not None:
            label_map(session.info.class_names, names)  # a mismatch is told before the bag is played
        session.play(player, masks.add, _SILENCE_S)
        names = names if truth is not None else tuple(session.info.class_names)
        return LiveRun(reader, image, truth, names, session.sent, masks, session.info, session.answers.record)


def _remappings(node: str, image: str) -> dict[str, str]:
    """Have a node of that full name listen to an image topic, and to the camera_info beside it."""
    namespace, slash, base = node.rpartition("/")
    if not slash or not base:
        raise ConfigError(f"--node {node}: give the full name, e.g. /segmentation")
    raw = image.removesuffix("/compressed")
    return {
        "__node": base,
        "__ns": namespace or "/",
        "image_raw": raw,
        "image_raw/compressed": f"{raw}/compressed",
        "camera_info": f"{raw.rpartition('/')[0]}/camera_info",
    }


def live_page(run: LiveRun, judged: Judged) -> RunPage:
    """What the page shows."""
    scores = judged.scores if judged.scores and judged.scores.frames else None
    return run_page_of(
        run.sent,
        run.latency_ms(),
        run.record,
        kind="enet_ros evaluate --live",
        title=f"{run.info.model} on {Path(run.reader.path).name}",
        lede=f"{len(run.sent)} images played into the running node; latency is from publishing an image to its mask.",
        table=judged.table,
        scores=scores,
        stills=tuple(stills(run, judged.shown)),
        facts=(
            *model_facts(run.info),
            ("bag", str(run.reader.path)),
            ("images", run.image.name),
            ("ground truth", "none" if run.truth is None else run.truth.name),
        ),
    )
