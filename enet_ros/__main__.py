"""`python -m enet_ros`, as torchrun starts it: the same as the command enet_ros."""

from __future__ import annotations

import sys

from enet_ros.cli import main

sys.exit(main())
