"""ModelCard: the round trip, and cards that are damaged, hostile or of another release."""

from __future__ import annotations

import json
from typing import Any

import pytest

from enet_ros.card import CARD_VERSION, ModelCard
from enet_ros.classes import CAMVID, CITYSCAPES20
from enet_ros.errors import ConfigError, ModelError
from enet_ros.spec import ENetSpec, variant

CARD = ModelCard(
    name="street",
    spec=variant("caffe", 11),
    classes=CAMVID,
    input_size=(360, 480),
    channel_order="bgr",
    mean=(1.5, 2.5, 3.5),
    std=(58.0, 57.0, 56.0),
    temperature=1.3,
    metrics=(("miou", 61.25), ("road_iou", 95.5)),
    provenance="trained for a test; 10 % of it",
    license="CC BY-NC 4.0",
    digest="ab" * 32,
)


def test_round_trip() -> None:
    text = CARD.to_json()
    assert "\n" not in text
    assert ModelCard.from_json(text) == CARD


def test_with() -> None:
    changed = CARD.with_(name="other", temperature=2.0)
    assert (changed.name, changed.temperature, changed.classes) == ("other", 2.0, CAMVID)
    assert CARD.name == "street"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": CITYSCAPES20}, "has 11 outputs but its class table 'cityscapes20' lists 20"),
        ({"channel_order": "gbr"}, "channel order 'gbr'"),
        ({"input_size": (360, 4)}, r"input size \(360, 4\)"),
        ({"input_size": (360, 480, 3)}, "input size"),
        ({"std": (0.0, 1.0, 1.0)}, "must be > 0"),
        ({"temperature": float("nan")}, "must be > 0"),
        ({"temperature": float("inf")}, "must be > 0"),
        ({"mean": (0.0, float("nan"), 0.0)}, "must be finite"),
    ],
)
def test_contradictions(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CARD.with_(**changes)


@pytest.mark.parametrize("version", [None, 0, CARD_VERSION + 1, str(CARD_VERSION), [CARD_VERSION]])
def test_unknown_version(version: object) -> None:
    values = {**json.loads(CARD.to_json()), "version": version}
    with pytest.raises(ModelError, match="the model card has version .*this release reads 1; update"):
        ModelCard.from_json(json.dumps(values))


@pytest.mark.parametrize("text", ["", "{", '"x"', "[]", "null", "[" * 100_000, "1" * 10_000])
def test_no_card(text: str) -> None:
    with pytest.raises(ModelError, match="the model card"):
        ModelCard.from_json(text)


@pytest.mark.parametrize("field", sorted(set(json.loads(CARD.to_json())) - {"version"}))
def test_missing_field(field: str) -> None:
    values = json.loads(CARD.to_json())
    del values[field]
    with pytest.raises(ModelError, match=f"incomplete or contradicts itself: no '{field}'"):
        ModelCard.from_json(json.dumps(values))


HOSTILE = [None, True, -1, 1e999, 10**400, "x", [], [[]], {}, {"": None}, [1, 2], [None, None, None]]


@pytest.mark.parametrize("field", ["spec", "classes", "input_size", "mean", "std", "temperature", "metrics"])
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:12])
def test_hostile_values_are_model_errors(field: str, value: object) -> None:
    values = {**json.loads(CARD.to_json()), field: value}
    if (field, value) in (("metrics", {}), ("temperature", True), ("input_size", [1, 2])):
        return  # sound, or what `test_contradictions` covers
    with pytest.raises(ModelError, match="incomplete or contradicts itself"):
        ModelCard.from_json(json.dumps(values))


def test_hostile_values_inside_spec_and_classes() -> None:
    for part in ("spec", "classes"):
        for key in json.loads(CARD.to_json())[part]:
            for value in HOSTILE:
                values = json.loads(CARD.to_json())
                values[part][key] = value
                try:
                    read = ModelCard.from_json(json.dumps(values))
                except ModelError:
                    continue
                assert ModelCard.from_json(read.to_json()) == read  # such as a flag set, or a set of classes emptied


def test_spec_of_a_newer_release() -> None:
    values = json.loads(CARD.to_json())
    values["spec"]["attention"] = True
    with pytest.raises(ModelError, match=r"unknown fields \['attention'\]; it needs a newer enet_ros"):
        ModelCard.from_json(json.dumps(values))


def test_defaults_are_plain_rgb() -> None:
    card = ModelCard("x", ENetSpec(11), CAMVID, (360, 480))
    assert (card.channel_order, card.mean, card.std) == ("rgb", (0.0,) * 3, (255.0,) * 3)
