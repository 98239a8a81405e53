"""R17, the short form: a hall keeps nothing of rooms that were closed, and of their players.

The long form is tests/soak/test_rooms.py.
"""

from __future__ import annotations

import sys

import pytest

from tests.support.churn import Churn
from tests.support.figures import record
from tests.support.long import amount

WARM_UP = 300
ROOMS = amount(700, 5000)

pytestmark = pytest.mark.timeout(300)


def test_r17_rooms_that_come_and_go_leave_nothing() -> None:
    """Counts all blocks of memory: one block for each second room would be noticed."""
    with Churn() as churn:
        blocks = []
        for rooms in (WARM_UP, ROOMS):
            for _ in range(rooms):
                churn.make_room()
            churn.settle()
            blocks.append(sys.getallocatedblocks())
        figures = churn.hall.figures
        assert figures.made == {"arena": WARM_UP + ROOMS}
        assert figures.joined == 2 * (WARM_UP + ROOMS)
        assert figures.returned["ok"] == WARM_UP + ROOMS
    growth = blocks[1] - blocks[0]
    record("R17", churn_rooms=ROOMS, churn_blocks=growth)
    assert growth < ROOMS / 2
