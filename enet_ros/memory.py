"""How the process treats the memory of images."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_pages() -> bool:
    """Have glibc keep freed image buffers: page faults cost more than copies. False where there is no glibc."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, 64 << 20)) and bool(mallopt(_M_TRIM_THRESHOLD, 512 << 20))


def release() -> bool:
    """Return freed memory to the kernel, once: after loading a model, which is the most a process needs.

    False where there is no glibc, or nothing to return.
    """
    try:
        return bool(ctypes.CDLL("libc.so.6").malloc_trim(0))
    except (OSError, AttributeError):
        return False
