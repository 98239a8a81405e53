"""How much memory the paths of one peer may take."""

from __future__ import annotations

import pytest

from gdpeer.errors import PacketError
from gdpeer.multiplayer.rpc.path_budget import MAX_PATH_MEMORY, PathBudget


@pytest.mark.parametrize("length", [0, 1, 100, 10_000])
def test_a_budget_is_used_up_to_its_last_byte(length: int) -> None:
    """200 bytes an entry and 4 a character, 4 MiB in all."""
    assert MAX_PATH_MEMORY == 4_194_304
    budget, path = PathBudget(), "x" * length
    for _ in range(4_194_304 // (200 + 4 * length)):
        budget.take(path)
    with pytest.raises(PacketError, match="more paths than one peer may announce") as caught:
        budget.take(path)
    assert (caught.value.offset, caught.value.kind) == (1, "too many paths")


def test_a_budget_that_fits_exactly() -> None:
    budget = PathBudget()
    budget.take("x" * ((4_194_304 - 200) // 4))
    with pytest.raises(PacketError):
        budget.take("")
