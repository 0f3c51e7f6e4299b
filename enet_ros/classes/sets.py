"""Sets of classes by name: what a coarse label says, such as 'a car or a bicyclist' or 'anything but road'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from enet_ros.errors import ConfigError


@dataclass(frozen=True)
class ClassSet:
    """Some classes by name, or with `negated` all classes but these."""

    names: frozenset[str]
    negated: bool = False

    @classmethod
    def parse(cls, value: Any) -> ClassSet:
        """`[car, bicyclist]` or `{not: [road, pavement]}` as YAML and JSON give them; ConfigError for the rest."""
        negated = isinstance(value, dict) and list(value) == ["not"]
        names = value["not"] if negated else value
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise ConfigError(f"a set of classes is {value!r}; write [car, bicyclist] or {{not: [road, pavement]}}")
        return cls(frozenset(names), negated)

    def plain(self) -> list[str] | dict[str, list[str]]:
        """The inverse of `parse`."""
        return {"not": sorted(self.names)} if self.negated else sorted(self.names)

    def flags(self, names: Sequence[str]) -> list[bool]:
        """Of each of a table's `names`, whether it is in the set.

        ConfigError where the table lacks a name of the set, or no class is left in it.
        """
        if strangers := sorted(self.names - set(names)):
            raise ConfigError(f"{self.plain()} names {strangers}, which is not among {', '.join(names)}")
        flags = [(name in self.names) != self.negated for name in names]
        if not any(flags):
            raise ConfigError(f"{self.plain()} leaves no class of {', '.join(names)}")
        return flags
