"""F1 to F4, the short form: damaged cases, and those that a fuzzer found, through every parser.

What a parser promises stands in tests/fuzz/targets.py; the long form is `make fuzz`.
"""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdpeer import COMPILED
from tests.fuzz import corpus
from tests.fuzz.targets import TARGETS
from tests.support.figures import record
from tests.support.forms import FORM

TIMES = {
    "frames": 20 if COMPILED else 5,
    "request": 4,
    "response": 4,
    "extensions": 4,
    "deflate": 4,
    "variant4": 4,
    "variant3": 4,
    "replication": 4,
}
"""How many times the examples of other property tests: 5,000 of frames, uncompiled 1,250; 1,000 of each other. The long
form is `make fuzz`, which
tries millions."""
ROUNDS = 5
pytestmark = pytest.mark.timeout(300)
MOST_GROWTH = 16 * 1024

RECIPES = st.binary(min_size=8, max_size=26)
"""One draw an example: hypothesis takes longer for several than the parsers take for a case."""


def damaged(cases: list[bytes], recipe: bytes) -> bytes:
    """A case, named by two bytes, with as many changes as there are six more: place, length, and what to put there."""
    data = bytearray(cases[int.from_bytes(recipe[:2], "big") % len(cases)])
    for at in range(2, len(recipe), 6):
        place = int.from_bytes(recipe[at : at + 2], "big") % (len(data) + 1)
        put = recipe[at + 3 : at + 6]
        data[place : place + sum(recipe[at + 2 : at + 3]) % 5] = put[: sum(put) % 4]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_cases_break_no_promise(name: str) -> None:
    target, cases, count = TARGETS[name], corpus.cases(name), 0

    @settings(max_examples=settings.default.max_examples * TIMES[name])
    @given(RECIPES)
    def check(recipe: bytes) -> None:
        nonlocal count
        target.check(damaged(cases, recipe))
        count += 1

    check()
    assert count > settings.default.max_examples
    record(target.test, **{f"{name}_examples_{FORM}": count})


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_breaks_no_promise_and_memory_is_flat(name: str) -> None:
    """Each case in time and within its memory; the fifth round of all of them holds no more than the first."""
    target, cases = TARGETS[name], corpus.cases(name)
    beyond = 0
    for data in cases:
        target.check(data)
        beyond = max(beyond, target.check_memory(data))
    tracemalloc.start()
    try:
        held = []
        for _ in range(ROUNDS):
            for data in cases:
                target.run(data)
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[-1] - held[0] <= MOST_GROWTH
    record(target.test, **{f"{name}_cases": len(cases), f"{name}_beyond_{FORM}": beyond})


def test_each_target_has_seeds_and_a_corpus_that_was_found() -> None:
    assert set(corpus.SEEDS) == set(TARGETS) == set(TIMES)
    for name in TARGETS:
        assert corpus.SEEDS[name]()
        assert corpus.stored(name)
    files = [path for path in corpus.FOLDER.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == set(TARGETS)
    assert all(path.name == corpus.name_of(path.read_bytes()) for path in files)
