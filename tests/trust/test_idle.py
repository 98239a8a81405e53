"""S1: many that say nothing for long, in its short form; tests/soak/test_idle_peers.py has the long one."""

from __future__ import annotations

import pytest

from tests.support.figures import record
from tests.trust.idle import Idle, check, prove

pytestmark = pytest.mark.timeout(120)


def test_s1_two_thousand_idle_peers_stay_and_cost_little() -> None:
    idle = Idle(peers=2_000, heartbeat=2.0, seconds=5.0)
    check(idle, record("S1-short", **prove(idle)))
