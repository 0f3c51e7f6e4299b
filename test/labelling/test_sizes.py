from __future__ import annotations

from pathlib import Path

import pytest

from enet_ros.bags.create import BagLayout, create
from enet_ros.bags.info import size_bytes
from enet_ros.card import ModelCard
from enet_ros.engines.base import Engine
from enet_ros.errors import BagError
from enet_ros.frames.street import from_street
from enet_ros.labelling import BagOptions, OutputSettings, label
from enet_ros.labelling.outputs import DEFAULT_KINDS, KINDS
from enet_ros.labelling.sizes import estimate


@pytest.mark.parametrize("kinds", [DEFAULT_KINDS, KINDS])
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag_weighs_what_was_told(
    card: ModelCard, engine: Engine, tmp_path: Path, storage: str, kinds: tuple[str, ...]
) -> None:
    street = tmp_path / "street"
    create(street, from_street(12, width=192, height=144), BagLayout(compression="png"), storage=storage)
    settings, options = OutputSettings(kinds, full_overlay=True), BagOptions(storage=storage)
    sizes = estimate(street, card, engine, settings, options)
    assert [kind for kind, _ in sizes.added] == list(kinds) and all(size > 0 for _, size in sizes.added)
    label(street, tmp_path / "out", card, engine, settings, options)
    added = size_bytes(tmp_path / "out") - size_bytes(street)
    assert sum(size for _, size in sizes.added) == pytest.approx(added, rel=0.2)


def test_a_bag_that_ends_early_is_told_by_its_first_frames(
    street: Path, card: ModelCard, engine: Engine, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.mcap"
    data = (street / "street.mcap").read_bytes()
    cut.write_bytes(data[: len(data) * 8 // 10])
    sizes = estimate(cut, card, engine, OutputSettings(), BagOptions())
    assert sizes.source == cut.stat().st_size and all(size > 0 for _, size in sizes.added)
    with pytest.raises(BagError, match="has no topic"):
        estimate(street, card, engine, OutputSettings(), BagOptions(topics=("/x",)))
