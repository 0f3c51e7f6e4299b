"""ENetSpec: refused values, the round trip, the named variants."""

from __future__ import annotations

import pytest

from enet_ros.errors import ConfigError
from enet_ros.spec import VARIANTS, ENetSpec, variant


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_round_trip(name: str) -> None:
    spec = variant(name, 11)
    assert ENetSpec.from_dict(spec.to_dict()) == spec
    assert spec.num_classes == 11


def test_variants_differ() -> None:
    assert len({variant(name, 11) for name in VARIANTS}) == len(VARIANTS)
    assert variant("paper", 11) == ENetSpec(11)


def test_unknown_variant() -> None:
    with pytest.raises(ConfigError, match="no ENet variant 'enet2'; use one of paper, "):
        variant("enet2", 11)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_classes", 1),
        ("num_classes", 255),
        ("num_classes", True),
        ("num_classes", 11.0),
        ("initial_pool", 4),
        ("initial_pool", 2.0),
        ("initial_pool", True),
        ("initial_norm", "yes"),
        ("conv_bias", 1),
        ("decoder_activation", "gelu"),
        ("slopes", None),
        ("asymmetric_order", ["1x5", "5x1"]),
        ("down_skip", "zeros"),
        ("unpool", "bilinear"),
        ("bn_eps", 0.0),
        ("bn_eps", "1e-3"),
        ("bn_eps", float("nan")),
    ],
)
def test_refused_values(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"ENetSpec\.{field} is "):
        ENetSpec.from_dict({"num_classes": 11, field: value})


def test_unknown_and_missing_fields() -> None:
    with pytest.raises(ConfigError, match=r"unknown fields \['attention'\]"):
        ENetSpec.from_dict({"num_classes": 11, "attention": True})
    with pytest.raises(ConfigError, match="has no num_classes"):
        ENetSpec.from_dict({"conv_bias": True})


def test_older_cards_lack_newer_fields() -> None:
    values = ENetSpec(11).to_dict()
    del values["down_skip"]
    assert ENetSpec.from_dict(values) == ENetSpec(11)
