"""How the process treats the memory of images and activations."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -2, -3, -4, -8


def keep_pages() -> bool:
    """Have glibc keep freed image buffers: page faults cost more than copies. False where there is no glibc."""
    return _mallopt({_M_MMAP_THRESHOLD: 64 << 20, _M_TRIM_THRESHOLD: 512 << 20})


def keep_everything() -> bool:
    """Have glibc keep all it was ever given, in one arena: for a process that does nothing but train.

    Every step frees and asks for the same few gigabytes. False where there is no glibc. Call it before other threads
    begin.
    """
    return _mallopt({_M_MMAP_MAX: 0, _M_ARENA_MAX: 1, _M_TOP_PAD: 256 << 20, _M_TRIM_THRESHOLD: (1 << 31) - 1})


def release() -> bool:
    """Return freed memory to the kernel, once: after loading a model, which is the most a process needs.

    False where there is no glibc, or nothing to return.
    """
    try:
        return bool(ctypes.CDLL("libc.so.6").malloc_trim(0))
    except (OSError, AttributeError):
        return False


def _mallopt(options: dict[int, int]) -> bool:
    """Set glibc's options (mallopt(3)); True if it took them all."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return all(bool(mallopt(name, value)) for name, value in options.items())
