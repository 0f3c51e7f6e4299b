"""A run that broke off goes on as one run would have, and only where everything that decides the result is the same."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from mcap.writer import Writer

from enet_ros import model_file
from enet_ros.bags import BagReader
from enet_ros.bags.segments import SegmentedBag
from enet_ros.camera import CameraPose
from enet_ros.card import ModelCard
from enet_ros.engines import create
from enet_ros.engines.base import Engine
from enet_ros.errors import BagError
from enet_ros.labelling import BagOptions, OutputSettings, label
from enet_ros.labelling.account import join
from enet_ros.labelling.run import LabelledBag, label_piece
from enet_ros.places import Place
from enet_ros.segmenter import Segmenter

SETTINGS = OutputSettings(("mask", "free_space"), CameraPose(1.5, 0.04))


class Stopped(Exception):
    """Raised where the run is to end."""


def stop_after(messages: int) -> Callable[[int], None]:
    left = messages

    def advance(count: int) -> None:
        nonlocal left
        left -= count
        if left <= 0:
            raise Stopped

    return advance


def broken_off(source: Path, out: Path, card: ModelCard, engine: Engine) -> None:
    """Label up to the 20th message, with a segment every two frames."""
    with pytest.raises(Stopped):
        label(source, out, card, engine, SETTINGS, BagOptions(checkpoint=2), advance=stop_after(20))


def contents(bag: Path) -> list[tuple[str, int, bytes]]:
    with BagReader(bag) as reader:
        return [(message.topic, message.log_ns, message.data) for message in reader.messages()]


def test_a_run_that_goes_on_gives_what_one_run_gives(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path
) -> None:
    broken_off(street, tmp_path / "out", card, engine)
    result = label(street, tmp_path / "out", card, engine, SETTINGS, BagOptions(checkpoint=2))
    assert 0 < result.resumed <= 20 and 0 < result.frames < 12
    label(street, tmp_path / "once", card, engine, SETTINGS)
    assert sorted(contents(tmp_path / "out")) == sorted(contents(tmp_path / "once"))


def test_the_same_tensors_with_another_card_do_not_go_on(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path
) -> None:
    """Its classes decide colours and what is free."""
    broken_off(street, tmp_path / "out", card, engine)
    other = card.with_(classes=dataclasses.replace(card.classes, drivable=frozenset({"sky"})))
    with pytest.raises(BagError, match=r"out\.part is left from a run with other settings"):
        label(street, tmp_path / "out", other, engine, SETTINGS, BagOptions(checkpoint=2))


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(SETTINGS, kinds=("mask",)),
        dataclasses.replace(SETTINGS, pose=CameraPose(1.5, 0.05)),
        dataclasses.replace(SETTINGS, base_frame="base_footprint"),
        dataclasses.replace(SETTINGS, quality=90),
    ],
)
def test_other_settings_do_not_go_on(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path, other: OutputSettings
) -> None:
    broken_off(street, tmp_path / "out", card, engine)
    with pytest.raises(BagError, match=r"out\.part is left from a run with other settings .*use --force"):
        label(street, tmp_path / "out", card, engine, other)
    result = label(street, tmp_path / "out", card, engine, other, overwrite=True)
    assert (result.resumed, result.frames) == (0, 12)


def test_another_model_engine_or_choice_of_topics_does_not_go_on(
    street: Path, model: Path, card: ModelCard, engine: Engine, tmp_path: Path
) -> None:
    broken_off(street, tmp_path / "out", card, engine)
    loaded = model_file.load(model)
    tensors = {name: values * 1.5 if name.endswith("bias") else values for name, values in loaded.tensors.items()}
    model_file.save(tmp_path / "other.safetensors", loaded.card, tensors)
    refused = "is left from a run with other settings or another input"
    with pytest.raises(BagError, match=refused):
        label(street, tmp_path / "out", model_file.read_card(tmp_path / "other.safetensors"), engine, SETTINGS)
    smaller = create("onnxruntime", model, size=(48, 64))
    with pytest.raises(BagError, match=refused):
        label(street, tmp_path / "out", card, smaller, SETTINGS)
    smaller.close()
    with pytest.raises(BagError, match=refused):
        label(street, tmp_path / "out", card, engine, SETTINGS, BagOptions(exclude=("/camera/ground_truth",)))
    with pytest.raises(BagError, match=refused):
        label(street, tmp_path / "out", card, engine, SETTINGS, BagOptions(storage="sqlite3"))
    assert label(street, tmp_path / "out", card, engine, SETTINGS, BagOptions(checkpoint=2)).resumed > 0


def files(bag: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in bag.iterdir()}


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_segments_made_in_any_order_are_the_same_bag(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path, storage: str
) -> None:
    """Byte for byte: each segment depends on the bag alone, also where the last CameraInfo lies before it."""
    label(street, tmp_path / "once/out", card, engine, SETTINGS, BagOptions(storage=storage, checkpoint=2))
    bag = SegmentedBag(Place.of(tmp_path / "spread/out"), storage)
    with LabelledBag(street, card, engine.info, SETTINGS, BagOptions(storage=storage, checkpoint=2)) as work:
        bag.begin(work.job("street"))
        assert work.count == 6
        for number in random.Random(0).sample(range(6), 6):
            label_piece(work, work.piece(number), bag, Segmenter(engine, card))
        assert join(bag, work.count).frames == 12
    assert files(tmp_path / "spread/out") == files(tmp_path / "once/out")


def without_index(bag: Path, out: Path) -> Path:
    """The messages of a bag in an MCAP file without chunks, as `ros2 bag record`'s profile `fastwrite` makes it."""
    with BagReader(bag) as reader, out.open("wb") as file:
        writer = Writer(file, use_chunking=False)
        writer.start("ros2")
        channels = {}
        for topic in reader.topics:
            text = topic.connection.msgdef.data.encode()
            schema = writer.register_schema(topic.type, "ros2msg", text)
            channels[topic.name] = writer.register_channel(topic.name, "cdr", schema)
        for message in reader.messages():
            writer.add_message(channels[message.topic], message.log_ns, message.data, message.log_ns)
        writer.finish()
    return out


@pytest.mark.parametrize("damaged", [False, True])
def test_a_bag_without_an_index_is_gone_on_with(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path, damaged: bool
) -> None:
    source = without_index(street, tmp_path / "in.mcap")
    if damaged:
        source.write_bytes(source.read_bytes()[: -source.stat().st_size // 10])
    with BagReader(source) as reader:
        assert not reader.indexed
    broken_off(source, tmp_path / "out", card, engine)
    results = []
    for name in ("out", "once"):
        try:
            results.append(label(source, tmp_path / name, card, engine, SETTINGS, BagOptions(checkpoint=2)))
        except BagError as error:
            assert damaged and f"{name} is labelled up to there" in str(error)
    assert damaged or (results[0].resumed > 0 and results[0].frames < 12 == results[1].frames)
    assert contents(tmp_path / "out") == contents(tmp_path / "once")
