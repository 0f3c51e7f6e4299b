"""What is measured."""

from __future__ import annotations

import pytest

from enet_ros.benchmark import PEERS, Case, plan
from enet_ros.errors import ConfigError


def test_all_combinations_by_size() -> None:
    cases = plan(["openvino", "onnxruntime"], ["fp32", "bf16"], [(240, 320), (360, 480)], ["pytorch_eager"])
    assert len(cases) == 2 * (2 * 2 + 1)
    assert cases[:2] == [
        Case("openvino", "openvino", "fp32", (240, 320)),
        Case("openvino", "openvino", "bf16", (240, 320)),
    ]
    assert cases[4] == Case("pytorch_eager", "", "fp32", (240, 320))
    assert [case.size for case in cases] == [(240, 320)] * 5 + [(360, 480)] * 5


def test_segnet_is_slow_and_runs_once() -> None:
    cases = plan([], ["fp32"], [(240, 320), (360, 480)], list(PEERS))
    assert [case.size for case in cases if case.name == "segnet"] == [(240, 320)]


@pytest.mark.parametrize(("engines", "peers"), [(["tensorflow"], []), ([], ["tensorflow"])])
def test_unknown_names(engines: list[str], peers: list[str]) -> None:
    with pytest.raises(ConfigError, match="'tensorflow'"):
        plan(engines, ["fp32"], [(240, 320)], peers)
