"""Memory given back to the kernel."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_SCRIPT = """
import os
import numpy as np
from pathlib import Path
from enet_ros.memory import keep_pages, release

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

assert keep_pages()
arrays = [np.ones(4 << 20, np.uint8) for _ in range(16)]
del arrays
kept = resident()
assert release()
assert kept - resident() > 48 << 20, (kept, resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no glibc here")
def test_freed_pages_are_kept_until_released() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
