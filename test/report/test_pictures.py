from __future__ import annotations

import pytest

from enet_ros.report.pictures import EvenSample


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 1000, 4096])
def test_even_and_bounded(count) -> None:
    sample: EvenSample[int] = EvenSample(16)
    for number in range(count):
        if sample.wants():
            sample.add(number)
        assert len(sample.entries) <= 16
    steps = {b - a for a, b in zip(sample.entries, sample.entries[1:], strict=False)}
    assert len(steps) <= 1, "unevenly spaced"
    assert len(sample.entries) == count if count <= 16 else len(sample.entries) >= 8
    assert sample.entries[:1] == [0][:count]
