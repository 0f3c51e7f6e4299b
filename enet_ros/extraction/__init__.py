"""Take pictures out of recorded drives: the frames that are worth an annotator's time, with a manifest."""

from __future__ import annotations

from enet_ros.extraction.drives import Drive
from enet_ros.extraction.run import Extraction, extract
from enet_ros.extraction.scan import Eyes, ScanSettings, scan

__all__ = ["Drive", "Extraction", "Eyes", "ScanSettings", "extract", "scan"]
