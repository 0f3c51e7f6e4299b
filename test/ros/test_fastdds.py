"""Our Fast DDS profile is taken, unless the user has one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from enet_ros.ros import fastdds

NAMES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")


def test_ours_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")
    fastdds.use_profile()
    for name in NAMES:
        path = Path(os.environ[name])
        assert path.name == "fastdds.xml" and "segment_size" in path.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_user_s_where_there_is_one(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for other in NAMES:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "/my/own.xml")
    fastdds.use_profile()
    assert [os.environ.get(other) for other in NAMES if other != name] == [None]
    assert os.environ[name] == "/my/own.xml"
