"""Reads a .rrd file back with Rerun's own reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rerun", reason="rerun-sdk is not installed")


class Recorded:
    """Rows of a recording, by entity and component ('Image:buffer' as 'buffer')."""

    def __init__(self, path: Path) -> None:
        from rerun.chunk import RrdReader

        self.chunks = list(RrdReader(path).stream().to_chunks())

    def entities(self) -> set[str]:
        return {chunk.entity_path for chunk in self.chunks}

    def rows(self, entity: str, component: str) -> list[Any]:
        """The component's values, oldest first; None where a row lacks it."""
        found = []
        for chunk in self.chunks:
            if chunk.entity_path == entity:
                batch = chunk.to_record_batch()
                for name in batch.schema.names:
                    if name.endswith(f":{component}"):
                        found += batch.column(name).to_pylist()
        return found

    def last(self, entity: str, component: str) -> Any:
        rows = self.rows(entity, component)
        assert rows, f"no {component} on {entity}; there are {sorted(self.entities())}"
        return rows[-1]
