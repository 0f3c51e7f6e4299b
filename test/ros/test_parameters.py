"""The dataclass of parameters: every default valid, every bad value refused with its name, the docs as it is."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

from enet_ros.errors import ConfigError
from enet_ros.ros.parameters import DEFAULTS, SPECS, TYPES, Parameters, check, parse_groups

REPO = Path(__file__).resolve().parents[2]


def test_every_parameter_says_what_it_is() -> None:
    for name, spec in SPECS.items():
        assert spec.text and not spec.text.endswith("."), name
        if TYPES[name] in (int, float):
            assert spec.low is not None and spec.high is not None and spec.low < spec.high, name
        assert check(name, getattr(DEFAULTS, name)) == getattr(DEFAULTS, name)


@pytest.mark.parametrize("name", [name for name in SPECS if TYPES[name] in (int, float)])
def test_numbers_outside_their_range_are_refused(name: str) -> None:
    spec = SPECS[name]
    step = 1 if TYPES[name] is int else 1e-6 * max(1.0, abs(spec.high))
    assert check(name, TYPES[name](spec.low)) == spec.low
    assert check(name, TYPES[name](spec.high)) == spec.high
    for value in (TYPES[name](spec.low) - step, TYPES[name](spec.high) + step):
        with pytest.raises(ConfigError, match=name):
            check(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_rate", math.nan),
        ("min_rate", math.inf),
        ("min_rate", "10"),
        ("depth", 1.0),
        ("depth", True),
        ("lazy", 1),
        ("engine", "caffe"),
        ("model", 3),
        ("mask_groups", "drivable"),
        ("mask_groups", [1]),
    ],
)
def test_other_types_and_words_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        check(name, value)


def test_an_integer_serves_where_a_number_is_asked_for() -> None:
    value = check("min_rate", 10)
    assert value == 10.0 and isinstance(value, float)


def test_a_refused_change_changes_nothing() -> None:
    with pytest.raises(ConfigError, match="depth"):
        DEFAULTS.changed({"min_rate": 5.0, "depth": 0})
    assert DEFAULTS.min_rate == 0.0
    assert DEFAULTS.changed({"min_rate": 5.0}).min_rate == 5.0
    with pytest.raises(ConfigError, match="no parameter 'colour'"):
        DEFAULTS.changed({"colour": 1})


def test_values_cannot_be_changed_in_place() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFAULTS.depth = 3  # type: ignore[misc]


def test_height_and_width_come_together() -> None:
    assert Parameters(input_height=360, input_width=480).input_size == (360, 480)
    assert DEFAULTS.input_size is None
    with pytest.raises(ConfigError, match="give both"):
        Parameters(input_height=360)


def test_groups() -> None:
    entries = ("drivable", "car", " two_wheels = bicyclist , pedestrian ")
    assert parse_groups(entries) == {"drivable": (), "car": (), "two_wheels": ("bicyclist", "pedestrian")}
    for bad in (("a b",), ("",), ("1st",), ("a__b",), ("a_",), ("x=",), ("x", "x=car")):
        with pytest.raises(ConfigError, match="mask group"):
            parse_groups(bad)


def markdown_table() -> str:
    """The table of docs/node.md."""
    rows = ["| parameter | default | range | unit | may change | meaning |", "|---|---|---|---|---|---|"]
    for name, spec in SPECS.items():
        default = getattr(DEFAULTS, name)
        shown = str(list(default)) if isinstance(default, tuple) else default
        shown = str(shown).lower() if isinstance(shown, bool) else shown
        if spec.choices:
            span = ", ".join(spec.choices)
        else:
            span = "" if spec.low is None else f"{spec.low:.6g} to {spec.high:.6g}"
        rows.append(f"| `{name}` | `{shown}` | {span} | {spec.unit} | {spec.change.value} | {spec.text} |")
    return "\n".join(rows) + "\n"


def test_the_documented_table_is_this_one() -> None:
    text = (REPO / "docs" / "node.md").read_text()
    assert markdown_table() in text, f"docs/node.md needs this table:\n{markdown_table()}"
