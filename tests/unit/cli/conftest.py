"""Which of the cases that start a process `make test` runs."""

from __future__ import annotations

from collections import Counter

import pytest

AT_ONCE = 2
"""Cases of one test that `make test` runs; the others are left to `make test-all`."""
PROCESSES = {
    f"test_{name}.py" for name in ["arena", "chat", "connect", "echo", "output", "place", "roll", "swarm", "tunnels"]
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the further cases of a test that starts a process for each case: a process takes half a second."""
    cases = Counter[str]()
    for item in items:
        if item.path.name in PROCESSES and hasattr(item, "callspec"):
            test = item.nodeid.partition("[")[0]
            cases[test] += 1
            if cases[test] > AT_ONCE:
                item.add_marker(pytest.mark.extended)
