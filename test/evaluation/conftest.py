"""Lets the tests beside it import the flat scenes of the products' tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "products"))
