"""One verb over many bags, on this machine or on a Ray cluster, with the same result."""

from __future__ import annotations

from enet_ros.fleet.drives import Drive, find_drives, is_bag, is_glob
from enet_ros.fleet.here import run_here
from enet_ros.fleet.work import Outcome

__all__ = ["Drive", "Outcome", "find_drives", "is_bag", "is_glob", "run_here"]
