"""A server's memory: flat, as the C library gives back what a model's run has borrowed, and tidied when it is quiet."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import Callable

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
MAPPED_BYTES = 1 << 20
"""Blocks of this size and more are mapped apart, and so returned to the system as soon as they are free."""
TRIM_BYTES = 16 << 20
ARENAS = 2
YOUNG = 20_000
"""Objects that are made before the young ones are looked through, which takes about a millisecond."""
QUIET_S, BUSY_S = 30.0, 3600.0
"""Seconds after which everything is looked through, if nobody calls, and if there is always somebody."""


def keep_flat() -> None:
    """Fix glibc's thresholds, which otherwise grow with the largest block freed; elsewhere nothing is done.

    Eight callers on the embedded stack so held 0.6 GB after three rounds of turns instead of 0.95. To be called
    before any thread starts.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)
    mallopt(M_TRIM_THRESHOLD, TRIM_BYTES)
    mallopt(M_ARENA_MAX, ARENAS)


def settle() -> None:
    """Take all that there is now as what stays, and let nothing look through the rest but `tidy`.

    With 200 callers a full collection takes 60 ms, in which no caller is served.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 1_000_000)


async def tidy(busy: Callable[[], bool]) -> None:
    """Look for garbage when nobody is served, until cancelled."""
    clock = asyncio.get_running_loop().time
    last = clock()
    while True:
        await asyncio.sleep(QUIET_S)
        if not busy() or clock() - last > BUSY_S:
            gc.collect()
            last = clock()
