"""`gdpeer inspect` between real engines, what it recorded played to a Python server, and what it costs."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gdpeer import WebSocketPeer
from gdpeer.inspection.decoding import Decoder
from gdpeer.inspection.direction import Direction
from gdpeer.inspection.method_names import MethodNames, load_tables
from gdpeer.inspection.recording import Recording, read_recording
from gdpeer.inspection.tunnel import Passed
from tests.interop import mp3_rooms, mp_rooms
from tests.interop.echo_rooms import until
from tests.support.engines import FIXTURES, Engine, fixture
from tests.support.figures import record
from tests.support.ports import free_port
from tests.support.processes import Process, gdpeer_command

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

STEPS = "echo,modes,child,bytes"
MOST_TIMES = 4
"""A way through an inspector has three times as many steps as a direct one."""


class Inspect(Process):
    """A `gdpeer inspect` of a server on this machine that writes JSON.

    Attributes:
        url: for clients.
    """

    def __init__(self, port: int, *options: str) -> None:
        to = f"ws://127.0.0.1:{port}"
        super().__init__(gdpeer_command("inspect", "--listen", "0", "--to", to, "--json", *options))
        self.wait_until(lambda: bool(self.stderr), "address", 15.0)
        self.url = self.stderr[0].split()[2]

    def finish(self) -> list[dict[str, Any]]:
        """Ctrl-C; what it wrote, the totals last."""
        self.interrupt()
        assert self.wait() == 0
        return [json.loads(line) for line in self.stdout]


@contextmanager
def engines(version: str, *options: str, clients: int = 1) -> Iterator[tuple[Inspect, list[Engine]]]:
    """A server and clients of the ready fixtures with an inspector between them."""
    port = free_port()
    with fixture(version, "mp_server", port=port, steps="server", clients=clients) as server:
        server.wait_for("listening")
        with Inspect(port, "--names", str(FIXTURES / "godot4"), *options) as inspector:
            started = [fixture(version, "mp_client", url=inspector.url, steps=STEPS) for _ in range(clients)]
            try:
                for client in started:
                    assert client.wait(60) == 0
                if clients == 1:  # of two, one may leave while the server tells it of the other one
                    assert [line for line in server.stderr if "ERROR" in line and "at exit" not in line] == []
                yield inspector, started
            finally:
                for client in started:
                    client.process.terminate(1.0)


@pytest.mark.parametrize("version", ["4", "3"])
@pytest.mark.parametrize("clients", [pytest.param(1, marks=pytest.mark.extended), 2])
def test_every_message_between_engines_is_decoded(version: str, clients: int) -> None:
    with engines(version, clients=clients) as (inspector, _):
        *rows, end = inspector.finish()
    messages = [row for row in rows if "opcode" in row]
    assert end["undecoded"] == 0
    assert end["totals"]["all"]["count"] == len(messages) > 120 * clients
    assert end["unnamed"] == {}
    calls = Counter(f"{row['path']}:{row['method']}" for row in messages if row["command"] == "rpc")
    assert {"Main:echo", "Main:echoed", "Main:many", "Main/Child:poke"} <= set(calls)
    assert not any("method " in name or "node " in name for name in calls)
    assert {row["id"] for row in messages} == {row["id"] for row in messages if row["command"] == "your id"}
    if clients == 2:
        assert any(row.get("relayed") for row in messages)


def test_what_a_synchronizer_sends_is_told_by_its_node() -> None:
    with mp_rooms.hosted(sync=True) as (_, url):
        with Inspect(int(url.rsplit(":", 1)[1])) as inspector, mp_rooms.puppet(url=inspector.url, sync=True):
            inspector.wait_until(lambda: '"command": "sync"' in "\n".join(inspector.stdout), "row of a sync", 30.0)
        *rows, end = inspector.finish()
    assert end["undecoded"] == 0
    states = [row["states"] for row in rows if row["command"] == "sync"]
    assert [(state["name"], len(state["values"])) for [state] in states] == [("Main/Sync", 1)] * len(states)


def test_spawners_and_synchronizers_of_engines_have_the_names_of_their_project() -> None:
    port = free_port()
    with fixture("4", "rep_server", port=port, steps="board,unit,hurt,despawn", clients=1) as server:
        server.wait_for("listening")
        with Inspect(port, "--names", str(FIXTURES / "godot4")) as inspector:
            with fixture("4", "rep_client", url=inspector.url, linger=3) as client:
                assert client.wait(60) == 0
            *rows, end = inspector.finish()
    assert (end["undecoded"], end["unnamed"]) == (0, {})
    [spawn] = [row for row in rows if row["command"] == "spawn"]
    assert (spawn["path"], spawn["detail"]) == ("Main/Spawner", "res://rep_unit.tscn, net id 1, synchronizers 2 3")
    names = ["position", "Turret:rotation", "health", "title", "motion:y"]
    values = ["Vector2(1, 2)", "0.0", "100", '"made U1"', "0.0"]
    assert spawn["states"] == [{"name": "Main/Units/U1", "properties": names, "values": values}]
    hurt = {"name": "Main/Units/U1/Sync", "properties": ["health"], "values": ["90"]}
    assert [hurt] in [row["states"] for row in rows if row["command"] == "delta"]
    assert [row["path"] for row in rows if row["command"] == "despawn"] == ["Main/Units/U1"]
    states = [state for row in rows for state in row.get("states", ())]
    assert [state for state in states if "properties" not in state] == []


def test_what_authenticates_is_not_shown() -> None:
    port = free_port()
    with fixture("4", "mp_server", port=port, steps="server", auth="sesame") as server:
        server.wait_for("listening")
        with Inspect(port) as inspector:
            with fixture("4", "mp_client", url=inspector.url, steps="bytes", auth="sesame") as client:
                assert client.wait(60) == 0
            *rows, end = inspector.finish()
    assert end["undecoded"] == 0
    details = [row["detail"] for row in rows if row["command"] == "auth"]
    assert "complete" in details
    assert "6 bytes, not shown" in details
    assert "sesame" not in str(rows)
    assert b"sesame".hex(" ") not in str(rows)


def recorded_calls(recording: Recording) -> list[tuple[str, list[Any]]]:
    """What the client called on the server, with its values."""
    decoder = Decoder(recording.dialect, MethodNames(load_tables(str(FIXTURES / "godot4")).tables))
    found = []
    for event in recording.events:
        if isinstance(event, Passed):
            decoded = decoder.decode(event.direction, event.message)
            if event.direction is Direction.TO_SERVER and decoded.command in ("rpc", "rset") and decoded.path == "Main":
                found.append((decoded.method, list(decoded.arguments)))
    return found


@pytest.mark.parametrize("version", ["4", pytest.param("3", marks=pytest.mark.extended)])
def test_a_recording_of_engines_replays_against_python_to_the_same_calls(version: str, tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    with engines(version, "--record", str(file)) as (inspector, _):
        inspector.finish()
    with file.open(encoding="utf-8") as lines:
        calls = recorded_calls(read_recording(lines))
    assert len(calls) > 60
    hosting = mp_rooms.hosting if version == "4" else mp3_rooms.hosting
    with hosting() as here:
        # What the engine's server said by itself Python's does not: its answers are another ones.
        command = gdpeer_command("replay", str(file), here.url, "--speed", "max", "--ignore-answers")
        with Process(command) as replay:
            until(lambda: replay.popen.poll() is not None, here, patience=60.0)
            assert (replay.wait(), replay.stderr) == (0, [])
        assert [(method, arguments) for _, method, arguments in here.main.calls] == calls


def round_trip(peer: WebSocketPeer, data: bytes) -> float:
    began = time.perf_counter()
    peer.send(data)
    while not peer.get_available_packet_count():
        peer.poll(1.0)
    peer.get_packet()
    return time.perf_counter() - began


def opened(url: str) -> WebSocketPeer:
    peer = WebSocketPeer()
    peer.connect_to_url(url)
    until(lambda: peer.get_ready_state() is WebSocketPeer.State.OPEN, peer)
    return peer


def test_what_an_inspector_adds_to_a_message() -> None:
    """Direct and through it in turn, so that both meet the same machine; half of the difference is one way."""
    call = b"\x00\x01\x03\x02\x02\x05\x42\x2c\x01"
    with Process(gdpeer_command("echo", "--port", "0")) as echo:
        port = int(echo.wait_for(r"listening on ws://127\.0\.0\.1:(\d+)/").group(1))
        with Inspect(port, "--dialect", "godot4") as inspector:
            direct, through = opened(f"ws://127.0.0.1:{port}/"), opened(inspector.url)
            times: dict[WebSocketPeer, list[float]] = {direct: [], through: []}
            for _ in range(1000):
                for peer, found in times.items():
                    found.append(round_trip(peer, call))
                    time.sleep(0.003)  # a game does not call without a pause either: the rows are written meanwhile
            medians = {peer: statistics.median(found) for peer, found in times.items()}
            added = (medians[through] - medians[direct]) / 2
            assert inspector.finish()[-1]["undecoded"] == 0
    record("inspect", direct_us=medians[direct] * 1e6, through_us=medians[through] * 1e6, added_us=added * 1e6)
    assert medians[through] <= MOST_TIMES * medians[direct]
