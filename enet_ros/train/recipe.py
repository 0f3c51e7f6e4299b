"""Recipe: everything that decides how a network is trained, as one value that a checkpoint can compare."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from enet_ros.errors import ConfigError


@dataclass(frozen=True)
class Augmentation:
    """Random changes of a training pair. A probability or strength of 0 switches one off.

    flip        probability of a mirror image
    scale       (least, most) magnification, drawn log-uniformly; the frame is cropped or padded with void
    aspect      largest relative stretch of the width
    rotate_deg  largest rotation in degrees
    gamma       largest |log2| of the exponent applied to the intensities
    gain        largest |log2| of the exposure, one draw for all channels
    tint        largest relative difference between the channels' gains
    contrast    largest relative change around mid-grey
    saturation  largest relative change of the distance from grey
    wide        largest magnification of the height beyond the width's, as a wide image has that is squeezed into the
                network's input; log-uniform, in half of the frames
    distort     largest radial distortion, as the relative change of the radius from the middle to the corners
    effects     probability of each of two effects of bad light and cameras (`enet_ros.datasets.effects`)
    severity    the greatest severity of an effect, 0..5, drawn uniformly
    frame       (height, width) of a whole frame, where the cut that is trained on is smaller; None for the cut's
    paste       probability that the rare classes of a second frame are laid over the first
    """

    flip: float = 0.5
    scale: tuple[float, float] = (0.75, 2.0)
    aspect: float = 0.1
    rotate_deg: float = 3.0
    gamma: float = 0.5
    gain: float = 0.6
    tint: float = 0.1
    contrast: float = 0.25
    saturation: float = 0.4
    wide: float = 1.0
    distort: float = 0.0
    effects: float = 0.25
    severity: float = 2.0
    frame: tuple[int, int] | None = None
    paste: float = 0.5

    def __post_init__(self) -> None:
        """Raise ConfigError on a scale that is none."""
        low, high = self.scale
        if not 0.1 <= low <= high <= 10:
            raise ConfigError(f"scale is {low:g} to {high:g}; use two numbers of 0.1 to 10, the lesser first")

    def with_(self, **changes: Any) -> Augmentation:
        """A copy with some values replaced."""
        return dataclasses.replace(self, **changes)


NO_AUGMENTATION = Augmentation(
    flip=0.0, scale=(1.0, 1.0), aspect=0.0, rotate_deg=0.0, gamma=0.0, gain=0.0, tint=0.0, contrast=0.0, saturation=0.0,
    effects=0.0, paste=0.0,
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """One way to train.

    encoder_epochs   epochs of the first stage: the encoder alone, on labels of an eighth of the size (paper 5.1)
    epochs           epochs of the (second) stage: the whole network
    optimizer        "adam" (weight decay as L2 in the gradient) or "adamw" (decoupled)
    schedule         "constant" or "cosine" down to a hundredth, after `warmup_epochs` of linear rise
    class_weight_c   c in the class weights 1 / ln(c + p_class) (paper 5.1: 1.02); 0 for none
    flat_weight      weight of what lies flat and is not drivable, such as pavement: called road, it costs a driver most
    lovasz           weight of the Lovasz-softmax loss (Berman et al. 2018) beside the cross-entropy
    ema              decay of the moving average of the weights that is evaluated and saved; 0 for none
    keep_init        share of the weights begun from in those that are saved (WiSE-FT, Wortsman et al. 2022)
    frozen           parts of the network, by the names of `enet_ros.nn.ENet`, that keep weights and statistics of the
                     model begun from
    least_frames     an epoch of fewer frames takes each so often that it has about as many
    balance          offsets of the class outputs at the end, for the greatest mIoU on the frames trained on
    handicap         logits taken at the end from the drivable classes: so much likelier must road be to be called so
    crop             (height, width) cut out of a frame to train on; None for the whole input size
    dropout          spatial dropout of stage 1, stages 2-3, decoder
    """

    name: str
    epochs: int
    encoder_epochs: int = 0
    batch: int = 8
    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    schedule: str = "cosine"
    warmup_epochs: float = 2.0
    class_weight_c: float = 1.10
    flat_weight: float = 1.0
    lovasz: float = 0.5
    ema: float = 0.998
    keep_init: float = 0.0
    frozen: tuple[str, ...] = ()
    least_frames: int = 0
    balance: bool = True
    handicap: float = 0.0
    dropout: tuple[float, float, float] = (0.0, 0.05, 0.0)
    augmentation: Augmentation = field(default_factory=Augmentation)
    crop: tuple[int, int] | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        """Raise ConfigError on values that cannot train."""
        if self.epochs < 1 or self.encoder_epochs < 0 or self.batch < 1:
            raise ConfigError(
                f"epochs {self.epochs}, encoder_epochs {self.encoder_epochs}, batch {self.batch}: use 1 or more"
            )
        if self.optimizer not in ("adam", "adamw"):
            raise ConfigError(f"optimizer is {self.optimizer!r}; use 'adam' or 'adamw'")
        if self.schedule not in ("constant", "cosine"):
            raise ConfigError(f"schedule is {self.schedule!r}; use 'constant' or 'cosine'")
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(f"learning rate is {self.learning_rate}; use a positive number such as 1e-3")
        if self.class_weight_c and not 1 < self.class_weight_c < math.inf:
            raise ConfigError(f"class weight c is {self.class_weight_c}; use more than 1, such as 1.1, or 0 for none")
        if not 0 <= self.keep_init < 1:
            raise ConfigError(
                f"the share of the initial weights is {self.keep_init}; use 0 to less than 1, such as 0.3"
            )
        if self.seed < 0:
            raise ConfigError(f"seed is {self.seed}; use 0 or more")

    def rate(self, epoch: float, epochs: int) -> float:
        """Learning rate at a fractional epoch of a stage of `epochs` epochs."""
        if self.schedule == "constant":
            return self.learning_rate
        rise = min(1.0, (epoch + 0.02) / self.warmup_epochs) if self.warmup_epochs else 1.0
        return self.learning_rate * rise * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, epoch / epochs))))

    def with_(self, **changes: Any) -> Recipe:
        """A copy with some values replaced; None keeps a value."""
        return dataclasses.replace(self, **{k: v for k, v in changes.items() if v is not None})

    def to_json(self) -> str:
        """Compared by a resuming run with its checkpoint's."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)


PAPER = Recipe(
    name="paper",
    epochs=300,
    encoder_epochs=300,
    batch=10,
    optimizer="adam",
    learning_rate=5e-4,
    weight_decay=2e-4,
    schedule="constant",
    class_weight_c=1.02,
    lovasz=0.0,
    ema=0.0,
    balance=False,
    dropout=(0.01, 0.1, 0.0),
    augmentation=NO_AUGMENTATION,
)
"""Paper section 5.1: Adam 5e-4, L2 2e-4, batch 10, encoder first, weights 1 / ln(1.02 + p)."""

DEFAULT = Recipe(name="default", epochs=300)
"""The project's own: see docs/training.md for what was tried."""

ROAD = Recipe(
    name="road",
    epochs=20,
    learning_rate=1e-3,
    warmup_epochs=0.5,
    class_weight_c=0.0,
    flat_weight=2.0,
    balance=False,
    handicap=0.7,
    ema=0.995,
    augmentation=Augmentation(
        scale=(0.7, 1.6), wide=2.8, distort=0.25, tint=0.2, effects=0.6, severity=3.5, rotate_deg=4.0
    ),
)
"""For cameras and roads nobody trained on, begun from another model: wide images squeezed, bent lenses, bad light.

Its outputs are not balanced: for the mIoU of one set that would call more of the ground road, on every set.
"""

FINETUNE = Recipe(
    name="finetune",
    epochs=8,
    least_frames=160,
    learning_rate=5e-4,
    warmup_epochs=0.5,
    class_weight_c=0.0,
    flat_weight=2.0,
    balance=False,
    ema=0.98,
    keep_init=0.2,
    frozen=("initial", "down1", "stage1", "down2"),
    augmentation=Augmentation(scale=(0.7, 1.5), wide=1.6, effects=0.5, severity=3.0),
)
"""For twenty to a few hundred frames of one's own, begun from a model that is good already.

The first stages keep weights and statistics: edges and textures look the same everywhere, and few frames would bend
them to their own light.
"""

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in (DEFAULT, PAPER, ROAD, FINETUNE)}
