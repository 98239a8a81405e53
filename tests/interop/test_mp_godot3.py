"""Calls and sets between Python and a real Godot 3 in its multiplayer mode, the engine as a client and the server."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from gdpeer import OK, RID, EncodedObject, EncodedObjectAsID, Error, Vector2, Vector3, bytes_to_var, var_to_bytes
from gdpeer.multiplayer.rpc.godot3_modes import Mode
from tests.interop.echo_rooms import until
from tests.interop.mp3_rooms import (
    MODES,
    PROJECT,
    Child,
    Pair,
    Side,
    hosted,
    hosting,
    joining,
    pair,
    puppet,
    room,
)
from tests.support.certificates import Certificates
from tests.support.engines import Engine
from tests.support.missing import ROOT
from tests.support.pages import program as example
from tests.support.ports import free_port, wait_until_listening
from tests.support.processes import Process

pytestmark = [pytest.mark.engine, pytest.mark.timeout(60, func_only=True)]

ROLE = pytest.mark.parametrize("role", ["client", "server"], ids=["engine_joins", "engine_hosts"])
NOBODY = 77


# --- coming and going


@ROLE
def test_both_ends_know_the_ids(role: str) -> None:
    with pair(role) as both:
        assert both.do("get_tree().get_network_unique_id()") == str(both.them)
        assert both.do("Array(get_tree().get_network_connected_peers())") == f"[ {both.us} ]"
        assert sorted((both.us, both.them))[0] == 1
        assert 1 < max(both.us, both.them) < 2**31
        assert both.here.api.is_network_server() is (both.us == 1)
        connected = [("network_peer_connected", both.them)]
        if role == "client":
            assert both.here.told == connected
            assert both.game.see("connected_to_server", both.here)["id"] == both.them
        else:
            assert both.here.told == [*connected, ("connected_to_server",)]
            assert both.game.engine.find("connected_to_server") is None
        assert [event["id"] for event in both.game.engine.all("peer_connected")] == [both.us]
        assert both.game.errors == both.here.errors == []


@ROLE
def test_the_client_leaves(role: str) -> None:
    with pair(role) as both:
        if role == "client":
            both.do('peer.disconnect_from_host(1000, "bye")')
            both.here.wait_for_news("network_peer_disconnected", both.them)
            assert both.here.closes == [(1000, "bye")]
            assert both.here.api.get_network_connected_peers() == []
        else:
            both.here.peer.disconnect_from_host(1000, "bye")
            both.game.see("peer_disconnected", both.here, id=both.us)
            assert both.game.see("close_request", both.here, id=both.us)["reason"] == "bye"
            both.here.wait_for_news("server_disconnected")
        assert both.game.errors == []


@ROLE
def test_the_server_kicks_a_client_with_a_code_and_a_reason(role: str) -> None:
    with pair(role) as both:
        if role == "client":
            both.here.peer.disconnect_peer(both.them, 4001, "kicked")
            request = both.game.see("close_request", both.here)
            assert (request["id"], request["code"], request["reason"]) == (1, 4001, "kicked")
            both.game.see("connection_failed", both.here)
            both.here.wait_for_news("network_peer_disconnected", both.them)
        else:
            both.do(f'peer.disconnect_peer({both.us}, 4001, "kicked")')
            both.here.wait_for_news("server_disconnected")
            assert both.here.closes == [(4001, "kicked")]
            assert both.here.id == 0
            both.game.see("peer_disconnected", both.here, id=both.us)
        assert both.game.errors == []


@ROLE
@pytest.mark.parametrize("clean", [True, False], ids=["closed", "crashed"])
def test_the_server_goes(role: str, clean: bool) -> None:
    with pair(role) as both:
        if role == "client":
            if clean:
                both.here.peer.stop()
            else:
                both.here.peer.get_peer(both.them).close(-1)
            both.game.see("connection_failed", both.here)
            assert both.game.engine.find("server_disconnected") is None
        elif clean:
            both.do("peer.stop()")
            both.here.wait_for_news("server_disconnected")
            assert both.here.closes == [(1000, "")]
        else:
            both.game.engine.kill()
            both.here.wait_for_news("server_disconnected")
            assert both.here.closes == []
        if role == "server":
            assert both.here.api.get_network_connected_peers() == []
            assert both.here.main.loose.rpc(1) is Error.ERR_CONNECTION_ERROR
            assert ("network_peer_disconnected", 1) not in both.here.told
        assert both.game.errors == []


@ROLE
def test_others_are_told_who_comes_and_who_goes(role: str) -> None:
    host = "python" if role == "client" else "engine"
    with room(host, "engine", "python") as here:
        leaving = here.second
        left = leaving.id
        leaving.peer.disconnect_from_host()
        here.first.see("peer_disconnected", *here.polled, id=left)
        if role == "client":
            here.server.wait_for_news("network_peer_disconnected", left)
        else:
            here.server.see("peer_disconnected", *here.polled, id=left)
        assert here.first.errors == here.server.errors == []


@ROLE
def test_over_tls(role: str, certificates: Certificates) -> None:
    with pair(role, certificates) as both:
        both.here.main.echo.rpc_id(both.them, "wss")
        both.here.wait_for_call("echoed", "wss")
        both.do(f'rpc_id({both.us}, "echo", "wss")')
        both.game.see("echoed", both.here, value='"wss"')
        assert both.game.errors == both.here.errors == []


@ROLE
def test_a_sub_protocol_in_common(role: str) -> None:
    with pair(role, protocols=("binary", "game")) as both:
        if role == "client":
            assert both.here.peer.get_peer(both.them).get_selected_protocol() == "binary"
        else:
            assert both.here.peer.get_peer(1).get_selected_protocol() == "binary"
        both.catch_up()
        assert both.game.errors == both.here.errors == []


def test_no_sub_protocol_in_common_with_a_client_of_the_engine() -> None:
    with hosting(protocols=("game",)) as here, puppet(url=here.url, protocols="chat") as game:
        game.see("connection_failed", here)
        assert here.told == []


def test_no_sub_protocol_in_common_with_a_server_of_the_engine() -> None:
    with hosted(protocols="game") as (game, url), joining(url, protocols=("chat",)) as here:
        here.wait_for_news("connection_failed")
        assert here.told == [("connection_failed",)]
        assert game.engine.find("peer_connected") is None


@ROLE
def test_a_server_that_refuses_new_connections(role: str) -> None:
    if role == "client":
        with hosting() as here:
            here.api.refuse_new_network_connections = True
            with puppet(url=here.url) as game:
                game.see("connection_failed", here)
            assert here.told == []
    else:
        with hosted() as (game, url):
            game.do("get_tree().set_refuse_new_network_connections(true)")
            with joining(url) as here:
                here.wait_for_news("connection_failed")
                assert here.told == [("connection_failed",)]
            assert game.engine.find("peer_connected") is None


# --- values


@ROLE
def test_every_value_of_the_engine_comes_back_to_it(role: str) -> None:
    with pair(role) as both:
        count = int(both.do("values().size()"))
        both.do(f'call("step_echo", {both.us})')
        engine = both.game.engine
        until(lambda: len(both.here.main.calls) == count and len(engine.all("echoed")) == count, both.here)
        assert [event for event in engine.all("echoed") if not event["match"]] == []
        types = {event["type"] for event in engine.all("echoed")}
        assert types == set(range(27)) - {16, 17}  # no RID, no object: see below
        assert {event["from"] for event in engine.all("echoed")} == {both.us}
        assert both.game.errors == both.here.errors == []


def golden() -> list[dict[str, Any]]:
    return list(json.loads((ROOT / "tests/golden/variant_godot3.json").read_text())["values"])


@ROLE
def test_every_golden_value_of_python_is_what_the_engine_sees_and_comes_back(role: str) -> None:
    # An object's id comes back as the id of what stood for it: see below.
    vectors = [one for one in golden() if "varies" not in one]
    values = [bytes_to_var(bytes.fromhex(one["hex"]), engine=3) for one in vectors]
    with pair(role) as both:
        main, engine = both.here.main, both.game.engine
        for value in values:
            assert main.echo.rpc_id(both.them, value) is OK
            both.here.poll()
        until(lambda: len(main.calls) == len(values), both.here)
        both.game.see("rpc", both.here, method="echo", args=f"[ {vectors[-1]['back']} ]")
        seen = [event["args"] for event in engine.all("rpc") if event["method"] == "echo"]
        for vector, value, call, text in zip(vectors, values, main.calls, seen, strict=True):
            assert call[:2] == (both.them, "echoed")
            [back] = call[2]
            assert (type(back), var_to_bytes(back, engine=3)) == (type(value), var_to_bytes(value, engine=3))
            assert text == f"[ {vector['back']} ]"
        assert both.game.errors == both.here.errors == []


@ROLE
def test_objects_go_as_ids_and_a_rid_without_its_number(role: str) -> None:
    with pair(role) as both:
        both.do(f'rpc_id({both.us}, "echo", self)')
        own_id = int(both.do("get_instance_id()"))
        both.here.wait_for_call("echo", EncodedObjectAsID(own_id))
        both.here.main.echo.rpc_id(both.them, EncodedObjectAsID(1234))
        until(lambda: both.game.calls("echo"), both.here)
        [(_, _, text)] = both.game.calls("echo")
        assert "EncodedObjectAsID" in text
        assert '"object_id":1234' in text
        both.here.main.echo.rpc_id(both.them, RID(7))
        both.here.wait_for_call("echoed", RID())
        assert both.game.errors == both.here.errors == []


@ROLE
def test_objects_in_full_only_where_the_receiver_allows_it(role: str) -> None:
    with pair(role) as both:
        both.here.api.allow_object_decoding = True
        thing = EncodedObject("Reference", {"script": None})
        both.here.main.echo.rpc_id(both.them, thing)
        both.game.complaint("Unable to decode RPC argument", both.here)
        both.do("get_tree().multiplayer.set_allow_object_decoding(true)")
        both.here.main.echo.rpc_id(both.them, thing)
        both.here.wait_for_call("echoed", thing)
        both.here.api.allow_object_decoding = False
        both.do(f'rpc_id({both.us}, "echo", get_tree().multiplayer)')
        until(lambda: both.here.api.refused, both.here)
        assert both.here.api.refused == {"bad packet": 1}
        assert len(both.here.main.calls) == 1


@ROLE
def test_arguments_of_several_types(role: str) -> None:
    with pair(role) as both:
        both.do(f'rpc_id({both.us}, "many", 70000, "s", Vector2(1, 2), [1, 2], {{"k": true}})')
        both.here.wait_for_call("many", 70000, "s", Vector2(1, 2), [1, 2], {"k": True})
        both.here.main.many.rpc_id(both.them, 70000, "s", Vector2(1, 2), [1, 2], {"k": True})
        both.game.heard("many", '[ 70000, "s", Vector2( 1, 2 ), [ 1, 2 ], {\n"k": true\n} ]', both.here)
        both.do(f'rpc_unreliable_id({both.us}, "nothing")')
        both.here.wait_for_call("nothing")
        both.here.main.nothing.rpc()
        both.game.heard("nothing", "[  ]", both.here)
        assert both.game.errors == both.here.errors == []


@ROLE
def test_a_long_argument_travels_both_ways(role: str) -> None:
    with pair(role) as both:
        text = "x" * 60_000
        both.here.main.echo.rpc_id(both.them, text)
        assert both.here.wait_for_call("echoed", text) == both.them
        assert both.game.errors == both.here.errors == []


# --- modes

WHERE = {
    "remote": ("there", "there", "there"),
    "master": ("here", "there", "nowhere"),
    "puppet": ("there", "here", "here"),
    "remotesync": ("both", "both", "both"),
    "mastersync": ("here", "both", "here"),
    "puppetsync": ("both", "here", "here"),
}
"""Where a call to all counts, when the node's master is the caller, the called one, and neither."""
REFUSED = ([], ["puppet", "puppetsync"], ["master", "puppet", "mastersync", "puppetsync"])
"""What was sent in these cases, and is refused."""
KIND = pytest.mark.parametrize("kind", ["by", "of"], ids=["rpc", "rset"])


def counting(case: int, *places: str) -> list[tuple[int, str]]:
    """The modes whose calls count there, with their numbers."""
    return [(number, mode) for number, mode in enumerate(MODES) if WHERE[mode][case] in places]


def heard_by_engine(both: Pair, start: int) -> list[tuple[int, str, int]]:
    return [(event["from"], event["name"], event["value"]) for event in both.game.engine.all("mode")[start:]]


def make_master(both: Pair, peer_id: int) -> None:
    both.do(f'get_node("Modes").set_network_master({peer_id})')
    both.here.modes.set_network_master(peer_id)


@ROLE
@KIND
def test_every_mode_from_the_engine(role: str, kind: str) -> None:
    with pair(role) as both:
        for case, master in enumerate((both.them, both.us, NOBODY)):
            make_master(both, master)
            both.here.modes.calls.clear()
            both.here.refusals.clear()
            start = len(both.game.engine.all("mode"))
            for number, mode in enumerate(MODES):
                both.do(f'get_node("Modes").{"rpc" if kind == "by" else "rset"}("{kind}_{mode}", {number})')
            both.catch_up()
            assert both.here.modes.calls == [
                (both.them, f"{kind}_{mode}", [number]) for number, mode in counting(case, "there", "both")
            ]
            assert heard_by_engine(both, start) == [
                (both.them, f"{kind}_{mode}", number) for number, mode in counting(case, "here", "both")
            ]
            assert [refusal[:3] for refusal in both.here.refusals] == [
                (both.them, "Main/Modes", f"{kind}_{mode}") for mode in REFUSED[case]
            ]
        assert both.here.api.refused == {"not allowed": 6}
        assert both.here.refusals[0][3] == f"mode master does not allow it; the node's master is {NOBODY}"
        assert both.game.errors == []


@ROLE
@KIND
def test_every_mode_from_python(role: str, kind: str) -> None:
    with pair(role) as both:
        modes = both.here.modes
        for case, master in enumerate((both.us, both.them, NOBODY)):
            make_master(both, master)
            modes.calls.clear()
            start = len(both.game.engine.all("mode"))
            complaints = len(both.game.errors)
            for number, mode in enumerate(MODES):
                call = modes.rpc if kind == "by" else modes.rset
                assert call(f"{kind}_{mode}", number) is OK
            both.catch_up()
            assert heard_by_engine(both, start) == [
                (both.us, f"{kind}_{mode}", number) for number, mode in counting(case, "there", "both")
            ]
            assert modes.calls == [
                (both.us, f"{kind}_{mode}", [number]) for number, mode in counting(case, "here", "both")
            ]
            told = both.game.errors[complaints:]
            assert len(told) == len(REFUSED[case])
            assert all(
                f"'{kind}_{mode}' is not allowed" in line for mode, line in zip(REFUSED[case], told, strict=True)
            )
        assert both.here.errors == []


@ROLE
@KIND
def test_every_mode_at_oneself(role: str, kind: str) -> None:
    """`rpc_id` with one's own id: what counts here is done, the rest is an error."""
    with pair(role) as both:
        make_master(both, both.us)
        modes = both.here.modes
        done = ["master", "remotesync", "mastersync", "puppetsync"]
        for mode in MODES:
            call = modes.rpc_id if kind == "by" else modes.rset_id
            result = call(both.us, f"{kind}_{mode}", 3)
            assert result is (OK if mode in done else Error.ERR_INVALID_PARAMETER)
        assert modes.calls == [(both.us, f"{kind}_{mode}", [3]) for mode in done]
        make_master(both, both.them)
        for mode in MODES:
            both.do(f'get_node("Modes").{"rpc_id" if kind == "by" else "rset_id"}({both.them}, "{kind}_{mode}", 3)')
        assert heard_by_engine(both, 0) == [(both.them, f"{kind}_{mode}", 3) for mode in done]
        assert len(both.game.errors) == 2
        both.catch_up()
        assert len(modes.calls) == len(done)


@ROLE
def test_a_set_of_every_kind_of_value(role: str) -> None:
    with pair(role) as both:
        for text, value in (("5", 5), ('"six"', "six"), ("Vector3( 1, 2, 3 )", Vector3(1, 2, 3)), ("[ null ]", [None])):
            both.do(f'rset_id({both.us}, "shared", {text})')
            both.here.wait_for_call("shared", value)
            assert both.here.main.shared == value
            assert both.here.main.rset_id(both.them, "shared", value) is OK
            event = both.game.see("rset", both.here, property="shared", value=text)
            assert event["from"] == both.us
        assert both.game.errors == both.here.errors == []


@ROLE
def test_modes_of_one_node_win_over_those_of_its_class(role: str) -> None:
    with pair(role) as both:
        modes = both.here.modes
        make_master(both, NOBODY)  # nobody may call a master
        both.do('get_node("Modes").rpc_config("by_master", 1)')
        both.do('get_node("Modes").rset_config("of_master", 1)')
        modes.rpc_config("by_master", Mode.REMOTE)
        modes.rset_config("of_master", Mode.REMOTE)
        both.do(f'get_node("Modes").rpc_id({both.us}, "by_master", 1)')
        both.do(f'get_node("Modes").rset_id({both.us}, "of_master", 1)')
        modes.rpc_id(both.them, "by_master", 2)
        modes.rset_id(both.them, "of_master", 2)
        both.catch_up()
        assert modes.calls == [(both.them, "by_master", [1]), (both.them, "of_master", [1])]
        assert heard_by_engine(both, 0) == [(both.us, "by_master", 2), (both.us, "of_master", 2)]
        assert both.game.errors == both.here.errors == []


@ROLE
def test_disabled_for_one_node_means_as_its_class_says(role: str) -> None:
    with pair(role) as both:
        modes = both.here.modes
        both.do('get_node("Modes").rpc_config("by_remote", 0)')
        both.do('get_node("Modes").rset_config("of_remote", 0)')
        modes.rpc_config("by_remote", Mode.DISABLED)
        modes.rset_config("of_remote", Mode.DISABLED)
        both.do(f'get_node("Modes").rpc_id({both.us}, "by_remote", 1)')
        both.do(f'get_node("Modes").rset_id({both.us}, "of_remote", 1)')
        modes.rpc_id(both.them, "by_remote", 2)
        modes.rset_id(both.them, "of_remote", 2)
        both.catch_up()
        assert modes.calls == [(both.them, "by_remote", [1]), (both.them, "of_remote", [1])]
        assert heard_by_engine(both, 0) == [(both.us, "by_remote", 2), (both.us, "of_remote", 2)]
        assert both.game.errors == both.here.errors == []


@ROLE
def test_a_call_goes_out_before_it_counts_here_and_a_set_after(role: str) -> None:
    """Shown by a call that the method, or the setter, makes in its turn."""
    with pair(role) as both:
        both.catch_up()

        def names(packets: list[Any]) -> list[bytes]:
            return [
                name for _, packet in packets for name in (b"shout", b"announced", b"loose") if name + b"\0" in packet
            ]

        both.do('get_node("Modes").rpc("shout", 1)')
        both.do('get_node("Modes").rset("announced", 2)')
        both.here.modes.rpc("shout", 3)
        both.here.modes.rset("announced", 4)
        both.catch_up()
        assert names(both.here.peer.received) == [b"shout", b"loose", b"loose", b"announced"]
        assert names(both.here.peer.sent) == names(both.here.peer.received)
        assert [number for _, number in both.here.heard_loose()] == [1, 2]
        assert [number for _, number in both.game.heard_loose()] == [3, 4]
        assert both.game.errors == both.here.errors == []


@ROLE
def test_a_set_that_fails_here_does_not_go_out(role: str) -> None:
    with pair(role) as both:
        both.do('get_node("Modes").rset_config("nowhere", 4)')
        both.do('get_node("Modes").rset("nowhere", 1)')
        both.game.complaint("rset() aborted in local set", both.here)
        assert both.here.modes.rset("broken", 1) is Error.FAILED
        both.catch_up()
        for packets in (both.here.peer.sent, both.here.peer.received):
            assert [packet for _, packet in packets if packet[0] == 1] == []
        assert len(both.game.errors) == 1


# --- calls that do not fit


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
        both.catch_up()
        assert both.here.main.calls == []
        assert both.game.errors == []


@ROLE
def test_arguments_of_python_that_do_not_fit(role: str) -> None:
    with pair(role) as both:
        both.here.main.rpc_id(both.them, "nothing", 1)
        both.game.complaint("'Node(mp_main.gd)::nothing': Method expected 0 arguments, but called with 1", both.here)
        both.here.main.rpc_id(both.them, "many", 1, "s")
        both.game.complaint("'Node(mp_main.gd)::many': Method expected 5 arguments, but called with 2", both.here)
        both.catch_up()
        assert both.game.calls("nothing", "many") == []


@ROLE
def test_names_that_python_has_not(role: str) -> None:
    with pair(role) as both:
        both.do(f'rpc_id({both.us}, "no_such_method", 1)')
        both.do(f'rpc_id({both.us}, "note", "loose", 1)')  # a method that nobody may call from elsewhere
        both.do(f'rset_id({both.us}, "no_such_property", 1)')
        both.do(f'rset_id({both.us}, "calls", [])')
        until(lambda: len(both.here.refusals) == 4, both.here)
        assert [one[:3] for one in both.here.refusals] == [
            (both.them, "Main", name) for name in ("no_such_method", "note", "no_such_property", "calls")
        ]
        assert both.here.api.refused == {"unknown method": 2, "not allowed": 2}
        both.catch_up()
        assert both.here.main.calls == []
        assert not hasattr(both.here.main, "no_such_property")
        assert both.game.errors == []


@ROLE
def test_names_that_the_engine_has_not(role: str) -> None:
    with pair(role) as both:
        both.here.main.rpc_id(both.them, "no_such_method", 1)
        both.game.complaint("'no_such_method' is not allowed", both.here)
        both.here.main.rpc_id(both.them, "finish", 1)
        both.game.complaint("'finish' is not allowed", both.here)
        both.here.main.rset_id(both.them, "no_such_property", 1)
        both.game.complaint("'no_such_property' is not allowed", both.here)
        both.catch_up()


@ROLE
def test_a_node_that_python_has_not(role: str) -> None:
    with pair(role) as both:
        both.do(f'call("step_unknown", {both.us})')
        until(lambda: both.here.api.refused["unknown node"] == 2, both.here)
        # It is confirmed all the same, as between engines; so the second call may come by number.
        assert both.here.refusals == [(both.them, "Main/Nowhere", "poke", "there is no such node here")] * 2
        both.catch_up()
        assert both.game.errors == []


@ROLE
def test_a_node_that_the_engine_has_not(role: str) -> None:
    with pair(role) as both:
        stray = Child("Nowhere")
        both.here.main.add_child(stray)
        assert stray.poke.rpc_id(both.them, "anyone?") is OK
        both.game.complaint("Main/Nowhere", both.here)
        both.catch_up()
        assert (both.them, b"\x03Main/Nowhere\0") in both.here.peer.received
        both.here.main.remove_child(stray)
        assert both.game.engine.find("rpc", path="/root/Main/Nowhere") is None
        assert both.here.errors == []


# --- the path cache


@ROLE
def test_the_bytes_of_calls_and_sets_before_and_after_the_confirmation(role: str) -> None:
    poke = b"poke\0\x01\x04\0\0\0\x02\0\0\0hi\0\0"
    by_path = b"\0" + struct.pack("<I", 0x80000000 | 5 + len(poke)) + poke + b"Main/Child\0"
    by_number = b"\0\x01\0\0\0" + poke
    simplify, confirm = b"\x02\x01\0\0\0Main/Child\0", b"\x03Main/Child\0"
    with pair(role) as both:
        child, peer, them = both.here.child, both.here.peer, both.them
        child.poke.rpc_id(them, "hi")
        child.poke.rpc_id(them, "hi")
        assert peer.sent == [((them,), simplify), ((them,), by_path), ((them,), by_path)]
        until(lambda: peer.received, both.here)
        assert peer.received == [(them, confirm)]
        peer.sent.clear()
        child.poke.rpc_id(them, "hi")
        child.poke.rpc()
        child.rset("x", 9)
        assert peer.sent == [
            (them, by_number),
            (0, b"\0\x01\0\0\0poke\0\0"),
            (0, b"\x01\x01\0\0\0x\0\x02\0\0\0\x09\0\0\0"),
        ]
        until(lambda: len(both.game.calls("poke")) == 3, both.here)
        peer.sent.clear()
        peer.received.clear()
        both.do(f'get_node("Child").rpc_id({both.us}, "poke", "hi")')
        both.here.wait_for_call("poke", "hi", node=child)
        both.here.main.loose.rpc_id(them, 1)  # once it came, so has the confirmation
        both.game.heard("loose", "[ 1 ]", both.here)
        both.do(f'get_node("Child").rpc_id({both.us}, "poke", "hi")')
        both.do('get_node("Child").rset("x", 9)')
        until(lambda: both.here.refusals, both.here)
        assert peer.sent[0] == ((them,), confirm)
        found = [packet for _, packet in peer.received]
        assert found[:2] == [simplify, by_path]
        assert found[-2:] == [by_number, b"\x01\x01\0\0\0x\0\x02\0\0\0\x09\0\0\0"]


@ROLE
def test_nodes_that_leave_and_come_again_keep_their_number(role: str) -> None:
    """Numbers belong to paths, not to nodes."""
    with pair(role) as both:
        both.catch_up()
        main, peer = both.here.main, both.here.peer
        main.remove_child(both.here.child)
        new = Child("Child")
        main.add_child(new)
        both.do('set_meta("kept", get_node("Child"))')
        both.do('remove_child(get_meta("kept"))')
        both.do('add_child(get_meta("kept"))')
        peer.received.clear()
        peer.sent.clear()
        both.do(f'get_node("Child").rpc_id({both.us}, "poke", "again")')
        both.here.wait_for_call("poke", "again", node=new)
        new.poke.rpc_id(both.them, "again")
        both.game.heard("poke", '[ "again" ]', both.here)
        assert [packet[:5] for _, packet in [*peer.sent, *peer.received]] == [b"\0\x01\0\0\0"] * 2
        assert both.game.errors == both.here.errors == []


def test_a_python_client_that_comes_again_has_another_id_and_tells_its_paths_anew() -> None:
    with hosted() as (game, url), joining(url) as here:
        ids = []
        for text in ("first", "second"):
            here.wait_for_peers()
            ids.append(here.id)
            here.child.poke.rpc_id(1, text)
            assert game.heard("poke", f'[ "{text}" ]', here) == here.id
            game.do(f'get_node("Child").rpc_id({here.id}, "poke", "{text}")', here)
            here.wait_for_call("poke", text, node=here.child)
            assert [packet[0] for _, packet in here.peer.sent] == [2, 0, 3]
            assert [packet[0] for _, packet in here.peer.received] == [3, 2, 0]
            here.child.poke.rpc_id(1, f"the {text} goes")  # an engine that reads the end with the rest complains
            game.heard("poke", f'[ "the {text} goes" ]', here)
            here.peer.disconnect_from_host()
            game.see("peer_disconnected", here, id=ids[-1])
            until(lambda: here.id == 0, here)
            here.peer.sent.clear()
            here.peer.received.clear()
            assert here.peer.connect_to_url(url, gd_mp_api=True) is OK
        assert ids[0] != ids[1]
        assert game.errors == here.errors == []


# --- raw packets


@ROLE
def test_raw_packets(role: str) -> None:
    """The fixture answers each with 0xEE before it."""
    with pair(role) as both:
        api = both.here.api
        assert api.send_bytes(b"") is Error.ERR_INVALID_DATA
        assert api.send_bytes(bytes((1, 2, 3)), both.them) is OK
        both.here.wait_for_news("network_peer_packet", both.them, b"\xee\x01\x02\x03")
        assert api.send_bytes(b"\xee to all") is OK
        both.game.see("bytes", both.here, hex=b"\xee to all".hex())
        assert both.do(f"get_tree().multiplayer.send_bytes(PoolByteArray([238, 0]), {both.us})") == "0"
        both.here.wait_for_news("network_peer_packet", both.them, b"\xee\x00")
        assert both.do("get_tree().multiplayer.send_bytes(PoolByteArray([238]), 0)") == "0"
        both.here.wait_for_news("network_peer_packet", both.them, b"\xee")
        assert [event["from"] for event in both.game.engine.all("bytes")] == [both.us, both.us]
        assert both.game.errors == both.here.errors == []


@ROLE
def test_a_raw_packet_for_somebody_who_is_not_there(role: str, caplog: pytest.LogCaptureFixture) -> None:
    """The server drops it, and the connection stays."""
    with pair(role) as both:
        if role == "client":
            both.do("get_tree().multiplayer.send_bytes(PoolByteArray([1]), 5)")
            until(lambda: f"peer {both.them}: dropped a packet: it is for 5" in caplog.text, both.here)
        else:
            both.here.api.send_bytes(b"x", 5)
            both.game.complaint("_server_relay", both.here)
        both.catch_up()
        assert both.game.engine.find("bytes") is None
        assert [name for name, *_ in both.here.told if name == "network_peer_packet"] == []


@ROLE
def test_a_raw_packet_for_all_but_the_server_is_for_the_server_too(role: str) -> None:
    with pair(role) as both:
        if role == "client":
            both.do("get_tree().multiplayer.send_bytes(PoolByteArray([238]), -1)")
            both.here.wait_for_news("network_peer_packet", both.them, b"\xee")
        else:
            both.here.api.send_bytes(b"\xee", -1)
            both.game.see("bytes", both.here, hex="ee")
        assert both.game.errors == both.here.errors == []


# --- three in a session

ROOMS = pytest.mark.parametrize(
    ("server", "first", "second"),
    [
        ("python", "engine", "engine"),
        ("python", "engine", "python"),
        ("engine", "engine", "python"),
        ("engine", "python", "python"),
    ],
)


@ROOMS
def test_each_calls_each_and_all_and_all_but_one(server: str, first: str, second: str) -> None:
    with room(server, first, second) as here:
        expected: dict[int, list[tuple[int, int]]] = {member.id: [] for member in here.members}
        numbers = iter(range(1, 1000))

        def call(caller: Any, target: int, *receivers: Any) -> None:
            number = next(numbers)
            caller.loose(target, number, *here.polled)
            for one in receivers:
                expected[one.id].append((caller.id, number))

        def call_each() -> None:
            for caller in here.members:
                for other in here.others(caller):
                    call(caller, other.id, other)
            until(lambda: all(len(one.heard_loose()) >= len(expected[one.id]) for one in here.members), *here.polled)

        call_each()
        call_each()  # after it, everybody has heard everybody's confirmation of the path
        for caller in here.members:
            call(caller, 0, *here.others(caller))
            for left_out in here.others(caller):
                # What is for all but the server is for the server, too: so its transport has it.
                call(caller, -left_out.id, *(one for one in here.others(caller) if one is not left_out or one.id == 1))
        call_each()  # what went too far would have arrived
        for member in here.members:
            assert sorted(member.heard_loose()) == sorted(expected[member.id])
            for caller in here.others(member):
                order = [number for sender, number in member.heard_loose() if sender == caller.id]
                assert order == sorted(order)
            assert member.errors == []


@ROOMS
def test_all_but_the_server_before_the_path_is_confirmed(server: str, first: str, second: str) -> None:
    """Then the call goes to each of them, and not to the server."""
    with room(server, first, second) as here:
        here.first.loose(-1, 1, *here.polled)
        until(here.second.heard_loose, *here.polled)
        here.first.loose(1, 2, *here.polled)
        until(here.server.heard_loose, *here.polled)
        assert here.server.heard_loose() == [(here.first.id, 2)]
        assert here.second.heard_loose() == [(here.first.id, 1)]
        assert [member.errors for member in here.members] == [[], [], []]


@pytest.mark.parametrize(
    ("server", "second"), [("python", "engine"), ("python", "python"), ("engine", "python"), ("engine", "engine")]
)
def test_values_and_raw_packets_go_from_client_to_client(server: str, second: str) -> None:
    with room(server, "engine", second) as here:
        game, other = here.first, here.second
        count = int(game.do("values().size()", *here.polled))
        game.do(f'call("step_echo", {other.id})', *here.polled)
        until(lambda: len(game.engine.all("echoed")) == count, *here.polled)
        assert all(event["match"] and event["from"] == other.id for event in game.engine.all("echoed"))
        game.do(f"get_tree().multiplayer.send_bytes(PoolByteArray([42]), {other.id})", *here.polled)
        if isinstance(other, Side):
            until(lambda: ("network_peer_packet", game.id, b"*") in other.told, *here.polled)
            assert other.api.send_bytes(b"\xee*", game.id) is OK
        game.see("bytes", *here.polled, hex="ee2a", **{"from": other.id})
        if isinstance(here.server, Side):
            assert (here.server.main.calls, here.server.told[2:]) == ([], [])
        else:
            assert here.server.calls("echo", "echoed") == here.server.engine.all("bytes") == []
        assert [member.errors for member in here.members] == [[], [], []]


# --- the program of the documentation


def test_the_example_program_serves_a_game_of_godot_3(tmp_path: Path) -> None:
    port = free_port()
    source = example("multiplayer_godot3.py").read_text()
    assert source.count("8910") == 1
    program = tmp_path / "server.py"
    program.write_text(source.replace("8910", str(port)))
    with Process([sys.executable, program]) as server:
        wait_until_listening(port)
        with Engine("3", PROJECT, PROJECT / "guest.gd", f"--url=ws://127.0.0.1:{port}") as guest:
            their_id = guest.wait_for("connected")["id"]
            guest.wait_for("score", value=1)
            assert [(one["from"], one["text"]) for one in guest.all("welcome")] == [
                (1, "hello Godot"),
                (1, "Godot is at (1.0, 2.0)"),
            ]
            server.wait_for(f"joined {their_id}")
            server.wait_for(r"Godot is at \(1\.0, 2\.0\)")
            assert guest.stderr == []
        server.wait_for(f"left {their_id}")
        assert server.stderr == []
