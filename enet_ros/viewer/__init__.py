"""What a person sees in Rerun (rerun-sdk, an extra): frames, answers, metres and times as its entities.

`opened` shows a recording in the browser, in a window, or saves it; a `CameraScene` fills it. Without rerun-sdk both
raise ConfigError, which says what to install.
"""

from __future__ import annotations

from enet_ros.viewer.blueprint import LIVE, RECORDED
from enet_ros.viewer.scene import CameraScene, Pulse, Seen
from enet_ros.viewer.window import Window, opened

__all__ = ["LIVE", "RECORDED", "CameraScene", "Pulse", "Seen", "Window", "opened"]
