"""`MemoryBroker`: the broker of workers that share one process, or one parent; and of tests.

    store = MemoryStore(clock)
    a, b = MemoryBroker(store), MemoryBroker(store)     one for each worker
    answer = a.create("w:a", {"epoch": 1})
    store.run()                                         takes all steps that wait; answer.result() is the revision

Nothing happens inside a verb. A call waits in the store's queue, takes effect in a later step, and is answered in
another, so a test can stop in between: `store.run(1)`. A real hall runs its store by `run_soon`.

Layer: `cluster`; no I/O.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

from gdpeer.clock import MONOTONIC, Clock
from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import Away, BadValue, BrokerError, Conflict, Entry, Message, NoAnswer, Value
from gdpeer.cluster.broker.values import check_name, decode, encode, failed, lifetime_of, read_entries
from gdpeer.logs import get_logger, log_limited, report

__all__ = ["MemoryBroker", "MemoryStore", "no_reply"]

logger = get_logger("gdpeer.cluster")
T = TypeVar("T")
Handler = Callable[[Message], object]

FEW_ROWS = 1_000
"""Writes before entries that have ended are looked for, at least."""


class _Row(NamedTuple):
    """An entry as it is kept; `ends` is a time of the store's clock, or None."""

    data: bytes
    revision: int
    ends: float | None


class MemoryStore:
    """Entries and subscriptions that several `MemoryBroker`s share.

    Args:
        clock: for lifetimes of entries and for deadlines of requests.
        run_soon: runs a callback later in the thread of the game, called in any thread, such as `Hall.run_soon`.
            None: somebody calls `run`.
    """

    def __init__(self, clock: Clock = MONOTONIC, run_soon: Callable[[Callable[[], object]], object] | None = None):
        self.clock = clock
        self._run_soon = run_soon
        self._rows: dict[str, _Row] = {}
        self._revision, self._next_sweep = 0, FEW_ROWS
        self._steps: deque[Callable[[], object]] = deque()
        self._requests: list[tuple[float, Answer[Value]]] = []
        self._timer: threading.Timer | None = None
        self._is_called = False
        self.subscribers: dict[str, list[tuple[MemoryBroker, Handler]]] = {}

    # -- steps --------------------------------------------------------------------------------------------------------

    def add_step(self, step: Callable[[], object]) -> None:
        """Adds a step to the queue."""
        self._steps.append(step)
        if self._run_soon is not None and not self._is_called:
            self._is_called = True
            self._run_soon(self.run)

    def run(self, most: int | None = None) -> int:
        """Takes the steps that wait, and those which they add, in order; then ends requests that are too old.

        Args:
            most: the most steps to take; None: until none is left.

        Returns:
            The number of steps taken.
        """
        self._is_called = False
        taken = 0
        while self._steps and taken != most:
            self._steps.popleft()()
            taken += 1
        if not self._steps:
            taken += self._end_requests()
        return taken

    @property
    def is_quiet(self) -> bool:
        """Whether no step waits in the queue."""
        return not self._steps

    def next_deadline(self) -> float | None:
        """Returns the time of the clock at which the oldest request ends; None: no request waits."""
        self._requests = [(ends, answer) for ends, answer in self._requests if not answer.is_done]
        return min((ends for ends, _ in self._requests), default=None)

    def add_request(self, answer: Answer[Value], timeout: float) -> None:
        """Ends a request with `NoAnswer` after `timeout` seconds."""
        self._requests.append((self.clock.now() + timeout, answer))
        self._set_timer()

    def _end_requests(self) -> int:
        now, old = self.clock.now(), self._requests
        late = [answer for ends, answer in old if ends <= now and not answer.is_done]
        self._requests = [(ends, answer) for ends, answer in old if ends > now and not answer.is_done]
        for answer in late:
            answer.fail(NoAnswer("nobody has answered in time"))
        return len(late)

    def _set_timer(self) -> None:
        # One timer at a time, and only for a real hall: whoever calls `run` asks `next_deadline`.
        if self._run_soon is None or self._timer is not None:
            return
        ends = self.next_deadline()
        if ends is not None:
            self._timer = threading.Timer(max(0.0, ends - self.clock.now()), self._run_soon, (self._on_timer,))
            self._timer.daemon = True
            self._timer.start()

    def _on_timer(self) -> None:
        self._timer = None
        self.run()
        self._set_timer()

    # -- entries ------------------------------------------------------------------------------------------------------

    def row(self, key: str) -> _Row | None:
        """Returns an entry that has not ended."""
        found = self._rows.get(key)
        if found is not None and found.ends is not None and found.ends <= self.clock.now():
            del self._rows[key]
            return None
        return found

    def rows(self, prefix: str) -> list[tuple[str, _Row]]:
        """Returns all entries whose keys begin with `prefix`."""
        keys = [key for key in self._rows if key.startswith(prefix)]
        return [(key, found) for key in keys if (found := self.row(key)) is not None]

    def write(self, key: str, data: bytes) -> int:
        """Writes an entry and returns its revision."""
        self._revision += 1
        if self._revision >= self._next_sweep:
            self._sweep()
        lifetime = lifetime_of(key)
        self._rows[key] = _Row(data, self._revision, None if lifetime is None else self.clock.now() + lifetime)
        return self._revision

    def extend(self, seconds: float) -> None:
        """Lets all entries that end last longer, as nobody could write them for some time."""
        for key, row in self._rows.items():
            if row.ends is not None:
                self._rows[key] = row._replace(ends=row.ends + seconds)

    def _sweep(self) -> None:
        """Forgets the entries that have ended, after as many writes as there are entries."""
        now = self.clock.now()
        self._rows = {key: row for key, row in self._rows.items() if row.ends is None or row.ends > now}
        self._next_sweep = self._revision + max(len(self._rows), FEW_ROWS)

    def remove(self, key: str) -> None:
        """Removes an entry, whether it exists or not."""
        self._rows.pop(key, None)

    def clear(self) -> None:
        """Forgets all entries, as a broker that was started again empty."""
        self._rows.clear()


class MemoryBroker:
    """A `Broker` over a `MemoryStore`.

    Args:
        store: shared by all workers.

    Attributes:
        is_connected: False between `cut` and `join`, and after `close`.
        on_change: called after `is_connected` has changed.
    """

    def __init__(self, store: MemoryStore) -> None:
        self.is_connected = True
        self.on_change: Callable[[], object] | None = None
        self._store = store
        self._pending: set[Answer[Any]] = set()
        self._is_closed = False

    # -- verbs --------------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Answer[Entry | None]:
        """Reads an entry. The result is None if no entry has this key."""

        def effect() -> Entry | None:
            row = self._store.row(key)
            return None if row is None else Entry(key, decode(row.data), row.revision)

        return self._call(key, effect)

    def create(self, key: str, value: Value) -> Answer[int]:
        """Makes an entry and gives its revision; fails with `Conflict` if the entry exists."""
        return self._write(key, value, None)

    def update(self, key: str, value: Value, revision: int) -> Answer[int]:
        """Writes an entry and gives its new revision; fails with `Conflict` unless it has this revision."""
        return self._write(key, value, revision)

    def _write(self, key: str, value: Value, revision: int | None) -> Answer[int]:
        try:
            data = encode(value)
        except BadValue as problem:
            return failed(problem)

        def effect() -> int:
            self._compare(key, revision)
            return self._store.write(key, data)

        return self._call(key, effect)

    def _compare(self, key: str, revision: int | None) -> None:
        row = self._store.row(key)
        if (None if row is None else row.revision) != revision:
            raise Conflict(f"{key} exists" if revision is None else f"{key} has not revision {revision}")

    def delete(self, key: str, revision: int | None = None) -> Answer[None]:
        """Removes an entry, whether it exists or not; with a revision it fails with `Conflict` unless it has it."""

        def effect() -> None:
            if revision is not None:
                self._compare(key, revision)
            self._store.remove(key)

        return self._call(key, effect)

    def scan(self, prefix: str) -> Answer[list[Entry]]:
        """Reads all entries whose keys begin with `prefix`, such as "r:"."""

        def effect() -> list[Entry]:
            return read_entries((key, row.data, row.revision) for key, row in self._store.rows(prefix))

        return self._call(prefix, effect)

    def publish(self, subject: str, value: Value) -> Answer[None]:
        """Sends a message to all who listen now, at most once."""
        try:
            data = encode(value)
        except BadValue as problem:
            return failed(problem)
        return self._call(subject, lambda: self._send(subject, data, no_reply))

    def _send(self, subject: str, data: bytes, reply: Callable[[Value], object]) -> None:
        for broker, handler in tuple(self._store.subscribers.get(subject, ())):
            message = Message(subject, decode(data), reply)
            self._store.add_step(partial(broker.deliver, handler, message))

    def subscribe(self, subject: str, handler: Handler) -> Callable[[], object]:
        """Has `handler` called with each message to a subject, and returns a function that ends this."""
        check_name(subject)
        subscribers = self._store.subscribers
        entry = (self, handler)
        subscribers.setdefault(subject, []).append(entry)

        def end() -> None:
            left = [other for other in subscribers.get(subject, ()) if other is not entry]
            if left:
                subscribers[subject] = left
            else:
                subscribers.pop(subject, None)

        return end

    def deliver(self, handler: Handler, message: Message) -> None:
        """Calls a handler, unless this broker is cut off, or the handler's subscription has ended."""
        subscribers = self._store.subscribers.get(message.subject, ())
        if self.is_connected and any(broker is self and own is handler for broker, own in subscribers):
            try:
                handler(message)
            except Exception:
                report(logger, "a handler of messages to %s raised", message.subject)

    def request(self, subject: str, value: Value, timeout: float = 2.0) -> Answer[Value]:
        """Sends a message and gives the answer; fails with `NoAnswer` after `timeout` seconds."""
        try:
            check_name(subject)
            data = encode(value)
        except BadValue as problem:
            return failed(problem)
        answer = self._begin()

        def effect() -> None:
            if not any(broker.is_connected for broker, _ in self._store.subscribers.get(subject, ())):
                raise NoAnswer(f"nobody listens to {subject}")
            self._store.add_request(answer, timeout)
            self._send(subject, data, partial(self._take_reply, answer))

        self._store.add_step(partial(self._take_effect, answer, effect, has_value=False))
        return answer

    def _take_reply(self, answer: Answer[Value], value: Value) -> None:
        try:
            copy = decode(encode(value))
        except BadValue as problem:
            log_limited(logger, logging.WARNING, "an answer was not sent: %s", problem)
        else:
            self._store.add_step(partial(self._give, answer, copy))

    # -- steps of a verb ----------------------------------------------------------------------------------------------

    def _begin(self) -> Answer[Any]:
        answer: Answer[Any] = Answer()
        self._pending.add(answer)
        answer.then(self._pending.discard)
        if self._is_closed:
            answer.fail(Away("this broker is closed"))
        return answer

    def _call(self, name: str, effect: Callable[[], T]) -> Answer[T]:
        try:
            check_name(name)
        except BadValue as problem:
            return failed(problem)
        answer = self._begin()
        self._store.add_step(partial(self._take_effect, answer, effect))
        return answer

    def _take_effect(self, answer: Answer[Any], effect: Callable[[], object], has_value: bool = True) -> None:
        if answer.is_done:
            return
        try:
            if not self.is_connected:
                raise Away("the broker cannot be reached")
            value = effect()
        except BrokerError as problem:
            self._store.add_step(partial(answer.fail, problem))
        else:
            if has_value:
                self._store.add_step(partial(self._give, answer, value))

    def _give(self, answer: Answer[Any], value: object) -> None:
        # A verb may have taken effect although its caller hears that the broker is away, as with a real broker.
        if self.is_connected:
            answer.give(value)
        else:
            answer.fail(Away("the broker cannot be reached"))

    # -- the connection -----------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Cuts this broker off from the store: verbs fail with `Away`, and messages are lost."""
        self._set_connected(False)

    def join(self) -> None:
        """Ends `cut`: verbs work and messages come again."""
        self._set_connected(not self._is_closed)

    def _set_connected(self, is_connected: bool) -> None:
        if self.is_connected != is_connected:
            self.is_connected = is_connected
            for answer in () if is_connected else tuple(self._pending):
                self._store.add_step(partial(answer.fail, Away("the broker cannot be reached")))
            if self.on_change is not None:
                self.on_change()

    def close(self) -> None:
        """Ends the subscriptions. Answers that are still to come fail with `Away`."""
        if self._is_closed:
            return
        self._is_closed, self.is_connected = True, False
        subscribers = self._store.subscribers
        for subject, entries in list(subscribers.items()):
            subscribers[subject] = [entry for entry in entries if entry[0] is not self]
        for answer in list(self._pending):
            answer.fail(Away("this broker was closed"))


def no_reply(value: Value) -> None:
    """Answers a message that was published: does nothing."""
