"""The Fast DDS profile that lets images through. Standard library alone: it is needed before all other imports."""

from __future__ import annotations

import os

from enet_ros import files

VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
"""Read by Fast DDS 3 (Kilted and later) and by Fast DDS 2. Kilted warns of the second and loads both."""
_FAST_DDS_2 = ("humble", "iron", "jazzy")


def environment() -> dict[str, str]:
    """The variable that names our profile, or nothing where the user has a profile of their own.

    The profile of the SENDING process decides whether images arrive; Fast DDS's own defaults lose them.
    """
    profile = files.installed("config", "fastdds.xml")
    if profile is None or any(os.environ.get(name) for name in VARIABLES):
        return {}
    return {variable(): str(profile)}


def variable() -> str:
    """The one that this distribution reads."""
    return VARIABLES[os.environ.get("ROS_DISTRO") in _FAST_DDS_2]


def use_profile() -> None:
    """Use it in this process and those that it starts. Call it before the first node is made."""
    os.environ.update(environment())
