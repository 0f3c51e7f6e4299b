"""Which memory an engine needs, and which engines are not ours."""

from __future__ import annotations

import pytest

from enet_ros.engines.tensorrt.plan import TensorInfo, plan_buffers
from enet_ros.errors import EngineError

IMAGE = TensorInfo("image", True, (1, 40, 56, 3), "uint8")
LABELS = TensorInfo("labels", False, (40, 56), "uint8")
CONFIDENCE = TensorInfo("confidence", False, (40, 56), "uint8")


def test_buffers() -> None:
    plan = plan_buffers([IMAGE, LABELS, CONFIDENCE], (40, 56))
    assert plan.image.nbytes == 40 * 56 * 3 and plan.labels.shape == (40, 56)
    assert plan.confidence is not None and plan.confidence.nbytes == 40 * 56
    assert plan_buffers([LABELS, IMAGE], (40, 56)).confidence is None


@pytest.mark.parametrize(
    "tensors",
    [
        [IMAGE],
        [LABELS],
        [IMAGE, LABELS._replace(dtype="float")],
        [IMAGE._replace(shape=(1, 3, 40, 56)), LABELS],
        [IMAGE._replace(shape=(-1, 40, 56, 3)), LABELS],
        [IMAGE, LABELS, TensorInfo("scores", False, (11, 40, 56), "float")],
    ],
)
def test_tensors_of_another_programs_engine_are_refused(tensors: list[TensorInfo]) -> None:
    with pytest.raises(EngineError, match="not built by enet_ros"):
        plan_buffers(tensors, (40, 56))
