from __future__ import annotations

import pytest

from enet_ros.cli.results import tell_problems


@pytest.mark.parametrize(("count", "lines"), [(0, []), (2, ["0", "1"]), (5, list("01234")), (7, list("01234"))])
def test_the_first_problems_are_told_and_how_many_more(
    count: int, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = tell_problems([str(number) for number in range(count)], "not read")
    told = [f"enet_ros: not read: {line}" for line in lines]
    more = ["enet_ros: and 2 more"] if count == 7 else []
    assert capsys.readouterr().err.splitlines() == told + more
    assert code == int(count > 0)
