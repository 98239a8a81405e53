"""Recordings played again, to the same server, another one, and none."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gdpeer import OK, SceneTree, TLSOptions, WebSocketMultiplayerPeer, WebSocketServer
from gdpeer.inspection import replay as replaying
from gdpeer.inspection.direction import Direction, Message
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.recording import Recording
from gdpeer.inspection.replay import Difference, Replay, ReplayError, changes
from gdpeer.inspection.replay_ids import Ids, payload
from gdpeer.inspection.tunnel import Ended, Event, Opened, Passed, Tunnel
from gdpeer.multiplayer.rpc.decorator import class_table
from gdpeer.protocol.url import parse_url
from tests.support.mp_nodes import Main
from tests.support.ports import free_port

UP, DOWN = Direction.TO_SERVER, Direction.TO_CLIENT


def text(time: float, line: int, direction: Direction, what: str) -> Passed:
    return Passed(time, line, direction, Message(what.encode(), True), False)


def talk(line: int = 1, start: float = 0.0) -> list[Event]:
    """A client says three things, an echo answers."""
    events: list[Event] = [Opened(start, line, "/", "", False)]
    for number in range(3):
        at = start + 0.01 * number
        events += [text(at, line, UP, f"{line} {number}"), text(at + 0.005, line, DOWN, f"{line} {number}")]
    return [*events, Ended(start + 0.05, line, UP, 4001, "bye")]


def recording(*events: Event, dialect: str = "auto") -> Recording:
    return Recording(dialect, sorted(events, key=lambda event: event.time))


Answer = Callable[[str], str | None]
Heard = list[tuple[int, str]]


@contextmanager
def echo(answer: Answer = str, protocols: tuple[str, ...] = ()) -> Iterator[tuple[WebSocketServer, Heard]]:
    """A server; what it heard is listed, and the codes of those who left."""
    heard: Heard = []
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"

    def receive(peer_id: int) -> None:
        peer = server.get_peer(peer_id)
        assert peer is not None
        said = peer.get_packet().decode()
        heard.append((list(server.peers).index(peer_id) + 1, said))
        back = answer(said)
        if back is not None:
            peer.send_text(back)

    def left(peer_id: int, was_clean: bool) -> None:
        peer = server.get_peer(peer_id)
        assert peer is not None
        heard.append((peer.get_close_code(), peer.get_close_reason()))

    server.data_received.connect(receive)
    server.client_disconnected.connect(left)
    assert server.listen(0, protocols) is OK
    with server:
        yield server, heard


def play(found: Recording, server: WebSocketServer, **options: Any) -> Replay:
    """Play it to its end."""
    return finish(Replay(found, parse_url(f"ws://127.0.0.1:{server.get_local_port()}"), **options), server.poll)


def finish(replay: Replay, poll: Callable[[], object] = lambda: None) -> Replay:
    try:
        while replay.poll(0.001):
            poll()
    finally:
        replay.stop()
    return replay


def test_everything_is_said_again_and_answered_as_then() -> None:
    with echo() as (server, heard):
        replay = play(recording(*talk()), server)
        assert heard == [(1, "1 0"), (1, "1 1"), (1, "1 2"), (4001, "bye")]
    player = replay.players[1]
    assert (player.sent, player.differences(replay.ids)) == (3, [])


def test_several_clients_keep_their_order() -> None:
    with echo() as (server, heard):
        replay = play(recording(*talk(1), *talk(2, 0.002)), server, speed=float("inf"))
        said = [one[1] for one in heard if one[0] < 1000]
        assert said == ["1 0", "2 0", "1 1", "2 1", "1 2", "2 2"]
    assert all(not player.differences(replay.ids) for player in replay.players.values())


def test_an_end_without_a_close_frame_loses_nothing_that_was_said() -> None:
    """Regression: the connection was dropped as then, and with it what the server had not read yet."""
    events = [*talk()[:-1], Ended(0.05, 1, UP, -1, "")]
    with echo() as (server, heard):
        play(recording(*events), server)
        assert heard[-1] == (1000, "")


def test_one_client_of_several() -> None:
    with echo() as (server, heard):
        replay = play(recording(*talk(1), *talk(2, 0.002)), server, lines=[2])
        assert {one[1][0] for one in heard if one[0] < 1000} == {"2"}
    assert list(replay.players) == [2]


def test_a_client_that_is_not_there() -> None:
    with pytest.raises(ReplayError, match="the recording has no peer 7, only 1, 2"):
        Replay(recording(*talk(1), *talk(2)), parse_url("ws://localhost"), lines=[7])


def test_the_speed() -> None:
    events = [Opened(0.0, 1, "/", "", False), text(0.6, 1, UP, "late")]
    with echo() as (server, _):
        replay = Replay(recording(*events), parse_url(f"ws://127.0.0.1:{server.get_local_port()}"), speed=2.0)
        began = replay._clock.now()
        finish(replay, server.poll)
        assert replay._clock.now() - began >= 0.3


@pytest.mark.parametrize(
    ("answer", "difference"),
    [
        (lambda said: "other" if said == "1 1" else said, Difference(2, "1 1", "other", "text")),
        (lambda said: None if said == "1 2" else said, Difference(3, "1 2", "nothing", "text")),
    ],
)
def test_an_answer_that_differs(monkeypatch: pytest.MonkeyPatch, answer: Answer, difference: Difference) -> None:
    monkeypatch.setattr(replaying, "LINGER", 0.2)
    with echo(answer) as (server, _):
        replay = play(recording(*talk()), server)
    assert replay.players[1].differences(replay.ids) == [difference]


def test_one_answer_more() -> None:
    events = talk()
    del events[4]
    with echo() as (server, _):
        replay = play(recording(*events), server)
    player = replay.players[1]
    assert player.differences(replay.ids) == [Difference(2, "nothing", "1 1", "text")]
    del player.expected[:], player.answers[1:]
    assert player.differences(replay.ids) == [Difference(1, "nothing", "1 0", "text")]


def test_who_is_thrown_out_with_something_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    with echo() as (server, _):
        server.data_received.connect(lambda peer_id: server.disconnect_peer(peer_id, 4003, "out"))
        with pytest.raises(ReplayError, match="peer 1, message 2: closed"):
            play(recording(*talk()), server)


def test_who_is_thrown_out_at_the_end_is_well() -> None:
    events = [*talk()[:3], Ended(0.1, 1, UP, 1000, "")]
    with echo() as (server, _):
        server.data_received.connect(lambda peer_id: server.disconnect_peer(peer_id, 4003, "out"))
        replay = play(recording(*events), server)
    assert replay.players[1].lost().startswith("closed")


def test_no_server() -> None:
    replay = Replay(recording(*talk()), parse_url(f"ws://127.0.0.1:{free_port()}"))
    with pytest.raises(ReplayError, match="peer 1, message 1: tcp"):
        finish(replay)


def test_a_server_that_never_deals_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "PATIENCE", 0.2)
    events = [
        Opened(0.0, 1, "/", "", False),
        Passed(0.0, 1, DOWN, Message(b"\x07\x01\x00\x00", False), False),
        Passed(0.0, 1, UP, Message(b"\x03x", False), False),
    ]
    with echo() as (server, _), pytest.raises(ReplayError, match=r"peer 1: no progress for 0\.2 seconds"):
        play(recording(*events), server)


def test_an_authority_that_cannot_be_read(tmp_path: Path) -> None:
    missing = TLSOptions.client(str(tmp_path / "no.pem"))
    with pytest.raises(ReplayError, match="peer 1: cannot use"):
        finish(Replay(recording(*talk()), parse_url("wss://localhost"), missing))


def test_a_server_that_reads_slowly_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "LARGEST", 300_000)
    count, size = 200, 100_000
    events = [text(0.0, 1, UP, f"{number}".ljust(size)) for number in range(count)]
    with echo(lambda said: None) as (server, heard):
        server.inbound_buffer_size = 200_000
        turns = itertools.count()
        replay = Replay(
            recording(Opened(0.0, 1, "/", "", False), *events), parse_url(f"ws://127.0.0.1:{server.get_local_port()}")
        )
        finish(replay, lambda: server.poll() if next(turns) % 20 == 0 else None)
        assert [int(said) for _, said in heard[:-1]] == [*range(count)]


def test_the_sub_protocol_is_offered_again() -> None:
    with echo(protocols=("chat",)) as (server, _):
        assert play(recording(Opened(0.0, 1, "/", "chat", False)), server).players[1].sent == 0


# --- calls of a game


def calls_of(main: Main) -> list[tuple[str, list[Any]]]:
    return [(method, arguments) for _, method, arguments in main.calls]


class Game:
    """A server of the multiplayer."""

    def __init__(self, kind: type[Main] = Main) -> None:
        self.main = kind("Main")
        self.tree = SceneTree()
        self.peer = WebSocketMultiplayerPeer()
        assert self.peer.create_server(0, "127.0.0.1") is OK
        self.tree.multiplayer.multiplayer_peer = self.peer
        self.tree.root.add_child(self.main)
        self.url = f"ws://127.0.0.1:{self.peer.get_local_port()}"


def client_of(url: str) -> tuple[SceneTree, Main]:
    tree, main = SceneTree(), Main("Main")
    peer = WebSocketMultiplayerPeer()
    assert peer.create_client(url) is OK
    tree.multiplayer.multiplayer_peer = peer
    tree.root.add_child(main)
    return tree, main


def poll_until(done: Callable[[], Any], *polled: Any) -> None:
    deadline = time.monotonic() + 20.0
    while not done():
        assert time.monotonic() < deadline, "took too long"
        for one in polled:
            one.poll(0.002)


def record_a_game() -> tuple[Recording, list[tuple[str, list[Any]]]]:
    """Two clients: one calls the server, and the other one through it."""
    game = Game()
    tunnel = Tunnel(game.url)
    url = f"ws://127.0.0.1:{tunnel.listen('127.0.0.1', 0)}"
    events: list[Event] = []

    class Watching:
        def poll(self, timeout: float) -> None:
            events.extend(tunnel.poll(timeout))

    (one, first), (two, second) = client_of(url), client_of(url)
    polled = (game.tree, Watching(), one, two)
    poll_until(lambda: len(one.multiplayer.get_peers()) == len(two.multiplayer.get_peers()) == 2, *polled)
    assert first.echo.rpc_id(1, {"a": [1, 2.5]}) is OK
    poll_until(lambda: ("echoed", [{"a": [1, 2.5]}]) in calls_of(first), *polled)
    assert first.say_local.rpc_id(two.multiplayer.get_unique_id(), "through the server") is OK
    poll_until(lambda: second.calls, *polled)
    for tree in (one, two):
        tree.multiplayer.multiplayer_peer.close()
    poll_until(lambda: not game.tree.multiplayer.get_peers(), *polled)
    tunnel.stop(grace=0.0)
    game.peer.close()
    return Recording("auto", events), calls_of(game.main)


def test_a_recorded_game_makes_the_same_calls_again() -> None:
    found, calls = record_a_game()
    assert calls == [("echo", [{"a": [1, 2.5]}])]
    game = Game()
    with game.peer:
        replay = Replay(found, parse_url(game.url), speed=float("inf"))
        finish(replay, game.tree.poll)
    assert calls_of(game.main) == calls
    assert {line: player.differences(replay.ids) for line, player in replay.players.items()} == {1: [], 2: []}
    # What went through the server came to the other one, whose id is another one now.
    assert [answer.decoded.method for answer in replay.players[2].answers] == ["method 11"]
    assert replay.players[1].id_then != replay.players[1].id_now


class Dice(Main):
    """Says something else each time."""

    def echo(self, value: Any) -> None:
        self.echoed.rpc_id(self.multiplayer.get_remote_sender_id(), time.monotonic())


@pytest.mark.parametrize(
    ("ignored", "labels"),
    [
        ((), ["Main:echoed"]),
        (("echoed",), []),
        (("Main:echo*",), []),
        (("say_local",), ["Main:echoed"]),
        (("rpc",), []),
    ],
)
def test_answers_have_names_and_can_be_ignored(ignored: tuple[str, ...], labels: list[str]) -> None:
    found, _ = record_a_game()
    game = Game(Dice)
    names = MethodNames([class_table(Main).names])
    with game.peer:
        replay = Replay(found, parse_url(game.url), speed=float("inf"), names=names, ignored=ignored)
        finish(replay, game.tree.poll)
    differences = replay.players[1].differences(replay.ids)
    assert [one.label for one in differences] == labels
    if differences:
        assert differences[0].expected == 'Main:echoed({ "a": [1, 2.5] })'
        assert differences[0].got.startswith("Main:echoed(")
    assert replay.players[2].differences(replay.ids) == []


@pytest.mark.parametrize(
    ("then", "now", "found"),
    [
        ("", "", []),
        ("abc", "abc", []),
        ("abc", "", [(0, 3, 0, 0)]),
        ("", "ab", [(0, 0, 0, 2)]),
        ("abcd", "axcy", [(1, 2, 1, 2), (3, 4, 3, 4)]),
        ("abcd", "abxcd", [(2, 2, 2, 3)]),
        ("abcd", "acd", [(1, 2, 1, 1)]),
    ],
)
def test_all_changes_are_found_and_what_is_alike_is_put_side_by_side(
    then: str, now: str, found: list[tuple[int, int, int, int]]
) -> None:
    assert list(changes([(one,) for one in then], [(one,) for one in now])) == found


def test_very_many_answers_are_compared_one_by_one() -> None:
    then, now = [(number,) for number in range(3000)], [(-number,) for number in range(3001)]
    found = list(changes(then, now))
    assert found[:2] == [(1, 2, 1, 2), (2, 3, 2, 3)]  # side by side, all would be one change
    assert len(found) == 3000  # 0 is alike


# --- ids


def test_ids_are_put_in_place_of_the_recorded_ones() -> None:
    ids = Ids()
    ids.learn(100, 200)
    assert [ids.now(peer_id) for peer_id in (100, -100, 0, 1, -1, 7)] == [200, -200, 0, 1, -1, 7]
    assert [ids.then(peer_id) for peer_id in (200, None, 1)] == [100, None, 1]
    relay = b"\x07\x03\x9c\xff\xff\xff\x03x"
    assert ids.translate("godot4", relay) == b"\x07\x03\x38\xff\xff\xff\x03x"
    assert ids.translate("godot4", b"\x03abcdef") == b"\x03abcdef"
    data3 = b"\x00\x64\x00\x00\x00\x01\x00\x00\x00\x04x"
    assert ids.translate("godot3", data3) == b"\x00\xc8\x00\x00\x00\x01\x00\x00\x00\x04x"
    assert ids.translate("godot3", b"short") == b"short"
    assert ids.translate("raw", relay) == relay
    assert [payload(dialect, data) for dialect, data in (("godot3", data3), ("godot4", relay), ("raw", relay))] == [
        b"\x04x",
        b"\x03x",
        relay,
    ]
