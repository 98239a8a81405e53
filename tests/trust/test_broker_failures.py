"""R10 and R11: the broker is away and comes back empty; a worker hangs; a worker is cut off from the broker."""

from __future__ import annotations

import os
import re
import secrets
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gdpeer.cluster.directory import SETTLING
from gdpeer.cluster.records import SHARDS
from tests.support.broker_view import BrokerView, SaveWatch
from tests.support.cut_proxy import CutProxy
from tests.support.failover import Crowd, Player, ask_lobby, percentile
from tests.support.figures import record
from tests.support.fleet import Fleet, Machine
from tests.support.long import LONG, amount

ROOMS, EACH = amount(20, 250), amount(2, 4)
AWAY = amount(8.0, 30.0)
"""Seconds that the broker is away, longer than a lease: at first it hangs, then it is killed."""
ANSWER = 4.0
"""Seconds in which the lobby answers."""
SEAT, WHOLE = 6.0, 6.0
"""Seconds from the restart of an empty broker to a seat, and from there to a directory that is whole."""
BACK = amount(4.0, 3.0)
"""Seconds in which a player is back who has lost the connection while the broker is away."""
OVERLAP = 2.0
"""Seconds that two workers may play the same room."""

pytestmark = [pytest.mark.timeout(240), pytest.mark.skipif(sys.platform == "win32", reason="Windows has no workers")]

EXTENDED = () if LONG else (pytest.mark.extended,)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


class Asked:
    """An answer of the lobby.

    Attributes:
        path: that was asked.
        at: when the question was sent, in seconds since 1970.
        seconds: until the answer.
        status, answer: of HTTP.
    """

    def __init__(self, port: int, path: str, player: str = "") -> None:
        self.path, self.at = path, time.time()
        began = time.monotonic()
        self.status, self.answer = ask_lobby(port, path, player=player)
        self.seconds = time.monotonic() - began

    @property
    def has_seat(self) -> bool:
        return self.status in (200, 201)

    @property
    def target(self) -> str:
        """The path and query of the seat."""
        return "/room/" + str(self.answer["url"]).partition("/room/")[2]

    @property
    def is_away(self) -> bool:
        """Whether the lobby refuses, in words and for a program, since it cannot reach the other worker."""
        return self.status == 503 and self.answer["error"] == "unreachable" and len(self.answer["message"]) > 10

    @property
    def is_full(self) -> bool:
        """Whether the seats of former questions fill the room."""
        return self.status == 503 and bool(self.answer["error"] == "full")


class Asking:
    """Asks the lobby several times a second, in a thread: for a seat in any room, in a new room, in a given room.

    Args:
        port: of the server.
        codes: of rooms.
    """

    def __init__(self, port: int, codes: list[str]) -> None:
        self._port, self._codes = port, codes
        self.asked: list[Asked] = []
        self.problems: list[Exception] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        number = 0
        while not self._is_over.wait(0.15):
            code = self._codes[number // 4 % len(self._codes)]
            path = ["saved/quick", f"join/{code}", "unsaved/create", f"join/{code}"][number % 4]
            number += 1
            try:
                self.asked.append(Asked(self._port, f"/lobby/{path}"))
            except Exception as problem:
                self.problems.append(problem)

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            self._thread.join(20.0)


def untroubled(machine: Machine) -> bool:
    """Whether no exception was logged."""
    return not any(re.search(r"Traceback|raised|failed at a task|a mistake", line) for line in machine.process.stderr)


# ------------------------------------------------------------------------------------------ R10: the broker is away


def make_both_kinds(fleet: Fleet) -> None:
    """Makes rooms that are saved, and rooms that are not; half of their players have names and seats."""
    for number in range(ROOMS):
        code = fleet.make_room(("saved", "unsaved")[number % 2])
        for place in range(EACH):
            if place % 2:
                fleet.crowd.add(f"/room/{code}?session={secrets.token_urlsafe(16)}")
            else:
                asked = Asked(fleet.port, f"/lobby/join/{code}", player=f"{code}-{place}")
                assert asked.has_seat, asked.answer
                fleet.crowd.add(asked.target)
    fleet.wait_for_players()


def missing_in(view: BrokerView, codes: set[str], players: set[str]) -> str:
    """Returns what the directory lacks; "": it is whole."""
    scans = [view.scan(prefix) for prefix in ("w:", "s:", "r:", "p:")]
    if any(scan is None for scan in scans):
        return "the broker"
    workers, shards, rooms, named = ({entry.key[2:]: entry.value for entry in scan or ()} for scan in scans)

    def is_valid(value: dict[str, Any]) -> bool:
        return workers.get(value["worker"], {}).get("epoch") == value["epoch"]

    lacking = {
        "workers": 2 - len(workers),
        "shards": len(SHARDS) - sum(map(is_valid, shards.values())),
        "rooms": len(codes - {code for code, value in rooms.items() if is_valid(value)}),
        "players": len(players - {name for name, value in named.items() if is_valid(value)}),
    }
    return ", ".join(f"{count} {what}" for what, count in lacking.items() if count)


@pytest.mark.parametrize("broker", ["redis", pytest.param("nats", marks=EXTENDED)])
def test_r10_a_broker_that_comes_back_empty_costs_no_player(broker: str, tmp_path: Path, stack: ExitStack) -> None:
    fleet = Fleet("saved", broker, tmp_path, stack, workers=2, game="both")
    make_both_kinds(fleet)
    crowd, server = fleet.crowd, fleet.broker
    assert server is not None
    codes = {player.code for player in crowd.players}
    names = {player.target.partition("?")[0].removeprefix("/room/") for player in crowd.players}
    assert names == codes
    named = {f"{code}-{place}" for code in codes for place in range(0, EACH, 2)}
    crowd.run(2.0)
    stayed, cut = crowd.players[::2], crowd.players[1::2]
    asking = Asking(fleet.port, sorted(codes))

    server.freeze()
    gone_at = crowd.now()
    with asking.running():
        crowd.run(AWAY / 4)
        cut_at = crowd.now()
        for player in cut:
            player.lose()
        crowd.run(AWAY / 4)
        crowd.run_until(crowd.all_in, BACK)
        asker = crowd.players[0]
        asker.ask(sorted(named)[-1])
        crowd.run_until(lambda: bool(asker.told), ANSWER)
        server.kill()
        newcomers = [crowd.add(asked.target) for asked in asking.asked if asked.has_seat and asked.at > cut_at][-5:]
        del crowd.players[2 * len(stayed) + len(newcomers) :]
        crowd.run_until(lambda: crowd.now() - gone_at >= AWAY, AWAY)
        assert crowd.all_in()
        server.start(empty=True)
        started_at = crowd.now()
        whole_at = 0.0
        with BrokerView(fleet.url) as view:
            while not whole_at:
                crowd.run(0.1)
                lacking = missing_in(view, codes, named)
                assert crowd.now() < started_at + SEAT + WHOLE, f"the directory lacks {lacking}"
                whole_at = 0.0 if lacking else crowd.now()
        crowd.run(max(0.0, started_at + SETTLING + 1.0 - crowd.now()))  # from then on shards may be taken over
    twice = fleet.rooms_twice()

    away = [asked for asked in asking.asked if asked.at < started_at]
    after = [asked for asked in asking.asked if asked.at >= started_at]
    seat_at = max((asked.at + asked.seconds for asked in after if asked.is_away), default=after[0].at)
    back = [player.back_at - cut_at for player in cut]
    record(
        f"R10 {broker}",
        rooms=ROOMS,
        players=len(crowd.players),
        away=started_at - gone_at,
        back_p50=percentile(back, 0.5),
        back_most=max(back),
        seats_while_away=sum(asked.has_seat for asked in away),
        refusals_while_away=sum(asked.is_away for asked in away),
        answer_most=max(asked.seconds for asked in asking.asked),
        seats_always_after=seat_at - started_at,
        directory_whole=whole_at - started_at,
        rooms_twice=twice,
    )
    assert asking.problems == []
    assert [asked.answer for asked in asking.asked if not (asked.has_seat or asked.is_full or asked.is_away)] == []
    assert max(asked.seconds for asked in asking.asked) <= ANSWER
    assert any(asked.has_seat for asked in away)
    assert any(asked.is_away for asked in away)
    assert seat_at - started_at <= SEAT
    assert newcomers
    assert asker.told[0].startswith("Away: "), asker.told
    assert crowd.all_in()
    assert all(player.back_at < gone_at for player in stayed)
    assert all(len(player.ids) == len(player.played) == 1 for player in crowd.players)
    assert all(player.fell_by == 0 and not player.closes for player in crowd.players)
    assert all(not +player.statuses for player in crowd.players), crowd.state()
    assert twice == 0
    assert untroubled(fleet.machine), fleet.machine.process.stderr


# ------------------------------------------------------------------------------------------ R11: a worker is cut off


def overlaps(players: list[Player], resumed_at: float = 0.0) -> list[float]:
    """Returns for each room that two workers played: the seconds from the first play of the later to the last of the
    earlier. A worker that hung plays again from `resumed_at` on.
    """
    rooms: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for player in players:
        for name, (begin, end) in player.played.items():
            known = rooms[player.code].get(name, (begin, end))
            rooms[player.code][name] = min(begin, known[0]), max(end, known[1])
    found = []
    for spans in rooms.values():
        ordered = sorted(spans.values())
        assert len(ordered) <= 2, "a room was played by three objects"
        if len(ordered) == 2:
            found.append(max(0.0, ordered[0][1] - max(ordered[1][0], resumed_at)))
    return found


def check_moved(crowd: Crowd, lost: list[Player], old: int, watch: SaveWatch, name: str) -> None:
    """Checks that the rooms of a worker have moved once, with their players, and that its saves came to nothing."""
    assert all(player.room[1] != old for player in crowd.players)
    assert all(len(player.ids) == 1 for player in crowd.players)
    assert all(len(player.played) == (2 if player in lost else 1) for player in crowd.players)
    assert all(player.restored for player in lost)
    assert sum((player.closes for player in lost), Counter()).keys() <= {1012}
    assert all(not player.closes for player in crowd.players if player not in lost)
    assert watch.looks > 20
    assert watch.went_back() == []
    assert all(watch.owner(player.code) != name for player in lost)


@pytest.mark.parametrize("broker", [pytest.param("redis", marks=EXTENDED), "nats"])
def test_r11_a_worker_that_hung_gives_its_rooms_up(broker: str, tmp_path: Path, stack: ExitStack) -> None:
    fleet = Fleet("saved", broker, tmp_path, stack, workers=2)
    fleet.make_rooms(ROOMS, EACH)
    crowd = fleet.crowd
    crowd.run(2.5)  # all rooms are saved by now
    watch = stack.enter_context(SaveWatch(fleet.url))
    for player in crowd.players[::2]:
        player.silence, player.pace = 1.5, 0.5  # the others wait until the worker closes their connections
    stopped_at, lost = fleet.end_a_worker(signal.SIGSTOP)
    old = lost[0].room[1]
    eager = [player for player in lost if player.pace]
    try:
        crowd.run_until(lambda: all(player.is_in and player.restored for player in eager), 40.0)
        asked = [Asked(fleet.port, "/lobby/saved/quick") for _ in range(20)]
        crowd.run(1.0)
    finally:
        os.kill(old, signal.SIGCONT)
    woken_at = crowd.now()
    crowd.run_until(lambda: all(player.is_in and player.restored for player in lost), 20.0)
    patient = [player.back_at - woken_at for player in lost if not player.pace]
    crowd.run(3.0)  # all rooms are saved twice more
    overlap = overlaps(lost, woken_at)
    twice = fleet.rooms_twice()
    record(
        f"R11 stopped {broker}",
        rooms=ROOMS,
        players=len(crowd.players),
        lost=len(lost),
        hung=woken_at - stopped_at,
        eager_back_most=max(player.back_at for player in eager) - stopped_at,
        patient_back_p50=percentile(patient, 0.5),
        patient_back_most=max(patient),
        answer_most=max(one.seconds for one in asked),
        overlap_most=max(overlap),
        rooms_twice=twice,
    )
    assert all(one.has_seat and one.seconds <= ANSWER for one in asked)
    assert len(overlap) == len({player.code for player in lost})
    assert max(overlap) <= OVERLAP
    assert twice == 0
    check_moved(crowd, lost, old, watch, fleet.machine.workers()[old])
    assert all(player.closes == {1012: 1} for player in lost if not player.pace)
    assert untroubled(fleet.machine), fleet.machine.process.stderr
    assert fleet.machine.process.popen.poll() is None
    with BrokerView(fleet.url) as view:
        assert {entry.value["state"] for entry in view.scan("w:") or ()} == {"up"}
        assert len(view.scan("w:") or ()) == 2


def two_machines(broker: str, folder: Path, stack: ExitStack) -> tuple[Fleet, Machine, CutProxy]:
    """Starts two machines of one worker each. The second one reaches the broker through the proxy."""
    fleet = Fleet("saved", broker, folder, stack, workers=1)
    assert fleet.broker is not None
    proxy = stack.enter_context(CutProxy(fleet.broker.port))
    second = Machine("Saved", 1, fleet.url.replace(str(fleet.broker.port), str(proxy.port)), stack)
    second.wait_until_up()
    time.sleep(7.0)  # until the shards are shared out
    return fleet, second, proxy


def fill(fleet: Fleet, second: Machine) -> None:
    """Makes rooms on both machines, whose players find the machine as a proxy in front of both would lead them."""
    ports = [fleet.port, second.port]

    def go_to_other(player: Player) -> None:
        player.port = ports[player.port == ports[0]]

    fleet.crowd.on_lost = go_to_other
    for number in range(ROOMS):
        code = fleet.make_room(port=ports[number % 2])
        for _ in range(EACH):
            fleet.crowd.add(f"/room/{code}?session={secrets.token_urlsafe(16)}").port = ports[number % 2]
    fleet.wait_for_players()


@pytest.mark.parametrize(
    ("broker", "how"),
    [
        ("redis", "stuck"),
        pytest.param("nats", "stuck", marks=EXTENDED),
        pytest.param("redis", "answers", marks=EXTENDED),
        pytest.param("nats", "answers", marks=EXTENDED),
        pytest.param("redis", "reset", marks=EXTENDED),
        pytest.param("nats", "reset", marks=EXTENDED),
    ],
)
def test_r11_a_worker_that_loses_the_broker_gives_its_rooms_up(
    broker: str, how: str, tmp_path: Path, stack: ExitStack
) -> None:
    fleet, second, proxy = two_machines(broker, tmp_path, stack)
    fill(fleet, second)
    crowd = fleet.crowd
    crowd.run(2.5)  # all rooms are saved by now
    watch = stack.enter_context(SaveWatch(fleet.url))
    ((old, name),) = second.workers().items()
    lost = [player for player in crowd.players if player.room[1] == old]
    assert 0 < len(lost) < len(crowd.players)
    for player in crowd.players:
        player.statuses.clear()
    first_of_room = {player.code: player for player in reversed(lost)}
    cut_at = crowd.now()
    proxy.cut(how)
    for player in first_of_room.values():  # these want to be at the other machine
        player.pace = 0.5
        player.lose()
        player.port = fleet.port
    crowd.on_lost = lambda player: setattr(player, "port", fleet.port)
    crowd.run_until(lambda: all(player.restored for player in lost), 40.0)
    back = [player.back_at - cut_at for player in lost]
    proxy.join()
    crowd.run(3.0 + amount(3.0, 20.0))  # all rooms are saved again, and the worker joins again
    overlap = overlaps(lost)
    twice = fleet.rooms_twice()
    record(
        f"R11 {how} {broker}",
        rooms=ROOMS,
        players=len(crowd.players),
        lost=len(lost),
        back_p50=percentile(back, 0.5),
        back_most=max(back),
        overlap_most=max(overlap),
        arrived_late=proxy.late,
        statuses=dict(sum((player.statuses for player in lost), Counter())),
        rooms_twice=twice,
    )
    assert len(overlap) == len(first_of_room)
    assert max(overlap) <= OVERLAP
    assert twice == 0
    assert (proxy.late > 0) == (how != "reset")
    check_moved(crowd, lost, old, watch, name)
    for machine in (fleet.machine, second):
        assert untroubled(machine), machine.process.stderr
        assert machine.process.popen.poll() is None
    with BrokerView(fleet.url) as view:
        assert {entry.value["state"] for entry in view.scan("w:") or ()} == {"up"}
        assert len(view.scan("w:") or ()) == 2
