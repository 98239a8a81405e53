"""How calls between Python and a real Godot 4 find their nodes and methods: numbers of paths, nodes that come and go,
methods of one node, and a second API in the tree.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from gdpeer import OK, Node, SceneTree
from tests.interop.echo_rooms import until
from tests.interop.mp_rooms import ROLE, Child, Side, hosted, pair

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]


# --- the path cache


def kinds(packets: list[Any]) -> list[str]:
    """What goes over the wire: S a number is told, C it is confirmed, p a call by path, n by number."""
    names = {1: "S", 2: "C"}
    return [names.get(packet[0] & 7) or ("p" if packet[0] & 0x30 == 0x20 else "n") for _, packet in packets]


@ROLE
def test_calls_are_small_once_the_number_is_confirmed(role: str) -> None:
    with pair(role) as both:
        child, peer = both.here.child, both.here.peer
        peer.received.clear()
        child.poke.rpc_id(both.them, "a")
        child.poke.rpc_id(both.them, "b")
        until(lambda: peer.received, both.here)
        child.poke.rpc_id(both.them, "c")
        child.poke.rpc_id(both.them, "d")
        assert kinds(peer.sent) == ["S", "p", "p", "n", "n"]
        assert kinds(peer.received) == ["C"]
        text = b"\x04\0\0\0\x01\0\0\0d\0\0\0"
        assert peer.sent[-1] == ((both.them,), b"\0\x01\0\x01" + text)
        both.game.heard("poke", '["d"]', both.here)
        assert both.game.errors == []


@ROLE
def test_calls_of_the_engine_are_small_once_we_confirmed(role: str) -> None:
    with pair(role) as both:
        peer = both.here.peer
        peer.received.clear()
        for text in "abcdefgh":  # it takes up to a frame until the engine knows
            both.do(f'get_node("Child").rpc_id({both.us}, "poke", "{text}")')
            both.here.wait_for_call("poke", text, node=both.here.child)
        assert kinds(peer.sent) == ["C"]
        assert re.fullmatch("Sp{1,4}n+", "".join(kinds(peer.received)))
        assert peer.received[-1] == (both.them, b"\0\x01\0\x01\x04\0\0\0\x01\0\0\0h\0\0\0")
        assert both.game.errors == []


@ROLE
def test_a_node_of_python_that_leaves_and_comes_again(role: str) -> None:
    with pair(role) as both:
        main, child, peer = both.here.main, both.here.child, both.here.peer
        both.do(f'get_node("Child").rpc_id({both.us}, "poke", "1")')
        child.poke.rpc_id(both.them, "1")
        both.settle()
        main.remove_child(child)
        both.do(f'get_node("Child").rpc_id({both.us}, "poke", "nobody")')
        until(lambda: both.here.api.refused["unknown node"] == 1, both.here)
        main.add_child(child)
        peer.sent.clear()
        both.do(f'get_node("Child").rpc_id({both.us}, "poke", "2")')
        both.here.wait_for_call("poke", "2", node=child)
        assert kinds(peer.received)[-1] == "n"
        child.poke.rpc_id(both.them, "2")  # by another number
        assert kinds(peer.sent) == ["S", "p"]
        both.game.heard("poke", '["2"]', both.here)
        until(lambda: kinds(peer.received)[-1] == "C", both.here)
        child.poke.rpc_id(both.them, "3")
        assert kinds(peer.sent)[-1] == "n"
        both.game.heard("poke", '["3"]', both.here)
        assert both.game.errors == []


@ROLE
def test_another_node_of_python_at_the_same_path(role: str) -> None:
    with pair(role) as both:
        both.settle()
        both.here.main.remove_child(both.here.child)
        new = Child("Child")
        both.here.main.add_child(new)
        both.do(f'get_node("Child").rpc_id({both.us}, "poke", "hello")')
        both.here.wait_for_call("poke", "hello", node=new)
        new.poke.rpc_id(both.them, "hello")
        both.game.heard("poke", '["hello"]', both.here)
        assert both.game.errors == []


@ROLE
def test_a_node_of_the_engine_that_leaves_and_comes_again(role: str) -> None:
    with pair(role) as both:
        both.settle()
        both.do('set_meta("kept", get_node("Child"))')
        both.do('remove_child(get_meta("kept"))')
        both.do('add_child(get_meta("kept"))')
        both.do(f'get_node("Child").rpc_id({both.us}, "poke", "hello")')
        both.here.wait_for_call("poke", "hello", node=both.here.child)
        both.here.child.poke.rpc_id(both.them, "hello")
        both.game.heard("poke", '["hello"]', both.here)
        assert both.game.errors == []


# --- nodes and methods of every kind


@ROLE
def test_methods_that_are_configured_for_one_node(role: str) -> None:
    """`rpc_config`: numbers of two bytes, with bit 15, in a table before that of the class."""
    config = "{'rpc_mode': 1, 'call_local': false, 'transfer_mode': 2, 'channel': 0}"
    with pair(role) as both:
        child = both.here.child
        for method in ("set_meta", "remove_meta"):
            both.do(f'get_node("Child").rpc_config("{method}", {config})')
            setattr(child, method, lambda *arguments, method=method: child.note(method, *arguments))
            child.rpc_config(method, {"rpc_mode": 1, "transfer_mode": 2})
        child.rpc_id(both.them, "set_meta", "key", 7)
        both.settle()
        assert both.do('get_node("Child").get_meta("key")') == "7"
        child.rpc_id(both.them, "remove_meta", "key")
        both.settle()
        assert both.do('get_node("Child").has_meta("key")') == "false"
        both.do(f'get_node("Child").rpc_id({both.us}, "set_meta", "name", 1)')
        both.do(f'get_node("Child").rpc_id({both.us}, "remove_meta", "name")')
        both.here.wait_for_call("remove_meta", "name", node=child)
        assert (both.them, "set_meta", ["name", 1]) in child.calls
        assert both.here.api.refused == {}
        assert both.game.errors == []


@ROLE
def test_names_that_are_not_ascii(role: str) -> None:
    with pair(role) as both:
        both.do('get_node("Child").set_name("Größe ✓ 大")')
        both.here.child.name = "Größe ✓ 大"
        node = 'get_node("Größe ✓ 大")'
        for text in ("one", "two"):
            both.do(f'{node}.rpc_id({both.us}, "poke", "{text}")')
            both.here.wait_for_call("poke", text, node=both.here.child)
            both.here.child.poke.rpc_id(both.them, text)
            both.game.heard("poke", f'["{text}"]', both.here, path="/root/Main/Größe ✓ 大")
        assert both.game.errors == []


@ROLE
def test_more_than_255_nodes(role: str) -> None:
    """The numbers of the last ones take two bytes."""
    with pair(role) as both:
        peer, main, engine = both.here.peer, both.here.main, both.game.engine
        children = [both.here.child]
        for number in range(2, 301):
            engine.say('add_child(get_node("Child").duplicate(), true)')
            children.append(Child(f"Child{number}"))
            main.add_child(children[-1])
        until(lambda: len(engine.all("result")) == 299, both.here)
        both.game.skip(299)
        for text in ("by path", "by number"):
            for child in children:
                child.poke.rpc_id(both.them, text)
                engine.say(f'get_node("{child.name}").rpc_id({both.us}, "poke", "{text}")')
            count = 300 if text == "by path" else 600
            until(lambda count=count: sum(len(child.calls) for child in children) == count, both.here)
            main.loose.rpc_id(both.them, count)  # behind our confirmations
            both.game.heard("loose", f"[{count}]", both.here)
            until(lambda: kinds(peer.received).count("C") == 301, both.here)  # one is Main's
        assert b"\x10\x2c\x01\0" in {packet[:4] for _, packet in peer.sent}
        assert [packet for _, packet in peer.received if packet[0] & 7 == 0][-1][:4] == b"\x10\x2c\x01\0"
        paths = [event["path"] for event in engine.all("rpc") if event["method"] == "poke"]
        assert paths == [str(child.get_path()) for child in children] * 2
        assert both.game.errors == []


# --- two APIs in one process


def test_two_branches_each_with_a_server_of_its_own() -> None:
    with hosted() as (first, first_url), hosted() as (second, second_url):
        tree = SceneTree()
        for name in ("Room1", "Room2"):
            tree.root.add_child(Node(name))
        sides = [Side(tree, "/root/Room1"), Side(tree, "/root/Room2")]
        with sides[0].peer, sides[1].peer:
            for side, url in zip(sides, (first_url, second_url), strict=True):
                side.join(url)
            until(lambda: all(side.api.get_peers() == [1] for side in sides), tree)
            for index, (side, game) in enumerate(zip(sides, (first, second), strict=True)):
                assert side.main.multiplayer is side.api
                assert str(side.main.get_path()) == f"/root/Room{index + 1}/Main"
                assert side.main.channel_two.rpc(f"room {index}") is OK  # on the wire it is Main
                assert game.heard("channel_two", f'["room {index}"]', tree) == side.api.get_unique_id()
                game.do(f'rpc("channel_two", "back {index}")', tree)
                side.wait_for_call("channel_two", f"back {index}")
            assert [len(side.main.calls) for side in sides] == [1, 1]
            assert (first.errors, second.errors) == ([], [])
