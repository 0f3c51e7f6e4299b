"""What verbs need that run a ROS process: its environment."""

from __future__ import annotations

import os
from pathlib import Path

_PROFILE = "FASTDDS_DEFAULT_PROFILES_FILE"


def images_environment() -> dict[str, str]:
    """This environment, with the Fast DDS profile for large images unless the user has one.

    The sender's profile decides whether images arrive, so a player needs it as much as the node.
    """
    environment = dict(os.environ)
    for parent in Path(__file__).resolve().parents:
        for profile in (parent / "config" / "fastdds.xml", parent / "share/enet_ros/config/fastdds.xml"):
            if profile.is_file():
                environment.setdefault(_PROFILE, str(profile))
                return environment
    return environment
