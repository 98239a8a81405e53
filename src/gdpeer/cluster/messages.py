"""`Messages`: requests from worker to worker, messages to players and rooms, and those of the operator.

    answer = messages.ask("b", "seat", {"code": "K7Q2M3", "player": "ann", "base": "wss://play.example"})
    answer = messages.tell("ann", {"invite": "K7Q2M3"})     Delivery.DELIVERED, AWAY or UNKNOWN

| Request | Fields | Answer |
|---|---|---|
| `seat` | `code`, `player`, `base` | `url`, `peer_id`, `expires`, `new` |
| `create` | `kind`, `options`, `labels`, `private`, `player`, `base` | as `seat` |
| `tell` | `code`, `player` (None: the room itself), `data`, `sender` | `delivery` |
| `metrics` | | `metrics`, as in `gdpeer.cluster.metrics` |
| `watch` | `code`, `act`, `wishes` of the operator, as in `gdpeer.rooms.monitor` | `answer`, `status` |

A request goes to the subject `w.<worker>` as `{"do": "seat", ...}`. Its answer is `{"ok": {...}}`, or
`{"error": "full", "message": "..."}`, which becomes the same exception at the sender. The fields of a request may come
from anybody who reaches the broker, so each has a type and a size.

Messages are given at most once. 1,024 of them wait for a room; the sender of one more gets `NoAnswer`.

Layer: `cluster`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from gdpeer.cluster.answers import Answer, run
from gdpeer.cluster.broker.base import Away, BadValue, BrokerError, Entry, Message, NoAnswer, Unsupported, Value
from gdpeer.cluster.records import MOST_PLAYER_NAME, BadField, field_of, is_name, text_of
from gdpeer.cluster.timers import in_background, pass_result
from gdpeer.enums import NamedInt
from gdpeer.logs import get_logger, report
from gdpeer.rooms.codes import is_code
from gdpeer.rooms.errors import Draining, Full, Locked, NoRoom, RoomError, Unreachable
from gdpeer.rooms.labels import BadLabels, check_labels
from gdpeer.rooms.lobby import Lobby, Seat, word_of
from gdpeer.rooms.monitor import watch_room
from gdpeer.rooms.place import Place, PlaceState

if TYPE_CHECKING:
    from gdpeer.cluster.cluster import Cluster
    from gdpeer.rooms.lifecycle import RoomLifecycle

__all__ = ["MOST_DATA", "MOST_WAITING", "OPERATOR", "Delivery", "Messages", "Sender", "Where"]

logger = get_logger("gdpeer.cluster")

PATIENCE = 2.0
"""Seconds that another worker has for an answer."""

MOST_DATA = 65_536
"""Bytes of a message's data as JSON, and of a room's options."""

MOST_WAITING = 1_024
"""The most messages that wait for a room."""

MOST_ASKED = 1_000
"""The most players in one question for their presence."""

MOST_URL = 8_192
MOST_TEXT = 512

OPERATOR = "operator"
"""The sender of the operator's messages, for `Room.on_message`."""

_ERRORS: dict[str, type[RoomError]] = {
    "no_room": NoRoom,
    "full": Full,
    "locked": Locked,
    "draining": Draining,
    "unreachable": Unreachable,
    "refused": RoomError,
}


class Delivery(NamedInt):
    """What became of a message to a player."""

    DELIVERED = 0
    """The player is in a room, and the room has taken the message."""
    AWAY = 1
    """The player has a place in a room, but is not connected now. Nobody gets the message."""
    UNKNOWN = 2
    """The player is in no room. Nobody gets the message."""


class Sender(NamedTuple):
    """The sender of a message to a player, for `Room.on_message`.

    Attributes:
        name: as the sender has given it.
        place: of the player who is to get the message.
    """

    name: str
    place: Place


class Where(NamedTuple):
    """Where a player is: a hint that is right within seconds.

    Attributes:
        code: of the room.
        worker: the name of the worker that has the room.
    """

    code: str
    worker: str


class Messages:
    """The messages of one worker.

    Args:
        cluster: of the worker.

    Attributes:
        figures: counts the requests of other workers by verb, "refused" ones, and messages that rooms could not take
            ("busy").
    """

    def __init__(self, cluster: Cluster) -> None:
        self.figures: Counter[str] = Counter()
        self._cluster = cluster
        self._hall = cluster.hall
        self._waiting: Counter[str] = Counter()  # messages that wait for a room, by code
        self._ends: list[Callable[[], object]] = []
        self._verbs: dict[str, Callable[[Value], Answer[Value] | Value]] = {
            "seat": self._seat,
            "create": self._create,
            "tell": self._take_told,
            "metrics": self._tell_metrics,
            "watch": self._watch,
        }

    def start(self) -> None:
        """Listens to requests, and to messages of the operator."""
        subscribe = self._cluster.broker.subscribe
        self._ends = [
            subscribe(f"w.{self._cluster.name}", self._on_request),
            subscribe("all", lambda message: self._on_announcement(message, None)),
        ]
        for kind in filter(is_name, self._hall.kinds):
            self._ends.append(subscribe(f"kind.{kind}", partial(self._on_announcement, kind=kind)))

    def close(self) -> None:
        """Ends all subscriptions of this worker."""
        ends, self._ends = self._ends, []
        for end in ends:
            end()

    # ------------------------------------------------------------------------------------------ asking

    def ask(self, worker: str, verb: str, fields: Value, timeout: float = PATIENCE) -> Answer[Value]:
        """Sends a request to a worker, or does at once what is asked if it is this worker.

        Returns:
            The fields of the answer; or it fails with a RoomError of the worker, with `NoAnswer`, `BadValue` if a field
            is wrong, `Unsupported` if the worker does not know the verb, or another `BrokerError`.
        """
        return run(self._ask(worker, verb, fields, timeout))

    async def _ask(self, worker: str, verb: str, fields: Value, timeout: float) -> Value:
        if worker == self._cluster.name:
            return _result_of(await self._handle({"do": verb, **fields}))
        request = self._cluster.broker.request(f"w.{worker}", {"do": verb, **fields}, timeout)
        try:
            answer = await self._cluster.timers.within(request, timeout + 0.1)
        except Away:
            if self._cluster.broker.is_connected:
                raise NoAnswer(f"worker {worker} has not answered") from None
            raise
        return _result_of(answer)

    # ------------------------------------------------------------------------------------------ players

    def where(self, player: str) -> Answer[Where | None]:
        """Tells where a player is; None: in no room. Fails with `BrokerError`."""
        return run(self._where(player))

    async def _where(self, player: str) -> Where | None:
        check_player(player)
        return self._where_of(await self._get(player))

    def _get(self, player: str) -> Answer[Entry | None]:
        return self._cluster.timers.within(self._cluster.broker.get(f"p:{player}"))

    def _where_of(self, entry: Entry | None) -> Where | None:
        if entry is None:
            return None
        code, worker, epoch = (entry.value.get(field) for field in ("room", "worker", "epoch"))
        if not (isinstance(code, str) and is_code(code) and isinstance(worker, str) and isinstance(epoch, int)):
            return None
        return Where(code, worker) if self._cluster.directory.has_lease(worker, epoch) else None

    def presence(self, players: Iterable[str]) -> Answer[dict[str, Where | None]]:
        """Tells where each of at most 1,000 players is; None: in no room. Fails with `BrokerError`."""
        return run(self._presence(list(dict.fromkeys(players))))

    async def _presence(self, players: list[str]) -> dict[str, Where | None]:
        if len(players) > MOST_ASKED:
            raise ValueError(f"at most {MOST_ASKED:,} players at once")
        for player in players:
            check_player(player)
        answers = [self._get(player) for player in players]  # all are on their way before the first is awaited
        return {player: self._where_of(await answer) for player, answer in zip(players, answers, strict=True)}

    def tell(self, player: str, data: Any, sender: str = "") -> Answer[Delivery]:
        """Gives data to the room of a player, wherever it is: `Room.on_message` gets it with a `Sender`.

        Args:
            player: the name in `place.player`.
            data: JSON, at most 64 KiB.
            sender: a name for `Sender.name`, at most 256 characters.

        Returns:
            What became of it. The answer fails with ValueError if data or names are not valid, with `NoAnswer` if the
            other worker does not answer or 1,024 messages wait for the room, and with another `BrokerError` if the
            broker is away. Then it is unknown whether the room has the message.
        """
        return run(self._tell(player, data, sender))

    async def _tell(self, player: str, data: Any, sender: str) -> Delivery:
        check_player(player)
        check_data(data)
        where = await self._where(player)
        if where is None:
            return Delivery.UNKNOWN
        fields = {"code": where.code, "player": player, "data": data, "sender": sender}
        try:
            answer = await self.ask(where.worker, "tell", fields)
        except NoRoom:
            return Delivery.UNKNOWN
        found = str(answer.get("delivery"))
        if found not in Delivery.__members__:
            raise BadValue(f"worker {where.worker} gave a wrong answer")
        return Delivery[found]

    # ------------------------------------------------------------------------------------------ the operator

    def announce(self, data: Any, kind: str | None = None) -> Answer[None]:
        """Gives data to all rooms of all workers, or to those of a kind: `Room.on_message` gets it from "operator".

        Rooms of workers that are away from the broker now get nothing.
        """
        check_data(data)
        if kind is not None and not is_name(kind):
            raise ValueError("such a kind of room gets no messages: its name has unusual characters")
        return self._cluster.broker.publish("all" if kind is None else f"kind.{kind}", {"data": data})

    def _on_announcement(self, message: Message, kind: str | None) -> None:
        try:
            data = _data(message.value)
        except BadField:
            self.figures["refused"] += 1
            return
        for life in [self._hall.life_of(code) for code in self._hall.rooms]:
            if life is not None and (kind is None or life.kind == kind):
                self._give(life, OPERATOR, data)

    # ------------------------------------------------------------------------------------------ messages for rooms

    def _give(self, life: RoomLifecycle, sender: object, data: Any) -> bool:
        """Has a room get a message in the next poll; returns False if too many wait already."""
        code = life.code
        if self._waiting[code] >= MOST_WAITING:
            self.figures["busy"] += 1
            return False
        self._waiting[code] += 1
        self._hall.run_soon(partial(self._deliver, life, sender, data))
        return True

    def _deliver(self, life: RoomLifecycle, sender: object, data: Any) -> None:
        self._waiting[life.code] -= 1
        if not self._waiting[life.code]:
            del self._waiting[life.code]
        if not life.is_closed:
            life.call("on_message", life.room.on_message, sender, data)
            life.session.tell()

    # ------------------------------------------------------------------------------------------ requests of others

    def _on_request(self, message: Message) -> None:
        in_background(self._answer(message))

    async def _answer(self, message: Message) -> None:
        message.reply(await self._handle(message.value))

    async def _handle(self, request: Value) -> Value:
        verb = request.get("do")
        handler = self._verbs.get(verb) if isinstance(verb, str) else None
        if handler is None:
            self.figures["refused"] += 1
            return _error("unknown_verb", f"worker {self._cluster.name} does not know this request")
        self.figures[str(verb)] += 1
        try:
            found = handler(request)
            return {"ok": await found if isinstance(found, Answer) else found}
        except RoomError as problem:
            return _error(word_of(problem), problem.detail)
        except (BadField, BadLabels) as problem:
            self.figures["refused"] += 1
            return _error("bad_request", f"a field is missing or wrong: {problem}")
        except NoAnswer as problem:
            return _error("busy", problem.detail)
        except Exception:
            report(logger, "a request of another worker failed: %s", verb)
            return _error("refused", "the server failed")

    def _life(self, request: Value) -> RoomLifecycle:
        life = self._hall.life_of(_code(request))
        if life is None or life.is_closed:
            raise NoRoom("there is no such room here")
        return life

    def _lobby(self) -> Lobby:
        if self._hall.lobby is None:
            raise RoomError("this worker gives no seats")
        return self._hall.lobby

    def _seat(self, request: Value) -> Answer[Value]:
        code, player, base = _code(request), _player(request), self.base_for(text_of(request, "base", MOST_TEXT))
        return run(self._give_seat(code, player, base))

    async def _give_seat(self, code: str, player: str | None, base: str) -> Value:
        return _seat_value(await self.seat_here(code, player, base), is_new=False)

    async def seat_here(self, code: str, player: str | None, base: str) -> Seat:
        """Returns a seat in a room of this worker, which is restored if it was saved.

        Raises:
            RoomError: there is no seat.
        """
        lobby = self._lobby()
        if self._hall.life_of(code) is None:
            finding = self._cluster.find_room(code)
            life = None if finding is None else await _awaited(finding)
            if life is None:
                raise NoRoom("there is no room with this code")
        try:
            return lobby.join(code, player, base=base)
        except Draining:
            life = self._hall.life_of(code)
            if life is not None and self._cluster.moves(life):
                raise Unreachable("the room is moving") from None
            raise

    def _create(self, request: Value) -> Value:
        kind, player, options = text_of(request, "kind", MOST_TEXT), _player(request), request.get("options")
        _check_size("options", options)
        labels, is_private = check_labels(field_of(request, "labels", dict)), field_of(request, "private", bool)
        base = self.base_for(text_of(request, "base", MOST_TEXT))
        seat = self._lobby().create(kind, options, player, labels=labels, private=is_private, base=base)
        return _seat_value(seat, is_new=True)

    def base_for(self, asked: str) -> str:
        """Returns the beginning of the URLs of this worker's rooms, for a client that asked elsewhere.

        `asked` is the address that the client has used: a door, or a proxy in front of all workers.
        """
        if self._hall.public_url is not None:
            return self._hall.public_url
        url = self._cluster.url
        return f"ws{url.removeprefix('http')}" if url.startswith("http") else url or asked

    def _take_told(self, request: Value) -> Value:
        player, data, sender = _player(request), _data(request), text_of(request, "sender", MOST_PLAYER_NAME)
        life = self._life(request)
        if player is None:
            return self._taken(life, sender or OPERATOR, data)
        places = [place for place in life.places.values() if place.player == player]
        here = [place for place in places if place.state is PlaceState.HERE]
        if not here:
            return {"delivery": (Delivery.AWAY if places else Delivery.UNKNOWN).name}
        return self._taken(life, Sender(sender, here[-1]), data)

    def _taken(self, life: RoomLifecycle, sender: object, data: Any) -> Value:
        if not self._give(life, sender, data):
            raise NoAnswer(f"{MOST_WAITING:,} messages wait for the room {life.code} already")
        return {"delivery": Delivery.DELIVERED.name}

    def _watch(self, request: Value) -> Value:
        code, act, wishes = _code(request), text_of(request, "act", MOST_TEXT), field_of(request, "wishes", dict)
        answer, status = watch_room(self._hall, code, act, wishes)
        return {"answer": answer, "status": status}

    def _tell_metrics(self, request: Value) -> Value:
        try:
            from gdpeer.cluster.metrics import tell
        except ImportError:
            raise RoomError("metrics need prometheus-client") from None
        return tell(self._hall)


# ------------------------------------------------------------------------------------------ values that are sent


def check_player(player: object) -> None:
    """Raises a ValueError unless this can be the name of a player."""
    if not isinstance(player, str) or not 0 < len(player) <= MOST_PLAYER_NAME:
        raise ValueError(f"a player's name is a text of 1 to {MOST_PLAYER_NAME} characters")


def check_data(data: Any, what: str = "data") -> None:
    """Raises a ValueError unless data is JSON of at most 64 KiB."""
    try:
        size = len(json.dumps(data, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as problem:
        raise ValueError(f"{what} must be JSON: {problem}") from None
    if size > MOST_DATA:
        raise ValueError(f"{what} has {size:,} bytes as JSON; {MOST_DATA:,} are allowed")


def _seat_value(seat: Seat, *, is_new: bool) -> Value:
    return {"url": seat.url, "peer_id": seat.peer_id, "expires": seat.expires, "new": is_new}


def _error(word: str, message: str) -> Value:
    return {"error": word, "message": message[:MOST_TEXT]}


async def _awaited(finding: Any) -> Any:
    """Awaits the search for a room, which may be another object than an `Answer`."""
    answer: Answer[Any] = Answer()
    finding.then(lambda done: pass_result(done, answer))
    return await answer


# ------------------------------------------------------------------------------------------ values that came


def read_seat(answer: Value) -> tuple[Seat, bool]:
    """Returns the seat in an answer, and whether a room was made for it.

    Raises:
        BadValue: the other worker gave a wrong answer.
    """
    try:
        expires: Any = answer.get("expires")
        if type(expires) not in (int, float) or not 0 <= expires < 1e12:
            raise BadField("expires")
        seat = Seat(text_of(answer, "url", MOST_URL), field_of(answer, "peer_id", int), float(expires))
        return seat, field_of(answer, "new", bool)
    except BadField as problem:
        raise BadValue(f"another worker gave a seat with a wrong {problem}") from None


def _result_of(answer: Value) -> Value:
    """Returns the fields of an answer, or raises the exception that it stands for."""
    found = answer.get("ok")
    if isinstance(found, dict):
        return found
    word, message = answer.get("error"), answer.get("message")
    text = message[:MOST_TEXT] if isinstance(message, str) else "the other worker gave no reason"
    if word == "bad_request":
        raise BadValue(text)
    if word == "busy":
        raise NoAnswer(text)
    if word == "unknown_verb":
        raise Unsupported(f"{text}: its version is another")
    if isinstance(word, str) and word in _ERRORS:
        raise _ERRORS[word](text)
    raise BadValue("another worker gave a wrong answer")


def as_room_error(problem: Exception) -> RoomError:
    """Returns what players are told when a broker or another worker fails."""
    if isinstance(problem, RoomError):
        return problem
    assert isinstance(problem, BrokerError)
    return Unreachable("the server cannot reach its other machines now")


def _code(request: Value) -> str:
    found: str = field_of(request, "code", str)
    if not is_code(found):
        raise BadField("code")
    return found


def _player(request: Value) -> str | None:
    if request.get("player") is None:
        return None
    found = text_of(request, "player", MOST_PLAYER_NAME)
    if not found:
        raise BadField("player")
    return found


def _data(request: Value) -> Any:
    if "data" not in request:
        raise BadField("data")
    _check_size("data", request["data"])
    return request["data"]


def _check_size(name: str, value: Any) -> None:
    try:
        check_data(value, name)
    except ValueError as problem:
        raise BadField(str(problem)) from None
