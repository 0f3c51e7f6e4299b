"""ModelCard: what a weights file says of itself, so that it rebuilds and explains itself without being told."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from enet_ros.classes import ClassTable
from enet_ros.errors import ConfigError, ModelError
from enet_ros.spec import ENetSpec

CARD_VERSION = 1
"""Version of the card's JSON; a reader refuses a newer one."""


@dataclass(frozen=True)
class ModelCard:
    """Everything needed to run, judge and lawfully use a model.

    input_size     (height, width) in pixels the model was trained and measured at
    channel_order  "rgb" or "bgr": what the network's first convolution expects (images given to us are always RGB)
    mean, std      per channel in that order, in units of the 0..255 pixel: x = (pixel - mean) / std
    temperature    logits are divided by it before the soft-max that makes the confidence (Guo et al. 2017)
    metrics        (name, value) pairs measured by `enet_ros evaluate`
    provenance     what it was trained on and how, or which file it was imported from
    license        terms under which the weights may be used
    digest         sha256 over the tensors, set when the file is written

    Raises ConfigError where the parts contradict each other.
    """

    name: str
    spec: ENetSpec
    classes: ClassTable
    input_size: tuple[int, int]
    channel_order: str = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (255.0, 255.0, 255.0)
    temperature: float = 1.0
    metrics: tuple[tuple[str, float], ...] = ()
    provenance: str = ""
    license: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        if self.spec.num_classes != self.classes.num_classes:
            raise ConfigError(
                f"model {self.name!r} has {self.spec.num_classes} outputs but its class table "
                f"{self.classes.name!r} lists {self.classes.num_classes}; they must agree"
            )
        if self.channel_order not in ("rgb", "bgr"):
            raise ConfigError(f"model {self.name!r} has channel order {self.channel_order!r}; use 'rgb' or 'bgr'")
        if len(self.input_size) != 2 or not all(8 <= side <= 8192 for side in self.input_size):
            raise ConfigError(f"model {self.name!r} has input size {self.input_size}; use (height, width), 8..8192")
        if not all(0 < value < math.inf for value in (*self.std, self.temperature)):
            raise ConfigError(f"model {self.name!r}: std {self.std} and temperature {self.temperature} must be > 0")
        if not all(map(math.isfinite, self.mean)):
            raise ConfigError(f"model {self.name!r} has mean {self.mean}; its values must be finite")

    def with_(self, **changes: Any) -> ModelCard:
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def to_json(self) -> str:
        """One line of JSON, keys sorted: the form stored in safetensors and ONNX metadata."""
        values = vars(self) | {
            "version": CARD_VERSION,
            "spec": self.spec.to_dict(),
            "classes": self.classes.to_dict(),
            "metrics": dict(self.metrics),
        }
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """The inverse of `to_json`. Raises ModelError on damage or on a version this release does not know."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ModelError(
                f"the model card is not JSON ({error}); the file is damaged or not an enet_ros model"
            ) from None
        if not isinstance(values, dict) or values.get("version") != CARD_VERSION:
            found = values.get("version") if isinstance(values, dict) else None
            raise ModelError(
                f"the model card has version {found!r}, this release reads {CARD_VERSION}; update enet_ros"
            )
        try:
            return cls._from_values(values)
        except (LookupError, TypeError, ValueError, OverflowError, AttributeError, ConfigError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise ModelError(f"the model card is incomplete or contradicts itself: {reason}") from None

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> ModelCard:
        height, width = values["input_size"]
        mean, std = ((float(a), float(b), float(c)) for a, b, c in (values["mean"], values["std"]))
        return cls(
            name=str(values["name"]),
            spec=ENetSpec.from_dict(values["spec"]),
            classes=ClassTable.from_dict(values["classes"]),
            input_size=(int(height), int(width)),
            channel_order=str(values["channel_order"]),
            mean=mean,
            std=std,
            temperature=float(values["temperature"]),
            metrics=tuple((str(k), float(v)) for k, v in values["metrics"].items()),
            provenance=str(values["provenance"]),
            license=str(values["license"]),
            digest=str(values["digest"]),
        )
