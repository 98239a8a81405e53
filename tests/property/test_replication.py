"""Spawners and synchronizers on several sides: whatever happens, in whatever order, all sides end in the same state.

A connection may be slow or cut in between. What a slow connection loses for good, the server's relay of another
client's packets, is logged; it is the only difference that is allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gdpeer import Color, ManualClock, Node, ReplicationMode, SceneMultiplayer, SceneTree, Vector2
from gdpeer.logs import LogLimit
from gdpeer.multiplayer.wire.godot4 import ConfirmPath, SimplifyPath, call_packet, encode_call_body
from gdpeer.multiplayer.wire.replication import Delta, Despawn, Spawn, Sync, encode_values
from tests.support.rep_game import BY_HAND, DECLARED, Forms, Main, Nest, make_scenes, make_synchronizer
from tests.support.scripted_peer import ScriptedPeer
from tests.support.slow_peer import SlowPeer

FRAME = 0.05
QUEUE = 400
"""Bytes that wait on a slow connection at most: a few packets."""


class Losses(LogLimit):
    """Notes who has not got packets of other clients."""

    __slots__ = ("by_relay",)

    def __init__(self) -> None:
        super().__init__()
        self.by_relay: set[int] = set()

    def warning(self, text: str, *arguments: Any) -> None:
        if "was lost" in text:
            self.by_relay |= set(arguments[1])


class World:
    """One side with the game."""

    def __init__(self, worlds: Worlds, peer: SlowPeer) -> None:
        self.peer = peer
        self.api = SceneMultiplayer(clock=worlds.clock)
        self.tree = SceneTree(self.api, scenes=make_scenes(worlds.forms))
        self.main = Main(worlds.forms)
        self.tree.root.add_child(self.main)
        self.main.shot_spawner.set_multiplayer_authority(worlds.shooter)
        self.api.multiplayer_peer = peer
        self.id = peer._id
        self.api.lost_packets = losses = Losses()
        self.lost = losses.by_relay

    @property
    def units(self) -> list[Any]:
        return self.main.units.get_children()


class Worlds:
    """A server and clients in memory."""

    def __init__(self, forms: Forms) -> None:
        self.owners: dict[str, int] = {}
        self.forms = forms._replace(unit=_owned(forms.unit, self.owners))
        self.clock = ManualClock(1000.0)
        self.shooter = 1
        self.server = World(self, SlowPeer())
        self.clients: list[World] = []
        self.left: list[World] = []
        self.join()
        self.shooter = self.clients[0].id
        for world in self.sides:
            world.main.shot_spawner.set_multiplayer_authority(self.shooter)
        self.join()

    @property
    def sides(self) -> list[World]:
        return [self.server, *self.clients]

    def side(self, peer_id: int) -> World | None:
        return next((one for one in self.sides if one.id == peer_id), None)

    def join(self) -> None:
        self.clients.append(World(self, self.server.peer.join()))
        self.run(2)

    def run(self, frames: int) -> None:
        for _ in range(frames):
            self.clock.advance(FRAME)
            for world in (*self.sides, *self.left):
                world.tree.poll()

    def settle(self) -> None:
        """Ends what slows the sides down, and waits until all has arrived: also paths that are told again."""
        for world in self.sides:
            for peer_id in list(world.peer.queues):
                world.peer.speed_up(peer_id)
        self.run(60)


class Flag(Node):
    """A child of each unit with a synchronizer of its own, the server's, which goes by path."""

    height = 0.0

    def __init__(self) -> None:
        super().__init__("Flag")
        self.add_child(make_synchronizer("Sync", (".:height", ReplicationMode.ALWAYS, True)))


def _owned(kind: type[Any], owners: dict[str, int]) -> type[Any]:
    """Returns a class of units whose synchronizer Sync belongs to the peer that `owners` names, each with a flag."""

    class Owned(kind):  # type: ignore[misc]
        def furnish(self) -> None:
            super().furnish()
            self.add_child(Flag())

        def _enter_tree(self) -> None:
            super()._enter_tree()
            if self.name in owners:
                self.get_node("Sync").set_multiplayer_authority(owners[self.name])

    return Owned


# ------------------------------------------------------------------------------------------------ what may happen

NUMBERS = st.integers(0, 3)


def _unit(worlds: Worlds, number: int) -> Any:
    found = [one for one in worlds.server.units if hasattr(one, "position")]
    return found[number % len(found)] if found else None


def _add(worlds: Worlds, number: int) -> None:
    name = str(worlds.clients[number].id) if number < min(2, len(worlds.clients)) else f"U{number}"
    main = worlds.server.main
    if not main.units.has_node(name) and not main.has_node(name):
        main.units.add_child(main.new_unit(name))


def _nest(worlds: Worlds, _: int) -> None:
    units = worlds.server.main.units
    if not units.has_node("Nest"):
        units.add_child(Nest("Nest"))


def _egg(worlds: Worlds, number: int) -> None:
    worlds.server.main.spawner.spawn(number)


def _lay(worlds: Worlds, _: int) -> None:
    nest: Any = worlds.server.main.get_node_or_null("Units/Nest/Eggs")
    if nest is not None:
        nest.add_child(worlds.forms.egg("Egg"), True)


def _free(worlds: Worlds, number: int) -> None:
    units = worlds.server.units
    if units:
        units[number % len(units)].queue_free()


def _free_at_once(worlds: Worlds, number: int) -> None:
    units = worlds.server.units
    if units:
        units[number % len(units)].free()


def _move_away(worlds: Worlds, number: int) -> None:
    unit, main = _unit(worlds, number), worlds.server.main
    if unit is not None and not main.has_node(unit.name):
        main.units.remove_child(unit)
        main.add_child(unit)


def _move_back(worlds: Worlds, number: int) -> None:
    main = worlds.server.main
    away = [one for one in main.get_children() if hasattr(one, "position")]
    if away and not main.units.has_node(away[number % len(away)].name):
        unit = away[number % len(away)]
        main.remove_child(unit)
        main.units.add_child(unit)


def _replace(worlds: Worlds, number: int) -> None:
    unit, main = _unit(worlds, number), worlds.server.main
    if unit is not None:
        main.units.remove_child(unit)
        main.units.add_child(unit)


def _see(worlds: Worlds, number: int, visible: bool) -> None:
    unit = _unit(worlds, number)
    if unit is not None and worlds.clients:
        for one in unit.synchronizers()[: 1 + number // 2]:
            if one.public_visibility:
                for client in worlds.clients:
                    one.set_visibility_for(client.id, True)
                one.public_visibility = False
            one.set_visibility_for(worlds.clients[number % len(worlds.clients)].id, visible)


def _hide(worlds: Worlds, number: int) -> None:
    _see(worlds, number, False)


def _show(worlds: Worlds, number: int) -> None:
    _see(worlds, number, True)


def _close(worlds: Worlds, number: int) -> None:
    unit = _unit(worlds, number)
    if unit is not None:
        for one in unit.synchronizers():
            one.public_visibility = False


def _open(worlds: Worlds, number: int) -> None:
    unit = _unit(worlds, number)
    if unit is not None:
        for one in unit.synchronizers():
            one.public_visibility = True


def _filter(worlds: Worlds, number: int) -> None:
    unit = _unit(worlds, number)
    if unit is not None:
        for one in unit.synchronizers():
            one.add_visibility_filter(lambda peer_id: peer_id % 2 == number % 2)


def _own(worlds: Worlds, number: int) -> None:
    """Gives a synchronizer to another peer; no SPAWN may be on its way, as its receiver must know the same owner."""
    worlds.run(4)
    unit = _unit(worlds, number)
    if unit is not None and not any(world.peer.queues for world in worlds.sides):
        owner = worlds.sides[number % len(worlds.sides)].id
        worlds.owners[unit.name] = owner
        for world in worlds.sides:
            for path in (f"Units/{unit.name}/Sync", f"{unit.name}/Sync"):
                node = world.main.get_node_or_null(path)
                if node is not None:
                    node.set_multiplayer_authority(owner)


def _with_owned(worlds: Worlds, number: int, name: str, change: Callable[[Any], None]) -> None:
    unit = _unit(worlds, number)
    if unit is not None:
        owner = worlds.side(unit.get_node(name).get_multiplayer_authority())
        own: Any = None if owner is None else owner.main.get_node_or_null(f"Units/{unit.name}")
        if own is not None:
            change(own)


def _move(worlds: Worlds, number: int) -> None:
    def change(unit: Any) -> None:
        unit.position += Vector2(1, number)

    _with_owned(worlds, number, "Sync", change)


def _turn(worlds: Worlds, number: int) -> None:
    _with_owned(worlds, number, "Sync", lambda unit: unit.turn(unit.rotation_now() + 1))


def _hurt(worlds: Worlds, number: int) -> None:
    def change(unit: Any) -> None:
        unit.health -= 1 + number

    _with_owned(worlds, number, "Sync", change)


def _collect(worlds: Worlds, number: int) -> None:
    _with_owned(worlds, number, "Sync", lambda unit: unit.items.append([number]))


def _collect_deeper(worlds: Worlds, number: int) -> None:
    def change(unit: Any) -> None:
        if unit.items:
            unit.items[-1].append(number)

    _with_owned(worlds, number, "Sync", change)


def _hoist(worlds: Worlds, number: int) -> None:
    unit = _unit(worlds, number)
    if unit is not None:
        unit.get_node("Flag").height += 1.0


def _aim(worlds: Worlds, number: int) -> None:
    def change(unit: Any) -> None:
        unit.aim += 1.0

    _with_owned(worlds, number, "Input", change)


def _steer(worlds: Worlds, number: int) -> None:
    def change(unit: Any) -> None:
        unit.motion += Vector2(0, 1 + number)

    _with_owned(worlds, number, "Input", change)


def _board(worlds: Worlds, number: int) -> None:
    board = worlds.server.main.board
    board.clock += 1
    board.notes[number] = board.clock


def _shoot(worlds: Worlds, number: int) -> None:
    shooter = worlds.side(worlds.shooter)
    if shooter is not None:
        shots = shooter.main.get_node("Shots")
        if not shots.has_node(f"Shot{number}"):
            shots.add_child(worlds.forms.egg(f"Shot{number}"))
        else:
            shot: Any = shots.get_node(f"Shot{number}")
            shot.color = Color(number, 0.5, shot.color.b + 1)


def _miss(worlds: Worlds, number: int) -> None:
    shooter = worlds.side(worlds.shooter)
    if shooter is not None and shooter.main.has_node(f"Shots/Shot{number}"):
        shooter.main.get_node(f"Shots/Shot{number}").free()


def _call(worlds: Worlds, number: int) -> None:
    unit = _unit(worlds, number)
    if unit is not None:
        unit.hello.rpc("hello")


def _leave(worlds: Worlds, number: int) -> None:
    if worlds.clients:
        gone = worlds.clients.pop(number % len(worlds.clients))
        gone.peer.close()
        worlds.left.append(gone)


def _cut(worlds: Worlds, number: int) -> None:
    if worlds.clients:
        gone = worlds.clients.pop(number % len(worlds.clients))
        worlds.server.api.disconnect_peer(gone.id)
        worlds.left.append(gone)


def _join(worlds: Worlds, _: int) -> None:
    if len(worlds.clients) < 4:
        worlds.join()


def _slow_down(worlds: Worlds, number: int) -> None:
    if worlds.clients:
        worlds.server.peer.queue_size = QUEUE
        worlds.server.peer.slow_down(worlds.clients[number % len(worlds.clients)].id)


def _speed_up(worlds: Worlds, number: int) -> None:
    if worlds.clients:
        worlds.server.peer.speed_up(worlds.clients[number % len(worlds.clients)].id)


def _slow_client(worlds: Worlds, number: int) -> None:
    if worlds.clients:
        client = worlds.clients[number % len(worlds.clients)]
        client.peer.queue_size = QUEUE
        client.peer.slow_down(1)


def _fast_client(worlds: Worlds, number: int) -> None:
    if worlds.clients:
        worlds.clients[number % len(worlds.clients)].peer.speed_up(1)


def _run(worlds: Worlds, number: int) -> None:
    worlds.run(1 + number)


VALUES_CHANGE = (_move, _turn, _hurt, _collect, _collect_deeper, _aim, _steer, _hoist, _board)
THEMES = [
    VALUES_CHANGE,
    (_hide, _show, _aim, _hoist, _move),
    (_hide, _show, _steer, _collect, _nest, _lay),
    (_close, _open, _filter, _hurt, _aim),
    (_own, _move, _hurt, _collect, _hide, _show),
    (_move_away, _move_back, _replace, _free, _free_at_once, _hoist),
    (_nest, _lay, _egg, _free_at_once, _call),
    (_shoot, _shoot, _miss, _leave),
    (_leave, _cut, _join, _move),
    (_slow_down, _speed_up, _move, _hurt, _collect),
    (_slow_down, _speed_up, _free_at_once, _replace, _hide, _show),
    (_slow_client, _fast_client, _aim, _steer, _shoot, _miss),
]
"""Steps that have to do with each other: a history has one or two themes, and so goes further into each."""
HISTORY = st.lists(st.sampled_from(THEMES), min_size=1, max_size=2, unique=True).flatmap(
    lambda themes: st.lists(
        st.tuples(st.sampled_from([_add, _run, _run, *(step for theme in themes for step in theme)]), NUMBERS),
        max_size=30,
    )
)


# ------------------------------------------------------------------------------------------------ the same state


@given(HISTORY, st.sampled_from([DECLARED, BY_HAND]))
def test_all_sides_end_in_the_same_state(
    history: list[tuple[Callable[[Worlds, int], None], int]], forms: Forms
) -> None:
    worlds = Worlds(forms)
    for step, number in history:
        step(worlds, number)
    worlds.settle()
    for world in worlds.sides:
        _check_rest(world)  # first, because reading a list marks the list
    for client in worlds.clients:
        _compare_nodes(worlds, client)
        _compare_values(worlds, client)
        assert client.main.board.clock == worlds.server.main.board.clock
        assert client.main.board.notes == worlds.server.main.board.notes
    for gone in worlds.left:
        assert not gone.units
        assert not [one for one in gone.main.get_node("Shots").get_children() if gone.id != worlds.shooter]


def _names(node: Node | None) -> list[str]:
    return [] if node is None else sorted(child.name for child in node.get_children())


def _compare_nodes(worlds: Worlds, client: World) -> None:
    server = worlds.server
    spawned = server.api.replicator.spawns.nodes
    seen = [unit.name for unit in server.units if client.id in spawned[unit].shown]
    assert _names(client.main.units) == sorted(seen)
    for unit in server.units:
        synchronizers = [one for one in unit.get_children() if one.name in ("Sync", "Input")]
        own = [one for one in synchronizers if one.get_multiplayer_authority() == 1]
        if unit.name not in worlds.owners:  # a new authority changes nothing for those who have the node, or not
            assert (unit.name in seen) == (not own or any(one.is_visible_to(client.id) for one in own))
    if "Nest" in seen:
        assert _names(client.main.get_node("Units/Nest/Eggs")) == _names(server.main.get_node("Units/Nest/Eggs"))
    shooter = worlds.side(worlds.shooter)
    assert bool(server.lost) == bool(server.api.refused["no room"])  # what the relay loses is logged and counted
    if client.id not in server.lost:
        assert _names(client.main.get_node("Shots")) == (
            [] if shooter is None else _names(shooter.main.get_node("Shots"))
        )


def _compare_values(worlds: Worlds, client: World) -> None:
    for unit in client.units:
        if hasattr(unit, "position"):
            assert unit.get_node("Flag").height == worlds.server.main.get_node(f"Units/{unit.name}/Flag").height  # type: ignore[attr-defined]
        for one in unit.get_children():
            if one.name in ("Sync", "Input"):
                owner = worlds.side(one.get_multiplayer_authority())
                theirs: Any = None if owner is None else owner.main.get_node_or_null(f"Units/{unit.name}")
                is_lost = owner is not worlds.server and client.id in worlds.server.lost
                if theirs is not None and not is_lost and theirs.get_node(one.name).is_visible_to(client.id):
                    assert _values(unit, one.name) == _values(theirs, one.name)
    shooter = worlds.side(worlds.shooter)
    for shot in client.main.get_node("Shots").get_children() if client.id not in worlds.server.lost else []:
        assert shooter is not None
        assert shot.color == shooter.main.get_node(f"Shots/{shot.name}").color  # type: ignore[attr-defined]


def _values(node: Any, name: str) -> list[Any]:
    if name == "Input":
        return [node.aim, node.motion.y]
    if not hasattr(node, "position"):
        return [node.color]
    return [node.position, node.rotation_now(), node.health, node.items]


def _check_rest(world: World) -> None:
    """Nothing is left over: no packet that is due, and nothing of those who have gone."""
    replicator = world.api.replicator
    assert not replicator.frames.queue or not world.api.admitted
    assert not replicator.spawns.blocked()
    assert not [sender for sender in replicator.reception.senders if sender not in world.api.admitted]
    assert set(replicator.spawns.peers) == set(world.api.admitted)


# ------------------------------------------------------------------------------------------------ hostile clients

HOSTILE = 7
TEXTS = st.text("ab1@é/.", max_size=4)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    TEXTS,
    st.builds(Vector2, st.floats(width=32), st.floats(width=32)),
    st.builds(Color, st.floats(0, 1, width=32)),
    st.lists(st.integers(-9, 9), max_size=3),
    st.dictionaries(TEXTS, st.integers(-9, 9), max_size=3),
)
STATES = st.one_of(st.lists(VALUES, max_size=6).map(encode_values), st.binary(max_size=30))
SMALL = st.one_of(st.integers(0, 6), st.sampled_from([0xFFFFFFFF, 0x7FFFFFFF]))
IDS = st.one_of(SMALL, st.integers(1, 8).map(lambda number: 0x80000000 | number))
PATHS = [
    *(
        "Main/ShotSpawner",
        "Main/Spawner",
        "Main/Board/Sync",
        "Main/Units/U1/Sync",
        "Main/Units/7/Input",
        "Main/Units/7",
    ),
    *("Main/Shots/Gone/Sync", ".", "Main/../Main", "Main/Units/7/Sync"),
]
NAMES = st.one_of(st.sampled_from(["U1", "7", "S1", "S2", ""]), TEXTS, st.just("n" * 300))
NOTHING = "d41d8cd98f00b204e9800998ecf8427e"
ARGUMENTS = st.one_of(st.none(), VALUES.map(lambda value: encode_values([value])), st.binary(min_size=1, max_size=8))


def _spawn(
    scene: int, numbers: tuple[int, int], ids: list[int], name: str, argument: bytes | None, state: bytes
) -> bytes:
    scene = scene & 0xFF if argument is None else 255
    return Spawn(scene, *numbers, tuple(ids), name, argument, state).encode()


PACKETS = st.one_of(
    st.builds(_spawn, SMALL, st.tuples(SMALL, SMALL), st.lists(SMALL, max_size=3), NAMES, ARGUMENTS, STATES),
    st.builds(lambda net: Despawn(net).encode(), SMALL),
    st.builds(
        lambda counter, elements: Sync(counter, tuple(elements)).encode(),
        st.integers(0, 65535),
        st.lists(st.tuples(IDS, STATES), max_size=3),
    ),
    st.builds(
        lambda elements: Delta(tuple(elements)).encode(),
        st.lists(st.tuples(IDS, st.integers(0, 2**64 - 1) | st.integers(0, 7), STATES), max_size=3),
    ),
    st.builds(
        lambda number, path: SimplifyPath(NOTHING, number, path).encode(), st.integers(0, 8), st.sampled_from(PATHS)
    ),
    st.builds(lambda number: ConfirmPath(True, number).encode(), st.integers(0, 8)),
    st.builds(
        lambda first, rest: bytes([first]) + rest, st.sampled_from([4, 5, 6, 0x16, 0xF6]), st.binary(max_size=40)
    ),
)
CUT = st.one_of(PACKETS, st.tuples(PACKETS, st.integers(0, 60)).map(lambda two: two[0][: max(1, two[1])]))


class Besieged:
    """A server with one client, which may spawn shots, and owns the input of one unit."""

    def __init__(self, forms: Forms) -> None:
        self.clock = ManualClock(1000.0)
        self.peer = ScriptedPeer()
        self.api = SceneMultiplayer(clock=self.clock)
        self.api.max_spawned_nodes = 3
        self.tree = SceneTree(self.api, scenes=make_scenes(forms))
        self.main = Main(forms)
        self.tree.root.add_child(self.main)
        self.main.shot_spawner.set_multiplayer_authority(HOSTILE)
        self.api.multiplayer_peer = self.peer
        self.peer.link(HOSTILE)
        self.poll()
        for name in ("U1", str(HOSTILE)):
            self.main.units.add_child(self.main.new_unit(name))
        for number, path in enumerate(PATHS[:6], 1):
            self.peer.feed(HOSTILE, SimplifyPath(NOTHING, number, path).encode())
        self.poll()

    def poll(self) -> None:
        self.clock.advance(FRAME)
        self.tree.poll()

    def guarded(self) -> Any:
        """Returns all that the client has no authority over."""
        units = [
            (unit.name, unit.position, unit.rotation_now(), unit.health, list(unit.items), unit.title)
            for unit in self.main.units.get_children()
        ]
        first: Any = self.main.unit
        board = self.main.board
        nodes = [child.name for child in self.main.get_children()]
        return units, first.aim, first.motion, board.score, board.clock, dict(board.notes), nodes


@given(st.lists(CUT, max_size=12), st.sampled_from([DECLARED, BY_HAND]), st.booleans())
def test_a_client_changes_only_what_is_its_own(packets: list[bytes], forms: Forms, has_scenes: bool) -> None:
    server = Besieged(forms)
    if not has_scenes:  # its shots are then nodes of unknown scenes
        server.main.shot_spawner.clear_spawnable_scenes()
        server.main.shot_spawner.add_spawnable_scene("res://unknown.tscn")
    before = server.guarded()
    for packet in packets:
        server.peer.feed(HOSTILE, packet)
        server.poll()
        assert HOSTILE in server.api.admitted
    assert server.guarded() == before
    shots = server.main.get_node("Shots").get_children()
    assert len(shots) <= 3
    assert all(0 < len(shot.name) <= 256 for shot in shots)
    server.peer.unlink(HOSTILE)
    server.poll()
    server.poll()
    assert not server.main.get_node("Shots").get_children()
    assert not server.api.replicator.reception.senders


def _call_of(path: str) -> bytes:
    return call_packet(*encode_call_body(0, []), 0, path)


def test_what_is_kept_for_a_client_is_limited() -> None:
    server = Besieged(DECLARED)
    reception = server.api.replicator.reception
    for number in range(3000):
        server.peer.feed(HOSTILE, SimplifyPath(NOTHING, 10 + number, f"Main/Shots/Gone{number}").encode())
        server.peer.feed(HOSTILE, _call_of(f"Main/Shots/Gone{number}"))
        if number % 500 == 0:
            server.tree.poll()
    server.tree.poll()
    (kept,) = reception.senders.values()
    assert len(kept.kept) <= 1000
    assert len(kept.calls) <= 1000
    long = "Main/Shots/" + "n" * 60_000
    for number in range(100):
        server.peer.feed(HOSTILE, SimplifyPath(NOTHING, 10_000 + number, f"{long}{number}").encode())
        server.peer.feed(HOSTILE, _call_of(f"{long}{number}"))
    server.tree.poll()
    assert sum(map(len, kept.kept)) <= 1_024_000
    assert sum(len(one[1]) for one in kept.calls) <= 1_000_000
    server.clock.advance(2.0)
    server.tree.poll()
    assert not kept.calls
