"""Numbers for paths: what is told, confirmed, learned, and forgotten."""

from __future__ import annotations

import pytest

from gdpeer import Node
from gdpeer.errors import PacketError
from gdpeer.multiplayer.godot4.paths import PathCache
from gdpeer.multiplayer.wire.godot4 import ConfirmPath, SimplifyPath

SUM = "0" * 32


@pytest.fixture
def cache() -> PathCache:
    return PathCache()


def test_numbers_begin_at_1_and_are_never_given_again(cache: PathCache) -> None:
    one, two = Node("One"), Node("Two")
    assert (cache.nodes.get(one), cache.find_number(one), cache.find_node(1)) == (None, None, None)
    assert [cache.entry(node).number for node in (one, two, one)] == [1, 2, 1]
    assert (cache.find_number(two), cache.find_node(2)) == (2, two)
    cache.forget_node(one)
    assert cache.find_node(1) is None
    assert cache.entry(one).number == 3
    cache.clear()
    assert cache.entry(two).number == 1


def test_each_peer_is_told_once(cache: PathCache) -> None:
    entry = cache.entry(Node("One"))
    assert cache.tell(entry, [5, 6]) == [5, 6]
    assert cache.tell(entry, [5, 7]) == [7]
    cache.forget_peer(5)
    assert cache.tell(entry, [5, 6, 7]) == [5]


def test_who_confirms_is_remembered_until_it_goes(cache: PathCache) -> None:
    entry = cache.entry(Node("One"))
    cache.tell(entry, [5])
    assert cache.confirmed(5, ConfirmPath(True, 1), None) == []
    assert entry.confirmed == {5}
    assert not cache.is_old(5)
    cache.forget_peer(5)
    assert entry.confirmed == set()


@pytest.mark.parametrize(("number", "is_ignored"), [(-1, False), (0, False), (1, True), (2, True), (3, False)])
def test_answers_for_what_has_left_are_ignored_and_others_refused(
    cache: PathCache, number: int, is_ignored: bool
) -> None:
    """Two numbers were given, and both nodes have left the tree."""
    nodes = [Node("One"), Node("Two")]
    for node in nodes:
        cache.tell(cache.entry(node), [5])
    cache.forget_nodes()
    answer = ConfirmPath(True, number)
    if is_ignored:
        assert cache.confirmed(5, answer, None) == []
        return
    with pytest.raises(PacketError, match=f"that was not told: {number}"):
        cache.confirmed(5, answer, None)


def test_an_answer_by_path_that_was_not_told(cache: PathCache) -> None:
    with pytest.raises(PacketError, match="that was not told: Main"):
        cache.confirmed(5, ConfirmPath(True, None, "Main"), None)


def test_an_old_peer_gets_again_what_it_could_not_read(cache: PathCache) -> None:
    """Up to Godot 4.2 answers carry the path; the first one shows that it is such a peer."""
    entry = cache.entry(Node("One"))
    cache.tell(entry, [5])
    assert cache.learn(5, 5, SimplifyPath(SUM, 9, "Main"), Node("Main"), True) == ConfirmPath(True, 9)
    assert cache.confirmed(5, ConfirmPath(True, None, "One"), 1) == [ConfirmPath(True, None, "Main")]
    assert cache.is_old(5)
    assert entry.confirmed == {5}
    assert cache.confirmed(5, ConfirmPath(True, None, "One"), 1) == []
    assert cache.learn(5, 5, SimplifyPath(SUM, 8, "Other"), Node("Other"), False) == ConfirmPath(False, None, "Other")


def test_what_a_peer_told(cache: PathCache) -> None:
    main, other = Node("Main"), Node("Main")
    assert cache.peers == {}
    cache.learn(5, 5, SimplifyPath(SUM, 9, "Main"), main, True)
    known = cache.peers[5].known.get(9)
    assert known is not None
    assert (known[0], known[1](), known[2]) == ("Main", main, True)
    assert list(cache.peers[5].known) == [9]
    assert cache.learn(5, 5, SimplifyPath(SUM, 9, "Main"), main, True) == ConfirmPath(True, 9)  # asked once more
    with pytest.raises(PacketError, match="a number that is taken: 9") as caught:
        cache.learn(5, 5, SimplifyPath(SUM, 9, "Other"), main, True)
    assert caught.value.offset == 34
    cache.moved(5, 9, other)
    known = cache.peers[5].known.get(9)
    assert known is not None
    assert (known[0], known[1](), known[2]) == ("Main", other, True)


def test_relayed_peers_share_the_budget_of_their_connection(cache: PathCache) -> None:
    half = "x" * (2_000_000 // 4)
    cache.learn(2, 5, SimplifyPath(SUM, 1, half), Node("One"), True)
    cache.learn(2, 6, SimplifyPath(SUM, 1, half), Node("One"), True)
    with pytest.raises(PacketError, match="more paths"):
        cache.learn(2, 7, SimplifyPath(SUM, 1, half), Node("One"), True)
    cache.forget_peer(2)
    cache.learn(2, 7, SimplifyPath(SUM, 2, half), Node("One"), True)
