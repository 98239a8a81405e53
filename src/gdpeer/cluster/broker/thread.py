"""`ThreadBroker`: a `Broker` whose client runs in a thread of its own, so that the game's thread never waits.

    broker = ThreadBroker(make_link, "redis://host", hall.run_soon)
    broker.get("r:A").then(print)       returns at once; `print` runs in a later poll of the hall

Values are made into JSON in the game's thread, so that the game may change them afterwards, and are read in the other
thread. Answers and messages wait in one queue, in the order in which they came, for the game's thread.

Layer: `cluster`; one thread, asyncio in it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker.base import Away, BadValue, BrokerError, Entry, Message, Value
from gdpeer.cluster.broker.link import SCAN_TIME, STEP_TIME, Link, LinkKeeper, Sink
from gdpeer.cluster.broker.values import check_name, decode, encode, failed, read_entries
from gdpeer.logs import get_logger, log_limited, report

__all__ = ["MOST_CALLS", "MOST_WAITING", "ThreadBroker"]

logger = get_logger("gdpeer.cluster")
T = TypeVar("T")
Handler = Callable[[Message], object]
RunSoon = Callable[[Callable[[], object]], object]

MOST_WAITING = 1_024
"""Messages that may wait for the game's thread. Further requests are refused, and other messages dropped."""
MOST_CALLS = 4_096
"""Verbs that may wait for the broker. Further verbs fail with `Away` at once."""
CLOSE_TIME = 2.0
"""Seconds that `close` waits for the thread to end."""
MARGIN = 1.0
"""Seconds that a request may last beyond its time: the link ends the request in time, and knows why."""


class _Queue:
    """What waits for the game's thread. Filled in any thread, emptied in that of the game."""

    def __init__(self, run_soon: RunSoon) -> None:
        self._run_soon = run_soon
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], object]] = deque()
        self._messages = 0
        self._is_told = False

    def put(self, callback: Callable[[], object]) -> None:
        """Adds a callback that is not limited in number."""
        with self._lock:
            self._waiting.append(callback)
            tell = not self._is_told
            self._is_told = True
        if tell:
            self._run_soon(self.run)

    def put_message(self, callback: Callable[[], object]) -> bool:
        """Adds a message; returns False if too many wait."""
        with self._lock:
            if self._messages >= MOST_WAITING:
                return False
            self._messages += 1
        self.put(partial(self._take_message, callback))
        return True

    def _take_message(self, callback: Callable[[], object]) -> None:
        with self._lock:
            self._messages -= 1
        callback()

    def run(self) -> None:
        """Runs what waits now; what comes meanwhile is for the next turn of the game."""
        with self._lock:
            self._is_told = False
            count = len(self._waiting)
        for _ in range(count):
            try:
                self._waiting.popleft()()
            except Exception:
                report(logger, "what waited for an answer of the broker raised")


class ThreadBroker:
    """A `Broker` over a link in another thread.

    Args:
        make: makes a link that is not open, for a sink. Called in the other thread.
        shown: the broker's URL without secrets, for logs.
        run_soon: runs a callback later in the game's thread; called in any thread, such as `Hall.run_soon`.

    Attributes:
        shown: as given.
        is_connected: whether the broker can be reached, as far as is known.
        on_change: called after `is_connected` has changed.
        dropped: messages that were dropped or refused because too many waited for the game's thread.
    """

    def __init__(self, make: Callable[[Sink], Link], shown: str, run_soon: RunSoon) -> None:
        self.shown = shown
        self.is_connected = False
        self.on_change: Callable[[], object] | None = None
        self.dropped = 0
        self._is_dropping = False
        self._queue = _Queue(run_soon)
        self._handlers: dict[str, list[Handler]] = {}
        self._pending: set[Answer[Any]] = set()
        self._is_closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._keeper = LinkKeeper(self._loop, make, shown, self._take_message, self._take_change)
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="gdpeer-broker", daemon=True)
        self._thread.start()

    # -- verbs, in the game's thread ----------------------------------------------------------------------------------

    def get(self, key: str) -> Answer[Entry | None]:
        """Reads an entry. The result is None if no entry has this key."""

        async def read(link: Link) -> Entry | None:
            row = await link.get(key)
            return None if row is None else Entry(key, decode(row[1]), row[2])

        return self._call(key, read)

    def create(self, key: str, value: Value) -> Answer[int]:
        """Makes an entry and gives its revision; fails with `Conflict` if the entry exists."""
        return self._send(key, value, lambda data, link: link.write(key, data, None))

    def update(self, key: str, value: Value, revision: int) -> Answer[int]:
        """Writes an entry and gives its new revision; fails with `Conflict` unless it has this revision."""
        return self._send(key, value, lambda data, link: link.write(key, data, revision))

    def delete(self, key: str, revision: int | None = None) -> Answer[None]:
        """Removes an entry, whether it exists or not; with a revision it fails with `Conflict` unless it has it."""
        return self._call(key, lambda link: link.delete(key, revision))

    def scan(self, prefix: str) -> Answer[list[Entry]]:
        """Reads all entries whose keys begin with `prefix`, such as "r:"."""

        async def read(link: Link) -> list[Entry]:
            return read_entries(await link.scan(prefix))

        return self._call(prefix, read, SCAN_TIME)

    def publish(self, subject: str, value: Value) -> Answer[None]:
        """Sends a message to all who listen now, at most once."""
        return self._send(subject, value, lambda data, link: link.publish(subject, data))

    def request(self, subject: str, value: Value, timeout: float = 2.0) -> Answer[Value]:
        """Sends a message and gives the answer; fails with `NoAnswer` after `timeout` seconds."""

        async def ask(data: bytes, link: Link) -> Value:
            return decode(await link.request(subject, data, timeout))

        return self._send(subject, value, ask, timeout + MARGIN)

    def subscribe(self, subject: str, handler: Handler) -> Callable[[], object]:
        """Has `handler` called with each message to a subject, and returns a function that ends this."""
        check_name(subject)
        handlers = self._handlers.setdefault(subject, [])
        handlers.append(handler)
        if len(handlers) == 1:
            self._post(self._keeper.subscribe, subject)

        def end() -> None:
            if handler in handlers:
                handlers.remove(handler)
                if not handlers and self._handlers.get(subject) is handlers:
                    del self._handlers[subject]
                    self._post(self._keeper.unsubscribe, subject)

        return end

    def close(self) -> None:
        """Ends the connection and the thread, within 2 s. Answers that are still to come fail with `Away`."""
        if self._is_closed:
            return
        self._post(self._stop.set)
        self._is_closed, self.is_connected = True, False
        self._handlers.clear()
        for answer in tuple(self._pending):
            answer.fail(Away("the broker's client was closed"))
        if self._thread is not threading.current_thread():
            self._thread.join(CLOSE_TIME)

    def _send(
        self, name: str, value: Value, verb: Callable[[bytes, Link], Awaitable[T]], limit: float | None = None
    ) -> Answer[T]:
        try:
            data = encode(value)
        except BadValue as problem:
            return failed(problem)
        return self._call(name, partial(verb, data), limit)

    def _call(self, name: str, verb: Callable[[Link], Awaitable[T]], limit: float | None = None) -> Answer[T]:
        try:
            check_name(name)
        except BadValue as problem:
            return failed(problem)
        if self._is_closed:
            return failed(Away("the broker's client is closed"))
        if len(self._pending) >= MOST_CALLS:
            return failed(Away("too many calls wait for the broker"))
        answer: Answer[T] = Answer()
        self._pending.add(answer)
        answer.then(self._pending.discard)
        self._post(self._start, partial(self._answer, answer, verb, limit))
        return answer

    def _post(self, callback: Callable[..., object], *arguments: Any) -> None:
        if not self._is_closed:
            self._loop.call_soon_threadsafe(callback, *arguments)

    # -- in the other thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> None:
        keeping = self._loop.create_task(self._keep())
        await self._stop.wait()
        keeping.cancel()
        await asyncio.wait([keeping], timeout=CLOSE_TIME / 2)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=CLOSE_TIME / 4)

    async def _keep(self) -> None:
        while True:
            try:
                await self._keeper.run()
            except Exception:
                # A mistake in the client must not leave the game without a broker for good.
                report(logger, "the client of the broker %s raised", self.shown)
                await asyncio.sleep(CLOSE_TIME)

    def _start(self, steps: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = self._loop.create_task(steps())
        self._tasks.add(task)  # the loop alone would not keep the task alive
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, answer: Answer[T], verb: Callable[[Link], Awaitable[T]], limit: float | None) -> None:
        try:
            value = await self._keeper.call(verb, limit)
        except BrokerError as problem:
            self._queue.put(partial(answer.fail, problem))
        except Exception as problem:
            report(logger, "a call of the broker's client raised")
            self._queue.put(partial(answer.fail, BrokerError(f"a mistake in the client: {type(problem).__name__}")))
        else:
            self._queue.put(partial(answer.give, value))

    def _take_change(self, is_connected: bool) -> None:
        self._queue.put(partial(self._change, is_connected))

    def _take_message(self, link: Link, subject: str, data: bytes, token: object) -> None:
        try:
            value = decode(data)
        except BadValue as problem:
            log_limited(logger, logging.WARNING, "a message to %s was dropped: %s", subject, problem)
            return
        message = Message(subject, value, partial(self._reply, link, token))
        if self._queue.put_message(partial(self._deliver, message)):
            self._is_dropping = False
        else:
            self._drop(link, subject, token)

    def _drop(self, link: Link, subject: str, token: object) -> None:
        self.dropped += 1
        if not self._is_dropping:
            self._is_dropping = True
            text = "messages are dropped from now on, as %s wait for the game's thread; the first of them is to %s"
            log_limited(logger, logging.WARNING, text, MOST_WAITING, subject)
        if token is not None:
            self._start(partial(self._send_reply, link, token, None))

    async def _send_reply(self, link: Link, token: object, data: bytes | None) -> None:
        try:
            async with asyncio.timeout(STEP_TIME):
                await link.reply(token, data)
        except Exception as problem:
            log_limited(logger, logging.WARNING, "an answer could not be sent: %s", type(problem).__name__)

    # -- again in the game's thread -----------------------------------------------------------------------------------

    def _change(self, is_connected: bool) -> None:
        if self._is_closed or is_connected == self.is_connected:
            return
        self.is_connected = is_connected
        if self.on_change is not None:
            try:
                self.on_change()
            except Exception:
                report(logger, "on_change of the broker raised")

    def _deliver(self, message: Message) -> None:
        for handler in tuple(self._handlers.get(message.subject, ())):
            try:
                handler(message)
            except Exception:
                report(logger, "a handler of messages to %s raised", message.subject)

    def _reply(self, link: Link, token: object, value: Value) -> None:
        if token is None or self._is_closed:
            return
        try:
            data = encode(value)
        except BadValue as problem:
            log_limited(logger, logging.WARNING, "an answer was not sent: %s", problem)
            return
        self._post(self._start, partial(self._send_reply, link, token, data))
