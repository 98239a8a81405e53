"""The lobby of three workers: whatever players do, no room is overfull, and each request gets a seat or an error."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gdpeer.cluster.answers import Answer
from gdpeer.rooms import Full, Locked, NoRoom, Seat, Unreachable
from tests.unit.cluster.lobbies import Lobbies, code_of

NAMES = st.sampled_from("abc")
KINDS = st.sampled_from(["arena", "duel"])
LABELS = st.sampled_from([None, {"map": "sand"}, {"map": "ice"}])
PICK = st.integers(0, 1000)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("quick"), NAMES, KINDS, LABELS),
        st.tuples(st.just("create"), NAMES, KINDS, st.booleans()),
        st.tuples(st.just("join"), NAMES, PICK),
        st.tuples(st.just("leave"), PICK),
        st.tuples(st.just("close"), PICK),
        st.tuples(st.just("lock"), PICK, st.booleans()),
        st.tuples(st.just("load"), NAMES, st.sampled_from([0.0, 0.5, 1.0])),
        st.tuples(st.just("cut"), NAMES),
        st.tuples(st.just("heal"), NAMES),
        st.tuples(st.just("run"), st.sampled_from([0.0, 0.05, 0.3, 1.2])),
        st.tuples(st.just("some"), st.integers(1, 20)),
    ),
    max_size=60,
)


class World:
    """Three workers, the codes that were ever given, and the requests under way."""

    def __init__(self) -> None:
        self.lobbies = Lobbies()
        self.codes: list[str] = []
        self.asked: list[tuple[float, Answer[Seat]]] = []
        self.is_cut = False

    def room(self, pick: int) -> Any:
        rooms = [room for name in "abc" for room in self.lobbies.rooms(name).values()]
        return rooms[pick % len(rooms)] if rooms else None

    def ask(self, answer: Answer[Seat]) -> None:
        self.asked.append((self.lobbies.clock.now(), answer))

    def do(self, step: tuple[Any, ...]) -> None:
        what, *rest = step
        clusters = self.lobbies.clusters
        if what == "quick":
            self.ask(clusters[rest[0]].lobby.quick(rest[1], rest[2]))
        elif what == "create":
            self.ask(clusters[rest[0]].lobby.create(rest[1], private=rest[2]))
        elif what == "join" and self.codes:
            self.ask(clusters[rest[0]].lobby.join(self.codes[rest[1] % len(self.codes)]))
        elif what in ("leave", "close", "lock"):
            self.change(what, self.room(rest[0]), *rest[1:])
        elif what == "load":
            clusters[rest[0]]._load, clusters[rest[0]]._measured = rest[1], (float("inf"), 0.0)
        elif what == "cut":
            self.lobbies.broker(clusters[rest[0]]).cut()
        elif what == "heal":
            self.lobbies.broker(clusters[rest[0]]).join()
        elif what == "run":
            self.lobbies.run(rest[0])
        elif what == "some":
            self.lobbies.store.run(rest[0])
        self.check()

    def change(self, what: str, room: Any, *rest: Any) -> None:
        if room is None:
            return
        if what == "close":
            room.close()
        elif what == "lock":
            room.locked = rest[0]
        elif room.places:
            room._gdpeer_life.free(next(iter(room.places.values())))

    def check(self) -> None:
        seen: set[str] = set()
        for name in "abc":
            for code, room in self.lobbies.rooms(name).items():
                assert room.taken <= room.max_peers
                assert code not in seen, "a room is in two workers"
                seen.add(code)
        for begun, answer in list(self.asked):
            if answer.is_done:
                self.asked.remove((begun, answer))
                self.take(answer)
            else:
                assert self.lobbies.clock.now() - begun <= 4.0

    def take(self, answer: Answer[Seat]) -> None:
        """Takes an answer: a seat in a room that existed when its owner gave it, or an error for players."""
        try:
            seat = answer.result()
        except (Full, Locked, NoRoom, Unreachable):
            return
        self.codes.append(code_of(seat))

    def settle(self) -> None:
        """Ends all failures: every request has its answer, and every room that is left can be joined or says why."""
        for cluster in self.lobbies.clusters.values():
            self.lobbies.broker(cluster).join()
        for _ in range(90):
            self.lobbies.run(0.05)
            self.check()
        assert self.asked == []
        self.lobbies.run(6.0)
        lobby = self.lobbies.clusters["a"].lobby
        for code in list(dict.fromkeys(self.codes)):
            room = next((self.lobbies.rooms(name)[code] for name in "abc" if code in self.lobbies.rooms(name)), None)
            try:
                seat = self.lobbies.result(lobby.join(code))
            except Full:
                assert room is not None
                assert room.taken == room.max_peers
            except Locked:
                assert room is not None
                assert room.locked
            except (NoRoom, Unreachable):
                assert room is None or room.is_closed or room.code[:2] not in self.held_by_owner(code)
            else:
                assert code_of(seat) == code
            self.check()

    def held_by_owner(self, code: str) -> set[str]:
        """Returns the shards of the worker that has a room: one without its shard goes on unlisted."""
        for name, cluster in self.lobbies.clusters.items():
            if code in self.lobbies.rooms(name):
                return set(cluster.shards.held)
        return set()


@settings(max_examples=60)
@given(STEPS)
def test_no_room_is_overfull_and_each_request_gets_a_seat_or_an_error(steps: list[tuple[Any, ...]]) -> None:
    world = World()
    for step in steps:
        world.do(step)
    world.settle()
