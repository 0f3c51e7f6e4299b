"""Models whose batch norms have real statistics, images with flat patches, and the plain network's answers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from enet_ros.card import ModelCard
from enet_ros.classes import CAMVID
from enet_ros.model_file import Model, digest
from enet_ros.spec import ENetSpec

SIZE = (40, 56)


def picture(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8: smooth colours, noise, and the saturated patches in which pools meet ties."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (-(-size[0] // 8), -(-size[1] // 8), 3))
    image = coarse.repeat(8, 0).repeat(8, 1)[: size[0], : size[1]] + rng.integers(-30, 31, (*size, 3))
    image = np.clip(image, 0, 255).astype(np.uint8)
    image[: size[0] // 3, : size[1] // 2] = 255
    return image


@lru_cache(maxsize=16)
def make_model(seed: int = 0, temperature: float = 1.0, **spec: object) -> Model:
    """A network of random weights; its running statistics come from pictures, its slopes differ."""
    torch = pytest.importorskip("torch", reason="torch builds the test's models: pip install torch")
    from enet_ros import nn

    torch.manual_seed(seed)
    card_keys = {key: spec.pop(key) for key in ("mean", "std", "channel_order") if key in spec}
    network = nn.ENet(ENetSpec(num_classes=CAMVID.num_classes, **spec), nn.Dropout(0.0, 0.0, 0.0))  # type: ignore[arg-type]
    card = ModelCard("test", network.spec, CAMVID, SIZE, temperature=temperature, **card_keys)  # type: ignore[arg-type]
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.PReLU):
                module.weight.uniform_(-0.2, 1.2)
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # the plain average
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
        for step in range(3):
            images = np.stack([_normalised(card, picture((64, 64), 10 * step + i)) for i in range(2)])
            network.train()(torch.from_numpy(images))
    tensors = nn.tensors_of(network)
    return Model(card.with_(digest=digest(tensors)), tensors)


def _normalised(card: ModelCard, image: np.ndarray) -> np.ndarray:
    """(3, H, W) float32 as the card says."""
    pixels = image[..., ::-1] if card.channel_order == "bgr" else image
    return ((pixels - np.array(card.mean)) / np.array(card.std)).astype(np.float32).transpose(2, 0, 1)


def plain(model: Model, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels (H, W) and 255 * probability (H, W) float of nn.ENet itself."""
    torch = pytest.importorskip("torch", reason="torch runs the plain network: pip install torch")
    from enet_ros import nn

    with torch.inference_mode():
        logits = nn.build(model)(torch.from_numpy(_normalised(model.card, image))[None])[0]
        probability = (logits / model.card.temperature).softmax(0).amax(0)
        return logits.argmax(0).numpy(), 255 * probability.numpy()
