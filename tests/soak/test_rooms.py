"""R17: for half an hour, fifty rooms a second are made, played in by two players, and disposed of; memory stays flat.

make soak, or for a shorter trial: GDPEER_MINUTES=3 python -m pytest -s tests/soak/test_rooms.py
"""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path
from statistics import median

import pytest

from tests.support.churn import Churn
from tests.support.figures import record

MINUTES = float(os.environ.get("GDPEER_MINUTES", "30"))
PACE = 50
"""Rooms a second."""
SAMPLE = 5.0
"""Seconds between two looks at the memory."""
MOST = 1.02
"""Times the memory after the warm-up, which takes a sixth of the time."""

pytestmark = pytest.mark.timeout(60 * MINUTES + 120)


def resident() -> int:
    """Returns the bytes of memory of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_r17_memory_stays_flat_while_rooms_come_and_go() -> None:
    sizes: list[int] = []
    with Churn() as churn:
        begin = time.monotonic()
        while (now := time.monotonic() - begin) < 60 * MINUTES:
            if now >= SAMPLE * len(sizes):
                sizes.append(resident())
            churn.make_room()
            time.sleep(max(0.0, churn.rooms / PACE - (time.monotonic() - begin)))
        rooms, took = churn.rooms, time.monotonic() - begin
    warm = sizes[len(sizes) // 6 :]
    first, most = median(warm[: max(1, len(warm) // 10)]), max(warm)
    figures = record(
        "R17",
        minutes=MINUTES,
        rooms=rooms,
        rooms_per_second=rooms / took,
        mib_at_first=sizes[0] / 2**20,
        mib_when_warm=first / 2**20,
        mib_at_most=most / 2**20,
        mib_at_last=sizes[-1] / 2**20,
        processor_share=time.process_time() / took,
    )
    assert figures["rooms_per_second"] > 0.98 * PACE
    assert most <= MOST * first
