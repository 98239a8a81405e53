"""Whatever one or two names two sides differ in: the search finds them."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from gdpeer.contract import checksum_of
from gdpeer.multiplayer.rpc.mismatch import find_changes

NAME = st.text("abcÄz_名", min_size=1, max_size=4)


@given(st.sets(NAME, min_size=1, max_size=8), st.sets(NAME, max_size=8), st.data())
def test_every_edit_of_one_or_two_names_is_explained(own: set[str], others: set[str], data: st.DataObject) -> None:
    less = data.draw(st.lists(st.sampled_from(sorted(own)), unique=True, max_size=2))
    new = sorted(others - own)
    more = data.draw(st.lists(st.sampled_from(new), unique=True, max_size=2 - len(less))) if new else []
    there = own - {*less} | {*more}
    found = find_changes(checksum_of(there), sorted(own), (), sorted(others)).changes
    if not less and not more:
        return
    assert found
    for change in found:  # each answer has the checksum, whether or not it is the edit
        if not change.by_code:
            assert checksum_of(own - {*change.lacks} | {*change.has}) == checksum_of(there)
    sizes = {len(change.lacks) + len(change.has) for change in found if not change.by_code}
    assert len(sizes) <= 1
    assert max(chain(sizes, [1])) <= len(less) + len(more)
