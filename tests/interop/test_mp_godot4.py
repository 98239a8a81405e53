"""Calls between Python and a real Godot 4 over WebSocketMultiplayerPeer, the engine as a client and as the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gdpeer import OK, EncodedObject, EncodedObjectAsID, Node, Vector2, bytes_to_var, rpc, var_to_bytes
from tests.interop.echo_rooms import until
from tests.interop.mp_rooms import MODES, ROLE, Child, Side, hosting, pair, puppet
from tests.support.certificates import Certificates
from tests.support.missing import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.timeout(90)]


# --- values


@ROLE
def test_every_value_of_the_engine_comes_back_to_it(role: str) -> None:
    with pair(role) as both:
        count = int(both.do("values().size()"))
        both.do(f'call("step_echo", {both.us})')
        engine = both.game.engine
        until(lambda: len(both.here.main.calls) == count and len(engine.all("echoed")) == count, both.here)
        assert [event for event in engine.all("echoed") if not event["match"]] == []
        assert count > 60
        assert {event["from"] for event in engine.all("echoed")} == {both.us}
        assert both.game.errors == []


OBJECTS = ("object_ref", "array_with_object", "array_typed_ref")


def golden() -> list[dict[str, Any]]:
    return list(json.loads((ROOT / "tests/golden/variant_godot4.json").read_text())["values"])


@ROLE
def test_every_golden_value_of_python_is_what_the_engine_sees_and_comes_back(role: str) -> None:
    # An empty PackedByteArray alone cannot travel: see below.
    vectors = [one for one in golden() if one["name"] != "packed_byte_empty"]
    values = [bytes_to_var(bytes.fromhex(one["hex"])) for one in vectors]
    with pair(role) as both:
        main, engine = both.here.main, both.game.engine
        for value in values:
            assert main.echo.rpc_id(both.them, value) is OK
            both.here.poll()
        until(lambda: len(main.calls) == len(values), both.here)
        both.game.see("rpc", both.here, method="echo", args=f"[{vectors[-1]['back']}]")
        seen = [event["args"] for event in engine.all("rpc") if event["method"] == "echo"]
        for vector, value, call, text in zip(vectors, values, main.calls, seen, strict=True):
            assert call[:2] == (both.them, "echoed")
            [back] = call[2]
            assert type(back) is type(value)
            # The engine's stand-in for an object by its id is an object of its own, whose id it sends on.
            if vector["name"] not in OBJECTS:
                assert var_to_bytes(back, typed=True) == bytes.fromhex(vector["hex"])
            assert text == f"[{vector['back']}]"
        assert both.game.errors == []


@ROLE
def test_a_lone_empty_byte_array_is_no_argument_as_between_engines(role: str) -> None:
    with pair(role) as both:
        both.here.main.bytes_only.rpc_id(both.them, b"")
        both.game.complaint("Method expected 1 argument(s), but called with 0", both.here)
        both.do(f'rpc_id({both.us}, "bytes_only", PackedByteArray())')
        until(lambda: both.here.refusals, both.here)
        assert both.here.refusals == [(both.them, "Main", "bytes_only", "too few arguments: 0 of 1")]
        assert both.here.api.refused == {"wrong arguments": 1}


@ROLE
def test_arguments_of_several_types(role: str) -> None:
    with pair(role) as both:
        both.do(f'rpc_id({both.us}, "many", 70000, "s", Vector2(1, 2), [1, 2], {{"k": true}})')
        both.here.wait_for_call("many", 70000, "s", Vector2(1, 2), [1, 2], {"k": True})


@ROLE
def test_objects_in_full_where_both_want_them(role: str) -> None:
    with pair(role) as both:
        both.do('multiplayer.set("allow_object_decoding", true)')
        both.here.api.allow_object_decoding = True
        both.do(f'rpc_id({both.us}, "echo", get_meta("object"))')
        until(lambda: both.here.main.calls, both.here)
        [value] = both.here.main.calls[0][2]
        assert isinstance(value, EncodedObject)
        assert (value.class_name, value.properties["keycode"]) == ("InputEventKey", 65)
        # It was sent back in full: what the engine made of it is such an event again.
        echoed = both.game.see("echoed", both.here)["value"]
        assert echoed.startswith("Object(InputEventKey,")
        assert '"keycode":65' in echoed
        assert both.game.errors == []


@ROLE
def test_objects_go_as_ids_otherwise(role: str) -> None:
    with pair(role) as both:
        both.do(f'rpc_id({both.us}, "echo", get_node("Child"))')
        until(lambda: both.here.main.calls, both.here)
        [value] = both.here.main.calls[0][2]
        assert value == EncodedObjectAsID(int(both.do('get_node("Child").get_instance_id()')))
        assert both.game.errors == []


@ROLE
def test_over_tls(role: str, certificates: Certificates) -> None:
    with pair(role, certificates) as both:
        both.here.main.echo.rpc_id(both.them, "wss")
        both.here.wait_for_call("echoed", "wss")
        both.do(f'rpc_id({both.us}, "echo", "wss")')
        both.game.see("echoed", both.here, value='"wss"')
        assert both.game.errors == []


def test_a_long_argument_travels_both_ways() -> None:
    with hosting() as here, puppet(url=here.url) as game:
        [them] = here.wait_for_peers()
        text = "x" * 60_000
        here.main.echo.rpc_id(them, text)
        assert here.wait_for_call("echoed", text) == them
        assert game.errors == []


# --- modes


@ROLE
def test_every_mode_called_from_the_engine(role: str) -> None:
    with pair(role) as both:
        for number, words in enumerate(MODES):
            assert both.do(f'get_node("Modes").rpc("{"_".join(words[:3])}", {number})') == "0"
        both.settle()
        names = ["_".join(words[:3]) for words in MODES]
        allowed = [words[0] == "any_peer" or both.them == 1 for words in MODES]
        assert both.here.modes.calls == [
            (both.them, name, [number]) for number, name in enumerate(names) if allowed[number]
        ]
        local = [(event["from"], event["method"], event["number"]) for event in both.game.engine.all("mode")]
        assert local == [
            (both.them, name, number) for number, name in enumerate(names) if MODES[number][1] == "call_local"
        ]
        refused = [name for name, may in zip(names, allowed, strict=True) if not may]
        assert [refusal[2] for refusal in both.here.refusals] == refused
        assert both.here.api.refused["not allowed"] == len(refused)
        assert both.game.errors == []


@ROLE
def test_every_mode_called_from_python(role: str) -> None:
    with pair(role) as both:
        for number, words in enumerate(MODES):
            assert both.here.modes.rpc("_".join(words[:3]), number) is OK
        both.settle()
        names = ["_".join(words[:3]) for words in MODES]
        allowed = [words[0] == "any_peer" or both.us == 1 for words in MODES]
        heard = [(event["from"], event["method"], event["number"]) for event in both.game.engine.all("mode")]
        assert heard == [(both.us, name, number) for number, name in enumerate(names) if allowed[number]]
        assert both.here.modes.calls == [
            (both.us, name, [number]) for number, name in enumerate(names) if MODES[number][1] == "call_local"
        ]
        refused = allowed.count(False)
        until(lambda: len(both.game.errors) == refused, both.here)
        assert both.here.refusals == []


# --- calls that do not fit


@ROLE
def test_a_call_that_is_for_the_authority_only(role: str) -> None:
    """Node 1 is the authority's; who is not 1 is refused by the other side."""
    with pair(role) as both:
        if both.us == 1:
            both.do('rpc_id(1, "from_authority", "not allowed")')
            until(lambda: both.here.refusals, both.here)
            [(sender, path, method, reason)] = both.here.refusals
            assert (sender, path, method) == (both.them, "Main", "from_authority")
            assert reason == "only the authority may call it, and that is 1"
            assert both.game.errors == []
        else:
            both.here.main.from_authority.rpc_id(1, "not allowed")
            both.game.complaint("RPC 'from_authority' is not allowed", both.here)
        both.settle()
        assert [call for call in both.here.main.calls if call[1] == "from_authority"] == []
        assert both.game.engine.find("rpc", method="from_authority") is None


@ROLE
def test_an_authority_that_was_changed(role: str) -> None:
    """The client of both becomes the authority, on both sides; then its calls count and the server's do not."""
    with pair(role) as both:
        client = max(both.us, both.them)
        both.do(f"set_multiplayer_authority({client})")
        both.here.main.set_multiplayer_authority(client)
        both.do(f'rpc_id({both.us}, "from_authority", "engine")')
        both.here.main.from_authority.rpc_id(both.them, "python")
        if both.them == client:
            both.here.wait_for_call("from_authority", "engine")
            both.game.complaint("RPC 'from_authority' is not allowed", both.here)
        else:
            both.game.heard("from_authority", '["python"]', both.here)
            until(lambda: both.here.refusals, both.here)
            assert both.here.refusals[0][3] == f"only the authority may call it, and that is {client}"


@ROLE
@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ('"nothing", 1', "too many arguments: 1, where at most 0 are taken"),
        ('"many", 1, "s"', "too few arguments: 2 of 5"),
        ('"loose"', "too few arguments: 0 of 1"),
        ('"loose", "seven"', "argument 1 (number) is a str, not an int"),
    ],
    ids=["too_many", "too_few", "none", "wrong_type"],
)
def test_arguments_of_the_engine_that_do_not_fit(role: str, call: str, reason: str) -> None:
    with pair(role) as both:
        both.do(f"rpc_id({both.us}, {call})")
        until(lambda: both.here.refusals, both.here)
        assert [refusal[0] for refusal in both.here.refusals] == [both.them]
        assert both.here.refusals[0][3] == reason
        assert both.here.api.refused == {"wrong arguments": 1}
        both.settle()
        assert both.here.main.calls == []
        assert both.game.errors == []


@ROLE
def test_arguments_of_python_that_do_not_fit(role: str) -> None:
    with pair(role) as both:
        both.here.main.rpc_id(both.them, "nothing", 1)
        both.game.complaint("Method expected 0 argument(s), but called with 1", both.here)
        both.here.main.rpc_id(both.them, "many", 1, "s")
        both.game.complaint("Method expected 5 argument(s), but called with 2", both.here)
        both.settle()
        assert both.game.engine.find("rpc", path="/root/Main") is None


@ROLE
def test_a_node_that_python_has_not(role: str) -> None:
    with pair(role) as both:
        both.do(f'call("step_unknown", {both.us})')
        until(lambda: both.here.api.refused["unknown node"] == 3, both.here)
        # Told once by SIMPLIFY_PATH, which is no call, and called twice by its whole path.
        assert [one[:3] for one in both.here.refusals] == [(both.them, "Main/Nowhere", "method 0")] * 2
        both.settle()
        assert both.game.errors == []


@ROLE
def test_a_node_that_the_engine_has_not(role: str) -> None:
    with pair(role) as both:
        stray = Child("Nowhere")
        both.here.main.add_child(stray)
        for _ in range(2):
            assert stray.poke.rpc_id(both.them, "anyone?") is OK
        both.game.complaint("Main/Nowhere", both.here)
        both.settle()
        # It was not confirmed, so each call carries the path.
        calls = [packet for _, packet in both.here.peer.sent if packet.endswith(b"Main/Nowhere\0")]
        assert [packet[0] & 7 for packet in calls] == [1, 0, 0]
        assert both.game.engine.find("rpc", path="/root/Main/Nowhere") is None


class OtherChild(Child):
    """One method more than the engine's, behind it in the order."""

    @rpc("any_peer", "reliable")
    def poke_twice(self, text: str) -> None:
        self.note("poke_twice", text)


@contextmanager
def other_child(side: Side) -> Iterator[OtherChild]:
    side.main.remove_child(side.child)
    side.child = OtherChild("Child")
    side.main.add_child(side.child)
    yield side.child


@ROLE
def test_methods_of_other_names_are_noticed_and_calls_go_on_by_number(
    role: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pair(role) as both, other_child(both.here) as child:
        both.do(f'get_node("Child").rpc_id({both.us}, "poke", "from the engine")')
        both.here.wait_for_call("poke", "from the engine", node=child)
        both.game.complaint("The rpc node checksum failed", both.here)
        assert both.here.api.refused["checksum mismatch"] == 1
        assert "node 'Main/Child'" in caplog.text
        assert "poke, poke_twice" in caplog.text
        child.poke.rpc_id(both.them, "from python")
        both.game.heard("poke", '["from python"]', both.here)
        until(lambda: both.here.api.refused["checksum mismatch"] == 2, both.here)
        for _ in range(2):  # by number, both ways
            both.do(f'get_node("Child").rpc_id({both.us}, "poke", "again")')
            child.poke.rpc_id(both.them, "again")
        until(lambda: len(child.calls) == 3, both.here)
        both.game.heard("poke", '["again"]', both.here)
        assert both.here.peer.received[-1][1][0] & 0x30 == 0  # one byte for the node


@ROLE
def test_a_method_number_that_python_has_not(role: str) -> None:
    """The engine calls `poke`, where Python's child has no methods at all."""
    with pair(role) as both:
        both.here.main.remove_child(both.here.child)
        both.here.main.add_child(Node("Child"))
        both.do(f'get_node("Child").rpc_id({both.us}, "poke", "hello")')
        until(lambda: both.here.api.refused["unknown method"], both.here)
        reason = (
            "the node has no such number; this side's methods: none "
            "(the methods differ: the peer has the methods of class Child)"
        )
        assert both.here.refusals == [(both.them, "Main/Child", "method 0", reason)]
