"""`Hall`: many rooms on one port, in one process and one thread.

    hall = Hall([Arena], secret=secret, lobby=True)
    hall.listen(8910)
    room = hall.create("arena", {"map": "sand"})    # players come by ws://host:8910/room/CODE?session=KEY
    gdpeer.run(lambda delta: hall.poll())

The hall's server accepts the connections of all rooms, `Entrance` leads each to its room. One poll turns the shared
poller once, then the rooms that have news. Deadlines are timers of the poller, so a poll costs the same with one idle
room and with ten thousand.

Layer: `rooms`.
"""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, TypeAlias, cast

from gdpeer.arguments import INT, NUMBER, STR, checked, optional, seconds_of
from gdpeer.attributes import Guarded
from gdpeer.clock import MONOTONIC, Clock
from gdpeer.errors import Error
from gdpeer.http.response import Handler, Reply, Response
from gdpeer.logs import get_logger, log_limited
from gdpeer.multiplayer.rpc.async_methods import Tasks, use_tasks
from gdpeer.multiplayer.tree import SceneTree
from gdpeer.protocol.http_headers import Request
from gdpeer.rooms.codes import draw_code, find_code, is_code
from gdpeer.rooms.entrance import Decision, Entrance
from gdpeer.rooms.errors import Draining, Full, NoRoom, RoomError
from gdpeer.rooms.figures import Figures
from gdpeer.rooms.guessing import Guessing
from gdpeer.rooms.labels import Label, fits
from gdpeer.rooms.lifecycle import RoomLifecycle
from gdpeer.rooms.lobby import Lobby
from gdpeer.rooms.lobby_http import LobbyPages
from gdpeer.rooms.lobby_room import LobbyRoom
from gdpeer.rooms.neighbours import Neighbours
from gdpeer.rooms.request import PROTOCOLS
from gdpeer.rooms.room import Room
from gdpeer.rooms.saved import SavedRoom
from gdpeer.rooms.tokens import SeatKeys
from gdpeer.rooms.waiting import PATIENCE, HookTasks, check_hooks, future_of
from gdpeer.websocket.server import WebSocketServer

__all__ = ["Hall", "Kind"]

logger = get_logger("gdpeer.rooms")

LONG_TURN = 0.05
"""Seconds of one room's turn beyond which it is logged and counted: it holds up all other rooms."""

TasksOf: TypeAlias = Callable[[SceneTree], Tasks]
"""Returns what starts the calls of a tree's async methods."""

Kind: TypeAlias = type[Room] | Callable[[Room], object]
"""A subclass of `Room`, or a function that fills the tree of a new room."""


class Hall(Guarded):
    """Rooms, and the port that they share. Use a hall from one thread; only `Room.soon` may be called from others.

    Args:
        kinds: the kinds of rooms: subclasses of `Room`, or functions that fill the tree of a new room.
        secret: signs seats, at least 32 bytes; or `SeatKeys`. None: there are no seats. With a lobby, None draws a
            secret that is forgotten when the process ends.
        lobby: whether players get seats by HTTP (`/lobby/...`) and by RPC (at the path `/`). Needs PyJWT.
        allowed_origins: the web pages that may connect and ask the lobby; None: all.
        public_url: the beginning of the URLs of seats, as "wss://play.example"; None: as the client sees the server.
        clock: a `ManualClock` in tests.
        wall: returns the seconds since 1970, for seats.

    Attributes:
        server: the `WebSocketServer` with the port: set TLS, limits and other settings there.
        kinds: the kinds of rooms, by name.
        secret: the current secret; b"" if there are no seats.
        keys: the secret as `SeatKeys`; None: there are no seats.
        public_url, allowed_origins, clock, wall: as given.
        max_rooms: the most rooms. Default: 10,000.
        max_peers: the most places in all rooms. Default: 0, no limit.
        max_seats: the most places that wait for their player. Default: 1,024.
        http_handler: answers requests for pages (`gdpeer.http`) that the lobby does not answer. It may return a future,
            and in asyncio be async. Default: None.
        guessing: the limits for wrong codes and seats by address; see `Guessing.exempt` for a reverse proxy.
        lobby: the `Lobby`; None: there is no lobby.
        is_draining: whether the hall is about to stop.
        taken: the places in all rooms.
        waiting: the places that wait for their player.
        figures: counters for metrics.
        long_turns: turns of rooms that took more than 50 ms, with their ticks.
        timer: tells the time for the measuring of turns, in seconds.
        cluster: the `Cluster` that the hall belongs to; None: none.
        neighbours: whom the hall asks about codes and rooms that it does not have: the cluster; None: nobody.

    Raises:
        ValueError: two kinds have the same name, or the secret is too short.
        TypeError: a hook other than `on_create` and `on_auth` is async.
        ImportError: PyJWT, which the lobby needs, is not installed. The text says how to install it.
    """

    _gdpeer_attributes = (
        "allowed_origins",
        "clock",
        "cluster",
        "figures",
        "guessing",
        "http_handler",
        "is_draining",
        "keys",
        "kinds",
        "lobby",
        "lobby_life",
        "long_turns",
        "max_peers",
        "max_rooms",
        "max_seats",
        "neighbours",
        "openings",
        "public_url",
        "secret",
        "server",
        "taken",
        "timer",
        "waiting",
        "wall",
    )

    def __init__(
        self,
        kinds: Iterable[Kind] = (),
        *,
        secret: bytes | SeatKeys | None = None,
        lobby: bool = False,
        allowed_origins: Iterable[str] | None = None,
        public_url: str | None = None,
        clock: Clock = MONOTONIC,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.kinds: dict[str, type[Room]] = {}
        for kind in kinds:
            self._add_kind(kind)
        self._was_given_secret = secret is not None
        if secret is None and lobby:
            secret = secrets.token_bytes(32)
        self.keys = SeatKeys(secret) if isinstance(secret, bytes | bytearray) else secret
        self.secret = b"" if self.keys is None else self.keys.signing()[1]
        self.public_url = public_url
        self.allowed_origins = None if allowed_origins is None else tuple(allowed_origins)
        self.clock = clock
        self.wall = wall
        self.timer: Callable[[], float] = time.perf_counter
        self.max_rooms = 10_000
        self.max_peers = 0
        self.max_seats = 1_024
        self.http_handler: Handler | None = None
        self.guessing = Guessing(clock)
        self.is_draining = False
        self.taken = self.waiting = self.long_turns = 0
        self.openings = 0  # events after which a room may be open to the lobby that was not before
        self.figures = Figures()
        self.cluster: Any = None
        self.neighbours: Neighbours | None = None
        self._tasks: TasksOf | None = None
        self._hook_tasks: HookTasks | None = None
        self._lives: dict[str, RoomLifecycle] = {}
        self._rooms: dict[str, Room] = {}
        self._by_kind: dict[str, dict[str, Room]] = {}
        self._news: deque[RoomLifecycle] = deque()
        self._soon: deque[Callable[[], object]] = deque()
        self._closed: list[RoomLifecycle] = []
        self._is_turning = False
        self.server = self._make_server()
        self.lobby: Lobby | None = None
        self.lobby_life: RoomLifecycle | None = None
        self._lobby_pages: LobbyPages | None = None
        if lobby:
            self._open_lobby()

    def _make_server(self) -> WebSocketServer:
        server = WebSocketServer(clock=self.clock)
        server.heartbeat_interval = 15.0  # a connection that has silently broken must be noticed, for `on_away`
        server.handshake_timeout = PATIENCE + 3.0  # a future of the game may take a part of it
        server.allowed_origins = self.allowed_origins
        server.http_handler = self._respond
        server.use_protocols(PROTOCOLS)
        server.use_placer(Entrance(self))
        return server

    def _open_lobby(self) -> None:
        self.lobby = Lobby(self)
        self._lobby_pages = LobbyPages(self, self.lobby)
        self.lobby_life = RoomLifecycle(self, LobbyRoom.kind, LobbyRoom, "")
        self.lobby_life.create(self.lobby)
        self.lobby_life.begin()

    def _add_kind(self, kind: Kind) -> None:
        made: type[Room] = kind if isinstance(kind, type) else _kind_of(kind)
        name = made.kind or made.__name__.lower()
        if name in self.kinds:
            raise ValueError(f"two kinds of rooms are called {name!r}")
        check_hooks(made)
        self.kinds[name] = made

    # ------------------------------------------------------------------------------------------ the port

    @checked(port=INT, bind_ip=STR)
    def listen(self, port: int, bind_ip: str = "*") -> Error:
        """Opens the port; returns the codes of `WebSocketServer.listen`. After an error see `get_listen_error()`.

        Args:
            port: 1 to 65,535; 0 opens a free port, which `get_local_port` tells.
            bind_ip: one address, "*" for all, or "unix:/path".
        """
        self.server.bind_ip = bind_ip
        error = self.server.listen(port)
        self.server.use_protocols(PROTOCOLS)
        return error

    def get_listen_error(self) -> str:
        """Returns in a line what was wrong with the last `listen`; "" if it succeeded."""
        return self.server.get_listen_error()

    def get_local_port(self) -> int:
        """Returns the number of the open port; 0 if none is open."""
        return self.server.get_local_port()

    def is_listening(self) -> bool:
        """Whether the port is open."""
        return self.server.is_listening()

    def _respond(self, request: Request) -> Reply:
        reply: Reply = None if self._lobby_pages is None else self._lobby_pages(request)
        if reply is None and self.http_handler is not None:
            reply = self.http_handler(request)
        return reply if reply is None or isinstance(reply, Response) else self._late(reply)

    def _late(self, reply: Any) -> Reply:
        """Returns a reply that the server can wait for: futures and coroutines become a decision."""
        future = None if hasattr(reply, "then") else self.future_of(reply, "http_handler")
        if future is None:
            return cast("Reply", reply)
        decision = Decision()
        future.add_done_callback(lambda done: self.run_soon(lambda: decision.take(done)))
        return decision

    # ------------------------------------------------------------------------------------------ rooms

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The rooms, by code: a read-only view. The lobby room is not among them."""
        return MappingProxyType(self._rooms)

    @checked(kind=STR, code=optional(STR))
    def create(self, kind: str, options: Any = None, code: str | None = None, private: bool = False) -> Room:
        """Makes a room. May be called before `listen`, and in a call or hook of another room.

        Args:
            kind: a name in `kinds`.
            options: for `on_create`.
            code: 6 digits and letters without I, L, O and U; None draws a code.
            private: whether the lobby never lists the room.

        Raises:
            NoRoom: there is no such kind.
            Full: there are `max_rooms` rooms.
            Draining: the hall is about to stop.
            RoomError: `on_create` refused or failed; or another worker of the cluster has this code.
            ValueError: the code is not valid, or a room has it.
        """
        make = self._class_of(kind)
        life = RoomLifecycle(self, kind, make, self._checked_code(code))
        life.room.private = private
        return self._begin(life, options)

    def _class_of(self, kind: str) -> type[Room]:
        """Returns the class for a new room of a kind, if there may be one more room."""
        make = self.kinds.get(kind)
        if make is None:
            raise NoRoom(f"there is no kind of room called {kind!r}")
        if self.is_draining:
            raise Draining("the server is about to stop")
        if len(self._rooms) >= self.max_rooms:
            raise Full("the server takes no more rooms")
        return make

    def _checked_code(self, code: str | None) -> str:
        if code is None:
            return self._drawn_code()
        found = find_code(code)
        if not is_code(found):
            raise ValueError(f"a code has 6 digits and letters without I, L, O and U, not {code!r}")
        if found in self._rooms:
            raise ValueError(f"there is a room {found} already")
        if self.neighbours is not None:
            self.neighbours.check_code(found)
        return found

    def _drawn_code(self) -> str:
        if self.neighbours is None:
            return draw_code(self._rooms)
        while (code := self.neighbours.draw_code()) in self._rooms:
            pass
        return code

    def _begin(self, life: RoomLifecycle, options: Any) -> Room:
        room = life.room
        # Before `on_create`, which may look for its own room, or make further rooms.
        self._lives[life.code] = life
        self._rooms[life.code] = room
        self._by_kind.setdefault(life.kind, {})[life.code] = room
        if self._tasks is not None:
            use_tasks(life.tree, self._tasks(life.tree))
        try:
            life.create(options)
        except RoomError:
            life.discard()
            raise
        self.figures.made[life.kind] += 1
        if not life.is_closed:
            life.begin()
        return room

    @checked(kind=STR)
    def find(self, kind: str, **labels: Label) -> list[Room]:
        """Returns the rooms of a kind that are not private and have all these labels, the oldest first."""
        found = self._by_kind.get(kind, {}).values()
        return [room for room in found if not room.private and fits(room.labels, labels)]

    # ------------------------------------------------------------------------------------------ polling

    def poll(self, timeout: float = 0.0) -> None:
        """Accepts connections, reads, runs what is due in all rooms, and sends.

        Args:
            timeout: the most seconds to wait for an event. 0 does not wait.
        """
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        if self._is_turning:  # a handler of a room polls: the rooms after it have their turn later
            return
        if self._news or self._soon:
            timeout = 0.0
        self.server.poll(timeout)
        if self._news or self._soon or self._closed:
            self._turn_rooms()

    def _turn_rooms(self) -> None:
        turn = self.server.poll_turn()
        self._is_turning = turn.active = True
        try:
            for _ in range(len(self._soon)):
                self._soon.popleft()()
            for _ in range(len(self._news)):  # what comes up meanwhile is for the next poll
                self._turn_room(self._news.popleft())
        finally:
            self._is_turning = False
            turn.flush()
        closed, self._closed = self._closed, []
        for life in closed:
            life.dispose()

    def _turn_room(self, life: RoomLifecycle) -> None:
        begin = self.timer()
        life.turn()
        self.note_turn(life, self.timer() - begin)

    # ------------------------------------------------------------------------------------------ the end

    @property
    def is_drained(self) -> bool:
        """Whether a hall that is draining has no room left."""
        return self.is_draining and not self._rooms

    @checked(deadline=NUMBER)
    def drain(self, deadline: float = 300.0) -> None:
        """Begins to stop: no more rooms and places. Players who lost their connection may still come back.

        Each room's `on_drain` is called. A room is closed once it has no place any more, and at the latest at the
        deadline. Continue to poll until `is_drained`.

        Args:
            deadline: seconds.
        """
        if self.is_draining:
            return
        self.is_draining = True
        for life in list(self._lives.values()):
            life.drain(float(deadline))
        if deadline < math.inf:
            self.server.poller().call_at(self.clock.now() + deadline, self._close_rooms)

    def _close_rooms(self) -> None:
        for life in list(self._lives.values()):
            life.close(1001, "the server stops")

    def close(self) -> None:
        """Closes all rooms and connections with code 1001, and the port."""
        self._close_rooms()
        if self.lobby_life is not None:
            self.lobby_life.close(1001, "the server stops")
        if not self._is_turning:
            self._turn_rooms()
        self.server.stop(1001)

    def __enter__(self) -> Hall:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Calls `close()`, also after an exception."""
        self.close()

    def __repr__(self) -> str:
        return f"<Hall port {self.get_local_port()}, {len(self._rooms)} rooms, {self.taken} places>"

    # ------------------------------------------------------------------------------------------ for gdpeer itself
    # Rooms, the entrance and `serve_hall` call these. No program needs them, so the reference leaves them out.

    def use_keys(self, keys: SeatKeys | None) -> bool:
        """Takes the secrets of the command line, unless the program has given its own.

        Returns:
            Whether the secret was drawn for this process.
        """
        if not self._was_given_secret and keys is not None:
            self.keys, self.secret = keys, keys.signing()[1]
            self._was_given_secret = True
        return not self._was_given_secret and self.keys is not None

    def has_news(self) -> bool:
        """Whether a poll has something to do at once."""
        return bool(self._news or self._soon)

    def use_tasks(self, tasks: TasksOf | None, hooks: HookTasks | None = None) -> None:
        """Has the calls of async methods started by tasks, one for each room's tree; None: no longer.

        `hooks` runs the coroutines of `on_create` and `on_auth`.
        """
        self._tasks = tasks
        self._hook_tasks = hooks
        for life in self._lives.values():
            use_tasks(life.tree, None if tasks is None else tasks(life.tree))

    def future_of(self, answer: Any, hook: str) -> Any:
        """Returns the future or task of what a hook has returned; None: the hook has answered. See `waiting`."""
        return future_of(answer, self._hook_tasks, hook)

    def drop(self, future: Any) -> None:
        """Ends the task of a hook whose answer comes too late, or is not needed any more."""
        if self._hook_tasks is not None:
            self._hook_tasks.cancel(future)

    def check_free(self) -> None:
        """Raises Draining or Full if nobody gets a place in any room now."""
        if self.is_draining:
            raise Draining("the server is about to stop")
        if self.max_peers and self.taken >= self.max_peers:
            raise Full("the server is full")
        if self.waiting >= self.max_seats:
            raise Full("too many seats are waiting for their players")

    def restore(self, saved: SavedRoom) -> Room:
        """Makes a room again that was saved, here or in another process. Its players are away, and may return.

        Raises:
            NoRoom: there is no such kind.
            Full: there are `max_rooms` rooms.
            Draining: the hall is about to stop.
            RoomError: `on_create` refused or failed, or `restore` failed.
            ValueError: there is a room with this code.
        """
        make = self._class_of(saved.kind)
        if saved.code in self._rooms:
            raise ValueError(f"there is a room {saved.code} already")
        life = RoomLifecycle(self, saved.kind, make, saved.code)
        life.restores = saved
        return self._begin(life, saved.options)

    def ends(self, life: RoomLifecycle) -> bool:
        """Whether a room is to be closed as soon as nobody has a place, since the hall is about to stop."""
        return self.is_draining and (self.neighbours is None or not self.neighbours.moves(life))

    def life_of(self, code: str) -> RoomLifecycle | None:
        """Returns the room with a code."""
        return self._lives.get(code)

    def note_news(self, life: RoomLifecycle) -> None:
        """Has a room turned in this poll."""
        self._news.append(life)

    def note_turn(self, life: RoomLifecycle, seconds: float) -> None:
        """Measures a turn or a tick of a room."""
        self.figures.note_turn(seconds)
        life.turns += 1
        life.turn_seconds += seconds
        if seconds > life.longest_turn:
            life.longest_turn = seconds
        if seconds > LONG_TURN:
            self.long_turns += 1
            text = "room %s: a turn took %s ms and held up all other rooms"
            log_limited(logger, logging.WARNING, text, life.code, round(seconds * 1000))

    def run_soon(self, callback: Callable[[], object]) -> None:
        """Runs a callback in the next poll. May be called in any thread."""
        self._soon.append(callback)
        self.server.poller().wake()

    def forget_room(self, life: RoomLifecycle) -> None:
        """Removes a room that has ended."""
        if self._lives.get(life.code) is life:
            del self._lives[life.code]
            del self._rooms[life.code]
            del self._by_kind[life.kind][life.code]
        self._closed.append(life)


def _kind_of(function: Callable[[Room], object]) -> type[Room]:
    """Returns a kind of room whose tree a function fills."""

    def on_create(room: Room, options: Any) -> Any:
        return function(room)

    members = {"kind": function.__name__, "on_create": on_create, "__doc__": function.__doc__}
    return type(function.__name__, (Room,), members)
