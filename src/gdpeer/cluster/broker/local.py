r"""The broker of one machine: a parent process keeps the store, and its workers ask it over Unix socket pairs.

    parent                                          worker
    store = MemoryStore()                           broker = LocalBroker(theirs, hall.run_soon)
    server = StoreServer(store)
    server.add(ours)
    while True: server.poll(1.0)

A line is a JSON array, a tab, and a value as JSON or nothing. Both are ASCII without tabs and line ends.

    [5,"update","s:AB",7]\t{"worker":"a"}           worker: a verb, with a number
    [5,"ok",8]\t                                    parent: its answer
    [5,"fail","Conflict","s:AB has not revision 7"]\t
    [0,"message","w.a",3]\t{"ask":"seat"}           parent: a message; 3 names it in the answer, 0: it needs none

Layer: `cluster`; sockets of the Unix domain.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import socket
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from gdpeer.cluster.answers import Answer
from gdpeer.cluster.broker import base
from gdpeer.cluster.broker.base import MOST_BYTES, Away, BrokerError, Entry, Message, NoAnswer, Value
from gdpeer.cluster.broker.link import Row, Sink
from gdpeer.cluster.broker.memory import MemoryBroker, MemoryStore, no_reply
from gdpeer.cluster.broker.thread import RunSoon, ThreadBroker
from gdpeer.cluster.broker.values import decode, encode
from gdpeer.logs import get_logger

__all__ = ["LocalBroker", "StoreServer"]

logger = get_logger("gdpeer.cluster")

LONGEST_LINE = MOST_BYTES + 16_384
"""Bytes of the longest line: a value, and a key with its escapes."""
MOST_UNSENT = 64 * 1024 * 1024
"""Bytes that may wait for a worker that does not read; beyond, the parent closes its socket."""
MOST_UNANSWERED = 4_096
"""Requests to one worker whose answers the parent waits for; the oldest are forgotten."""
CHUNK = 262_144
ERRORS = {name: getattr(base, name) for name in ("Away", "BadValue", "BrokerError", "Conflict", "NoAnswer")}


class _Broken(Exception):
    """The other end sends what is no line of ours."""


def _line(head: list[Any], data: bytes = b"") -> bytes:
    return b"%b\t%b\n" % (json.dumps(head, separators=(",", ":")).encode(), data)


def _parse(line: bytes) -> tuple[list[Any], bytes]:
    head, _, data = line.partition(b"\t")
    try:
        words = json.loads(head)
    except (ValueError, RecursionError):
        raise _Broken from None
    if not isinstance(words, list) or len(words) < 2 or not isinstance(words[0], int):
        raise _Broken
    return words, data


class _Pipe:
    """Lines over a socket that does not block."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self._incoming, self.unsent = bytearray(), bytearray()

    def read(self) -> list[tuple[list[Any], bytes]]:
        """Returns the lines that have come.

        Raises:
            EOFError: the other end has closed.
            OSError: the connection is broken.
            _Broken: the other end sends what is no line.
        """
        try:
            data = self.socket.recv(CHUNK)
        except BlockingIOError:
            return []
        if not data:
            raise EOFError
        self._incoming += data
        *lines, rest = self._incoming.split(b"\n") if b"\n" in data else (self._incoming,)
        if len(rest) > LONGEST_LINE:
            raise _Broken
        self._incoming = rest
        return [_parse(bytes(line)) for line in lines]

    def write(self, data: bytes = b"") -> None:
        """Sends what the system takes; the rest waits in `unsent`."""
        self.unsent += data
        while self.unsent:
            try:
                with memoryview(self.unsent) as view:
                    sent = self.socket.send(view[:CHUNK])
            except BlockingIOError:
                return
            del self.unsent[:sent]


# -- the parent -------------------------------------------------------------------------------------------------------


HELD_UP = 0.5
"""Seconds by which a wait may last too long, before leases last longer for it."""


class StoreServer:
    """Serves a store to the workers of this machine. Never waits for a worker.

    While this process is held up, as the machine is busy, renewals of leases wait unread. So the leases last longer by
    that time: they end only when a worker could renew its lease and did not.

    Args:
        store: also for brokers of this process: `MemoryBroker(store)`.
        selector: shared with the caller, whose `data` are functions without arguments; None: one of its own.
    """

    def __init__(self, store: MemoryStore, selector: selectors.BaseSelector | None = None) -> None:
        self.store = store
        self._selector = selector or selectors.DefaultSelector()
        self._is_own = selector is None
        self._workers: dict[socket.socket, _Worker] = {}
        self._expected_at = store.clock.now()  # when the present wait ends at the latest

    def add(self, sock: socket.socket, on_end: Callable[[], object] | None = None) -> None:
        """Serves a worker.

        Args:
            sock: the parent's end of a socket pair; it is closed when the worker's end is.
            on_end: called when the worker has closed its end, or has ended.
        """
        worker = _Worker(self, sock, on_end)
        self._workers[sock] = worker
        self._selector.register(sock, selectors.EVENT_READ, worker.serve)

    def poll(self, timeout: float) -> None:
        """Waits at most `timeout` seconds for workers, and serves them. Only with a selector of its own."""
        for key, _ in self._selector.select(self.limit(timeout)):
            key.data()
        self.settle()

    def limit(self, timeout: float) -> float:
        """Returns the seconds that a wait may last, so that requests end in time."""
        now, ends = self.store.clock.now(), self.store.next_deadline()
        seconds = timeout if ends is None else max(0.0, min(timeout, ends - now))
        self._note_time(now)
        self._expected_at = now + seconds
        return seconds

    def _note_time(self, now: float) -> None:
        late = now - self._expected_at
        if late > HELD_UP:
            self.store.extend(late)
        self._expected_at = now

    def settle(self) -> None:
        """Takes the steps of the store, and sends the answers. Call it after each wait of a shared selector."""
        self._note_time(self.store.clock.now())
        self.store.run()
        for worker in tuple(self._workers.values()):
            worker.flush()

    def watch(self, worker: _Worker, for_writing: bool) -> None:
        """Has a worker's socket watched for writing as well."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if for_writing else 0)
        self._selector.modify(worker.pipe.socket, events, worker.serve)

    def forget(self, worker: _Worker) -> None:
        """Ends the service for a worker."""
        del self._workers[worker.pipe.socket]
        self._selector.unregister(worker.pipe.socket)
        worker.pipe.socket.close()

    def close(self) -> None:
        """Ends the service for all workers."""
        for worker in tuple(self._workers.values()):
            worker.end()
        if self._is_own:
            self._selector.close()


class _Worker:
    """A worker, as its parent sees it."""

    def __init__(self, server: StoreServer, sock: socket.socket, on_end: Callable[[], object] | None) -> None:
        self.pipe = _Pipe(sock)
        self._server, self._on_end = server, on_end
        self._broker = MemoryBroker(server.store)
        self._subscriptions: dict[str, Callable[[], object]] = {}
        self._requests: dict[int, Callable[[Value], object]] = {}
        self._numbers = count(1)
        self._is_watched = self._is_ended = False

    def serve(self) -> None:
        """Takes what the worker has sent, and sends on what waits."""
        try:
            for head, data in self.pipe.read():
                self._take(head, data)
        except (EOFError, OSError):
            self.end()
        except (_Broken, BrokerError, TypeError, ValueError) as problem:
            logger.error("a worker sends what is no call of the broker: %s", type(problem).__name__)
            self.end()
        else:
            self.flush()

    def flush(self) -> None:
        """Sends what waits for the worker."""
        try:
            self.pipe.write()
        except OSError:
            self.end()
            return
        if len(self.pipe.unsent) > MOST_UNSENT:
            logger.error("a worker has not read its answers for long: its connection to the broker is closed")
            self.end()
        elif self._is_watched != bool(self.pipe.unsent):
            self._is_watched = bool(self.pipe.unsent)
            self._server.watch(self, self._is_watched)

    def end(self) -> None:
        """Ends the service for this worker."""
        if self._is_ended:
            return
        self._is_ended = True
        self._server.forget(self)
        self._broker.close()
        if self._on_end is not None:
            self._on_end()

    def _take(self, head: list[Any], data: bytes) -> None:
        number, verb, *words = head
        broker = self._broker
        match verb, words:
            case "hello", []:
                for end in self._subscriptions.values():
                    end()
                self._subscriptions.clear()
                self._say(number)
            case "get", [str(key)]:
                broker.get(key).then(partial(self._answer, number))
            case "create", [str(key)]:
                broker.create(key, decode(data)).then(partial(self._answer, number))
            case "update", [str(key), int(revision)]:
                broker.update(key, decode(data), revision).then(partial(self._answer, number))
            case "delete", [str(key), int() | None as revision]:
                broker.delete(key, revision).then(partial(self._answer, number))
            case "scan", [str(prefix)]:
                broker.scan(prefix).then(partial(self._answer, number))
            case "publish", [str(subject)]:
                broker.publish(subject, decode(data)).then(partial(self._answer, number))
            case "request", [str(subject), int() | float() as timeout]:
                broker.request(subject, decode(data), timeout).then(partial(self._answer, number))
            case "subscribe", [str(subject)]:
                if subject not in self._subscriptions:
                    self._subscriptions[subject] = broker.subscribe(subject, self._hand_on)
                self._say(number)
            case "unsubscribe", [str(subject)]:
                self._subscriptions.pop(subject, _nothing)()
                self._say(number)
            case "reply", [int(token)]:
                reply = self._requests.pop(token, no_reply)
                if data:
                    reply(decode(data))
            case _:
                raise _Broken

    def _say(self, number: int, *words: Any, data: bytes = b"") -> None:
        self.pipe.unsent += _line([number, "ok", *words], data)

    def _answer(self, number: int, answer: Answer[Any]) -> None:
        try:
            result = answer.result()
        except BrokerError as problem:
            self.pipe.unsent += _line([number, "fail", type(problem).__name__, str(problem)])
            return
        if isinstance(result, Entry):
            self._say(number, result.key, result.revision, data=encode(result.value))
        elif isinstance(result, list):
            for entry in result:
                self.pipe.unsent += _line([number, "entry", entry.key, entry.revision], encode(entry.value))
            self._say(number)
        elif isinstance(result, dict):
            self._say(number, data=encode(result))
        else:
            self._say(number, result)

    def _hand_on(self, message: Message) -> None:
        token = 0
        if message.reply is not no_reply:
            token = next(self._numbers)
            self._requests[token] = message.reply
            if len(self._requests) > MOST_UNANSWERED:
                del self._requests[next(iter(self._requests))]
        self.pipe.unsent += _line([0, "message", message.subject, token], encode(message.value))


def _nothing() -> None:
    """Ends a subscription that does not exist."""


# -- the worker -------------------------------------------------------------------------------------------------------


class LocalBroker(ThreadBroker):
    """The `Broker` of a worker whose parent keeps the store.

    Args:
        sock: the worker's end of a socket pair; `close` closes it.
        run_soon: runs a callback later in the game's thread; called in any thread, such as `Hall.run_soon`.
    """

    def __init__(self, sock: socket.socket, run_soon: RunSoon) -> None:
        self._pipe = _Pipe(sock)
        self._numbers = count(1)
        super().__init__(self._make_link, "of the parent process", run_soon)

    def _make_link(self, sink: Sink) -> _LocalLink:
        return _LocalLink(self._pipe, self._numbers, sink)

    def close(self) -> None:
        """Ends the connection and the thread, within 2 s. Answers that are still to come fail with `Away`."""
        super().close()
        self._pipe.socket.close()


class _LocalLink:
    """A use of the socket: the next link after a time-out goes on with the same socket, and with higher numbers."""

    def __init__(self, pipe: _Pipe, numbers: count[int], sink: Sink) -> None:
        self._pipe, self._numbers, self._sink = pipe, numbers, sink
        self._loop = asyncio.get_running_loop()
        self._calls: dict[int, asyncio.Future[tuple[list[Any], bytes]]] = {}
        self._entries: dict[int, list[Row]] = {}
        self._is_writing = False

    async def open(self) -> None:
        """Asks the parent for a new beginning: without subscriptions."""
        self._loop.add_reader(self._pipe.socket, self._read)
        await self._call("hello")

    async def check(self) -> None:
        """Asks whether the parent is there."""
        await self._call("get", "")

    async def close(self) -> None:
        """Ends the use of the socket."""
        self._loop.remove_reader(self._pipe.socket)
        self._loop.remove_writer(self._pipe.socket)

    def translate(self, problem: Exception) -> BrokerError:
        """Returns the broker's form of an exception."""
        if isinstance(problem, EOFError | OSError):
            return Away("the parent process has closed the broker")
        return BrokerError(f"the parent process sends what is no answer: {type(problem).__name__}")

    # -- verbs --------------------------------------------------------------------------------------------------------

    async def get(self, key: str) -> Row | None:
        """Reads an entry; None: it does not exist."""
        words, data = await self._call("get", key)
        return (words[0], data, words[1]) if len(words) == 2 else None

    async def write(self, key: str, data: bytes, revision: int | None) -> int:
        """Writes an entry that has this revision, or (None) does not exist; returns the new revision."""
        verb = ("create", key) if revision is None else ("update", key, revision)
        words, _ = await self._call(*verb, data=data)
        return int(words[0])

    async def delete(self, key: str, revision: int | None) -> None:
        """Removes an entry that has this revision; None: whether it exists or not."""
        await self._call("delete", key, revision)

    async def scan(self, prefix: str) -> list[Row]:
        """Reads all entries whose keys begin with a text."""
        rows: list[Row] = []
        await self._call("scan", prefix, rows=rows)
        return rows

    async def publish(self, subject: str, data: bytes) -> None:
        """Sends a message to all."""
        await self._call("publish", subject, data=data)

    async def subscribe(self, subject: str) -> None:
        """Has messages to a subject come to the sink."""
        await self._call("subscribe", subject)

    async def unsubscribe(self, subject: str) -> None:
        """Has no more messages to a subject come."""
        await self._call("unsubscribe", subject)

    async def request(self, subject: str, data: bytes, timeout: float) -> bytes:
        """Sends a message and returns the answer."""
        try:
            async with asyncio.timeout(timeout):
                _, answer = await self._call("request", subject, timeout, data=data)
        except TimeoutError:
            raise NoAnswer(f"nobody has answered a request to {subject} in {timeout:g} s") from None
        return answer

    async def reply(self, token: object, data: bytes | None) -> None:
        """Answers a message; None: the message is refused, and its sender waits in vain."""
        self._write(_line([0, "reply", token], data or b""))

    async def _call(
        self, verb: str, *words: Any, data: bytes = b"", rows: list[Row] | None = None
    ) -> tuple[list[Any], bytes]:
        number = next(self._numbers)
        answer: asyncio.Future[tuple[list[Any], bytes]] = self._loop.create_future()
        self._calls[number] = answer
        if rows is not None:
            self._entries[number] = rows
        try:
            self._write(_line([number, verb, *words], data))
            return await answer
        finally:
            del self._calls[number]
            self._entries.pop(number, None)

    # -- the socket ---------------------------------------------------------------------------------------------------

    def _write(self, data: bytes = b"") -> None:
        self._pipe.write(data)
        if self._is_writing != bool(self._pipe.unsent):
            self._is_writing = not self._is_writing
            if self._is_writing:
                self._loop.add_writer(self._pipe.socket, self._write_more)
            else:
                self._loop.remove_writer(self._pipe.socket)

    def _write_more(self) -> None:
        try:
            self._write()
        except OSError as problem:
            self._lose(problem)

    def _read(self) -> None:
        try:
            for head, data in self._pipe.read():
                self._take(head, data)
        except Exception as problem:
            self._lose(problem)

    def _lose(self, problem: Exception) -> None:
        # A closed socket stays readable: without this the loop would spin.
        self._loop.remove_reader(self._pipe.socket)
        self._sink.take_loss(problem)
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(self.translate(problem))

    def _take(self, head: list[Any], data: bytes) -> None:
        number, kind, *words = head
        answer = self._calls.get(number)
        if kind == "message":
            self._sink.take_message(words[0], data, words[1] or None)
        elif kind == "entry":
            self._entries.get(number, []).append((words[0], data, words[1]))
        elif answer is not None and not answer.done():
            if kind == "ok":
                answer.set_result((words, data))
            else:
                answer.set_exception(ERRORS.get(words[0], BrokerError)(words[1]))
