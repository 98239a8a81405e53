"""S1: ten thousand that say nothing for ten minutes; all of them stay, and cost little.

make soak, or for a shorter trial: GDPEER_MINUTES=1 python -m pytest tests/soak/test_idle_peers.py
"""

from __future__ import annotations

import os

import pytest

from gdpeer.cli.echo import HEARTBEAT
from tests.support.figures import record
from tests.trust.idle import Idle, check, prove

MINUTES = float(os.environ.get("GDPEER_MINUTES", "10"))

pytestmark = pytest.mark.timeout(60 * MINUTES + 120)


def test_s1_ten_thousand_idle_peers_are_alive_after_ten_minutes() -> None:
    idle = Idle(peers=10_000, heartbeat=HEARTBEAT, seconds=60 * MINUTES)
    check(idle, record("S1", **prove(idle)))
