"""Memory kept, and given back to the kernel."""

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

_TRAINING = """
import resource
import numpy as np
from enet_ros.memory import keep_everything

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        arrays = [np.ones(96 << 20, np.uint8) for _ in range(2)]
        del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

assert faults() > 1000
assert keep_everything()
faults()
assert faults() < 100
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no glibc here")
@pytest.mark.parametrize("script", [_SCRIPT, _TRAINING], ids=["pages", "everything"])
def test_freed_memory_is_kept(script: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
