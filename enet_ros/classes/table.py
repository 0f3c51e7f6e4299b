"""ClassTable: the names, colours and kinds of the classes of a mask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from enet_ros.arrays import U8
from enet_ros.errors import ConfigError

VOID = 255
"""The value of a mask's pixel that belongs to no class (unlabelled, unsure, unseen)."""


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


@dataclass(frozen=True)
class ClassTable:
    """Names, colours, drivable and flat sets of the classes 0..N-1.

    names     one a class, unique
    colors    (r, g, b) 0..255, one a class
    drivable  names of the classes a ground vehicle may drive on
    void      index of the network's own 'unlabelled' output, or None; masks carry 255 in its place
    flat      names of the classes that lie in the ground plane and hide nothing; the drivable ones always do
    means     of a dataset that labels coarsely, what each class may be in a model's table (`enet_ros.classes.maps`);
              empty where the classes are what their names say

    Raises ConfigError where the parts do not fit together.
    """

    name: str
    names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    drivable: frozenset[str]
    void: int | None = None
    flat: frozenset[str] = frozenset()
    means: tuple[ClassSet, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.names) <= 254:
            raise ConfigError(f"class table {self.name!r} has {len(self.names)} classes; use 1..254 (255 is void)")
        if len(set(self.names)) != len(self.names):
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise ConfigError(f"class table {self.name!r} names {twice} more than once; rename one")
        if len(self.colors) != len(self.names):
            raise ConfigError(
                f"class table {self.name!r} has {len(self.names)} names and {len(self.colors)} colours; give one each"
            )
        for color in self.colors:
            if len(color) != 3 or not all(isinstance(v, int) and 0 <= v <= 255 for v in color):
                raise ConfigError(f"class table {self.name!r} has colour {color!r}; use three integers 0..255")
        if strangers := sorted(self.drivable - set(self.names)):
            raise ConfigError(f"class table {self.name!r} calls {strangers} drivable, which it does not list")
        if strangers := sorted(self.flat - set(self.names)):
            raise ConfigError(f"class table {self.name!r} calls {strangers} flat, which it does not list")
        object.__setattr__(self, "flat", self.flat | self.drivable)
        if self.void is not None and not 0 <= self.void < len(self.names):
            raise ConfigError(f"class table {self.name!r} has void index {self.void}; use 0..{len(self.names) - 1}")

        if self.means and len(self.means) != len(self.names):
            raise ConfigError(
                f"class table {self.name!r} has {len(self.names)} names and {len(self.means)} meanings; give one each"
            )

    @property
    def num_classes(self) -> int:
        """How many outputs the network has."""
        return len(self.names)

    def index(self, name: str) -> int:
        """The id of a class; ConfigError where the table has no such name."""
        try:
            return self.names.index(name)
        except ValueError:
            raise ConfigError(f"class {name!r} is not in table {self.name!r}; it has {', '.join(self.names)}") from None

    def indices(self, names: Iterable[str]) -> tuple[int, ...]:
        """The ids of several classes, ascending; ConfigError as in `index`."""
        return tuple(sorted(self.index(name) for name in names))

    def membership(self, names: Iterable[str]) -> U8:
        """(256,) uint8 table: 255 at the ids of `names`, 0 elsewhere (void included)."""
        table = np.zeros(256, np.uint8)
        table[list(self.indices(names))] = 255
        return table

    def lut(self) -> U8:
        """(256, 3) uint8 RGB colours by id; void and unused ids are black."""
        table = np.zeros((256, 3), np.uint8)
        table[: self.num_classes] = self.colors
        if self.void is not None:
            table[self.void] = 0
        return table

    def with_unlabelled(self, name: str, *, first: bool) -> ClassTable:
        """The table of a network with an output for 'unlabelled' (void) more: the first or the last."""
        void = 0 if first else self.num_classes
        names, colors = [*self.names], [*self.colors]
        names.insert(void, "unlabelled")
        colors.insert(void, (0, 0, 0))
        return replace(self, name=name, names=tuple(names), colors=tuple(colors), void=void)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a card's JSON or a YAML file."""
        values = vars(self) | {"drivable": sorted(self.drivable), "flat": sorted(self.flat)}
        del values["means"]
        if self.means:
            values["means"] = {name: means.plain() for name, means in zip(self.names, self.means, strict=True)}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassTable:
        """The inverse of `to_dict`; ConfigError names a missing or unusable entry."""
        try:
            names = tuple(str(name) for name in values["names"])
            return cls(
                name=str(values["name"]),
                names=names,
                colors=tuple((int(r), int(g), int(b)) for r, g, b in values["colors"]),
                drivable=frozenset(str(name) for name in values.get("drivable", ())),
                void=None if values.get("void") is None else int(values["void"]),
                flat=frozenset(str(name) for name in values.get("flat", ())),
                means=_meanings(names, values.get("means")),
            )
        except KeyError as error:
            raise ConfigError(f"the class table has no entry {error}; it needs name, names, colors") from None
        except (TypeError, ValueError) as error:
            raise ConfigError(f"the class table is malformed ({error}); colours are [r, g, b] triples") from None


def _meanings(names: tuple[str, ...], values: Any) -> tuple[ClassSet, ...]:
    """A set a name, from a mapping by name."""
    if values is None:
        return ()
    if not isinstance(values, Mapping) or set(values) != set(names):
        raise ConfigError(f"entry means is {values!r}; give a set of classes for each of {', '.join(names)}")
    return tuple(ClassSet.parse(values[name]) for name in names)
