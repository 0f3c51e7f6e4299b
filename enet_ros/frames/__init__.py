"""Where images come from: one `Frame`, one `Source`, and an opener for each kind of place.

`files` opens folders, datasets and videos, `street` the synthetic street, `bag` the cameras of a bag, `live` a camera.
"""

from __future__ import annotations

from enet_ros.frames.source import Frame, Load, Source

__all__ = ["Frame", "Load", "Source"]
