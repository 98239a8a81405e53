"""`RedisLink`: a connection to Redis 5 or newer, or Valkey, through redis-py (extra `redis`).

    gdp:{<namespace>}:<key>             hash: v, the value as JSON; r, the revision
    gdp:{<namespace>}#revision          the last revision
    gdp:<namespace>:m:<subject>         channel of a subject
    gdp:<namespace>:i:<32 characters>   channel on which one client takes its answers

Comparing and writing is one script in the server. A revision is the server's time in microseconds, or the last revision
plus one if that is more. So revisions only grow and do not repeat after a restart with an empty server, after a
fail-over to a replica that lacks the last writes, or when the server's clock is set back.

All keys of a namespace share the part in braces, so that a Redis Cluster keeps them on one node, as scripts need.

Layer: `cluster`; asyncio. Source: the commands of Redis 7.0.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING, Any

from gdpeer.cluster.broker.address import Address
from gdpeer.cluster.broker.base import MOST_BYTES, Away, BadValue, BrokerError, Conflict, NoAnswer, Unsupported
from gdpeer.cluster.broker.link import STEP_TIME, Row, Sink
from gdpeer.cluster.broker.values import check_size, leave_out, lifetime_of

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

__all__ = ["RedisLink", "load_redis"]

WRITE = """
local has = redis.call('HGET', KEYS[1], 'r')
if (has or '') ~= ARGV[2] then return false end
local now = redis.call('TIME')
local time = now[1] * 1000000 + now[2]
local revision = tonumber(redis.call('GET', KEYS[2]) or 0) + 1
if time > revision then revision = time end
local text = string.format('%.0f', revision)
redis.call('SET', KEYS[2], text)
redis.call('HSET', KEYS[1], 'v', ARGV[1], 'r', text)
if ARGV[3] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return text
"""
DELETE = """
if ARGV[1] ~= '' and redis.call('HGET', KEYS[1], 'r') ~= ARGV[1] then return false end
redis.call('DEL', KEYS[1])
return 'done'
"""
# Three answers for each key: revision, length and value. The value of an entry that is too large is left out, so that
# nobody has to read it. An entry that does not exist, or that somebody else has written, has the length -1 or -2.
READ = """
local found = {}
for index, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  local revision = kind == 'hash' and redis.call('HGET', key, 'r')
  local length = kind == 'none' and -1 or -2
  local value = ''
  if revision then
    length = redis.call('HSTRLEN', key, 'v')
    if length <= tonumber(ARGV[1]) then value = redis.call('HGET', key, 'v') or '' end
  end
  found[3 * index - 2], found[3 * index - 1], found[3 * index] = revision or '', length, value
end
return found
"""

AT_ONCE = 500
"""The most commands that are sent in one go."""
LEAST_VERSION = (5, 0)
LONGEST_REVISION = 18
"""Digits of the largest revision that is read."""

_REPLY_TO = re.compile(rb"([0-9a-f]{32}) ([0-9]{1,18})")
_GLOB = re.compile(r"([*?\[\]\\^])")


def load_redis() -> Any:
    """Returns the module `redis`.

    Raises:
        ImportError: redis-py is not installed. The text says how to install it.
    """
    try:
        import redis.asyncio
    except ImportError:
        raise ImportError('a broker of redis:// needs redis-py: pip install "gdpeer[redis]"') from None
    return redis


class RedisLink:
    """One connection to Redis for commands, and one for messages.

    Args:
        address: of the server.
        namespace: separates the clusters that share a server.
        sink: takes messages, and the loss of the connection.
    """

    def __init__(self, address: Address, namespace: str, sink: Sink) -> None:
        self._address, self._sink = address, sink
        self._keys, self._channels = f"gdp:{{{namespace}}}:", f"gdp:{namespace}:"
        self._inbox = secrets.token_hex(16)
        self._module = load_redis()
        self._client: Redis | None = None
        self._pubsub: PubSub | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._commands: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._wake = asyncio.Event()
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[bytes]] = {}
        self._confirmations: dict[bytes, list[asyncio.Future[None]]] = {}
        self._subjects: dict[bytes, str] = {}

    # -- the connection -----------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connects, and listens for answers."""
        self._client = client = self._make_client()
        self._begin(self._run_commands())
        await self._check_version()
        self._pubsub = client.pubsub()
        await self._pubsub.subscribe(self._channel("i", self._inbox))
        self._begin(self._listen(self._pubsub))

    def _make_client(self) -> Redis:
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        # A write that is tried again may take effect twice, so nothing is tried again. `LinkKeeper` limits the times.
        options = {"retry": Retry(NoBackoff(), 0), "protocol": 2, "socket_timeout": None, "decode_responses": False}
        client: Redis = self._module.asyncio.Redis.from_url(self._address.urls[0], **options)
        return client

    def _begin(self, steps: Any) -> None:
        async def run() -> None:
            try:
                await steps
            except Exception as problem:
                self._sink.take_loss(problem)

        self._tasks.append(asyncio.get_running_loop().create_task(run()))

    async def _check_version(self) -> None:
        try:
            info = await self._do("INFO", "server")
        except self._module.exceptions.NoPermissionError:
            await self._do("PING")
            return
        version = str(info.get("redis_version", "")) if isinstance(info, dict) else ""
        found = re.match(r"(\d+)\.(\d+)", version)
        if found and (int(found[1]), int(found[2])) < LEAST_VERSION:
            raise Unsupported(f"Redis {version} cannot read its clock in a script that writes: Redis 5.0 can")

    async def check(self) -> None:
        """Asks both connections for an answer."""
        assert self._pubsub is not None
        pong = self._wait_for(b"pong")
        await self._pubsub.ping()
        await self._do("PING")
        await pong

    async def close(self) -> None:
        """Ends the connection for commands, and the one for messages."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for _, future in self._commands:
            future.cancel()
        if self._pubsub is not None:
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]
        if self._client is not None:
            await self._client.aclose()

    def translate(self, problem: Exception) -> BrokerError:
        """Returns the broker's form of an exception of redis-py."""
        errors, text = self._module.exceptions, self._address.clean(problem)
        # A replica that was a primary: another server is the primary now.
        if isinstance(problem, errors.ConnectionError | errors.TimeoutError | errors.ReadOnlyError | OSError):
            return Away(f"Redis cannot be reached: {text}")
        if "unknown command" in text.lower():
            return Unsupported(f"this version of Redis lacks a command, and Redis 5.0 has all: {text}")
        return BrokerError(f"Redis refuses: {text}")

    # -- commands -----------------------------------------------------------------------------------------------------

    async def _do(self, *command: Any) -> Any:
        """Sends a command, together with all others that wait, and returns the answer."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._commands.append((command, future))
        self._wake.set()
        return await future

    async def _run_commands(self) -> None:
        while True:
            await self._wake.wait()
            batch, self._commands = self._commands[:AT_ONCE], self._commands[AT_ONCE:]
            if not self._commands:
                self._wake.clear()
            await self._run_batch([(command, future) for command, future in batch if not future.done()])

    async def _run_batch(self, batch: list[tuple[tuple[Any, ...], asyncio.Future[Any]]]) -> None:
        try:
            answers = await self._pipeline(command for command, _ in batch)
        except BaseException as problem:
            for _, future in batch:
                if not future.done():
                    future.set_exception(problem) if isinstance(problem, Exception) else future.cancel()
            raise
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    async def _pipeline(self, commands: Iterable[tuple[Any, ...]]) -> list[Any]:
        assert self._client is not None
        async with self._client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
            return answers

    # -- entries ------------------------------------------------------------------------------------------------------

    def _key(self, key: str) -> bytes:
        return (self._keys + key).encode("utf-8", "surrogatepass")

    async def get(self, key: str) -> Row | None:
        """Reads an entry; None: it does not exist."""
        return _row(key, *await self._read([self._key(key)]))

    async def _read(self, keys: list[bytes]) -> list[Any]:
        answer: list[Any] = await self._do("EVAL", READ, len(keys), *keys, MOST_BYTES)
        return answer

    async def write(self, key: str, data: bytes, revision: int | None) -> int:
        """Writes an entry that has this revision, or (None) does not exist; returns the new revision."""
        lifetime = int((lifetime_of(key) or 0.0) * 1000)
        expected = "" if revision is None else str(revision)
        counter = f"{self._keys[:-1]}#revision"
        answer = await self._do("EVAL", WRITE, 2, self._key(key), counter, data, expected, lifetime)
        if answer is None:
            raise Conflict(f"{key} exists" if revision is None else f"{key} has not revision {revision}")
        return int(answer)

    async def delete(self, key: str, revision: int | None) -> None:
        """Removes an entry that has this revision; None: whether it exists or not."""
        expected = "" if revision is None else str(revision)
        if await self._do("EVAL", DELETE, 1, self._key(key), expected) is None:
            raise Conflict(f"{key} has not revision {revision}")

    async def scan(self, prefix: str) -> list[Row]:
        """Reads all entries whose keys begin with a text."""
        pattern = self._key(_GLOB.sub(r"\\\1", prefix)) + b"*"
        found: dict[bytes, Row] = {}
        cursor: Any = 0
        while True:
            async with asyncio.timeout(STEP_TIME):
                cursor, keys = await self._do("SCAN", cursor, "MATCH", pattern, "COUNT", AT_ONCE)
                keys = [key for key in keys if key not in found]  # a scan may name a key twice
                answers = iter(await self._read(keys) if keys else ())
            for key, *answer in zip(keys, answers, answers, answers, strict=True):
                self._take_row(found, key, answer)
            if int(cursor) == 0:
                return list(found.values())

    def _take_row(self, found: dict[bytes, Row], key: bytes, answer: list[Any]) -> None:
        name = key[len(self._keys) :]
        try:
            row = _row(name.decode("utf-8", "surrogatepass"), *answer)
        except BadValue as problem:
            leave_out(repr(name), problem)
        except ValueError:
            leave_out(repr(name), BadValue("its key was not written by gdpeer"))
        else:
            if row is not None:
                found[key] = row

    # -- messages -----------------------------------------------------------------------------------------------------

    def _channel(self, kind: str, name: str) -> bytes:
        return f"{self._channels}{kind}:{name}".encode("utf-8", "surrogatepass")

    async def publish(self, subject: str, data: bytes) -> None:
        """Sends a message to all."""
        await self._do("PUBLISH", self._channel("m", subject), b"\n" + data)

    async def subscribe(self, subject: str) -> None:
        """Has messages to a subject come to the sink."""
        assert self._pubsub is not None
        channel = self._channel("m", subject)
        self._subjects[channel] = subject
        confirmed = self._wait_for(b"+" + channel)
        await self._pubsub.subscribe(channel)
        await confirmed

    async def unsubscribe(self, subject: str) -> None:
        """Has no more messages to a subject come."""
        assert self._pubsub is not None
        channel = self._channel("m", subject)
        if self._subjects.pop(channel, None) is not None:
            await self._pubsub.unsubscribe(channel)

    async def request(self, subject: str, data: bytes, timeout: float) -> bytes:
        """Sends a message and returns the answer, which comes to the channel of this link."""
        number = next(self._numbers)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            async with asyncio.timeout(timeout):
                head = f"{self._inbox} {number}\n".encode()
                if not await self._do("PUBLISH", self._channel("m", subject), head + data):
                    raise NoAnswer(f"nobody listens to {subject}")
                return await answer
        except TimeoutError:
            raise NoAnswer(f"nobody has answered a request to {subject} in {timeout:g} s") from None
        finally:
            del self._answers[number]

    async def reply(self, token: object, data: bytes | None) -> None:
        """Answers a message; None: the message is refused."""
        assert isinstance(token, tuple)
        inbox, number = token
        text = b"%d no\n" % number if data is None else b"%d ok\n" % number + data
        await self._do("PUBLISH", self._channel("i", inbox), text)

    async def _listen(self, pubsub: PubSub) -> None:
        async for message in pubsub.listen():
            kind, data = message["type"], message["data"]
            if kind == "message":
                self._take(message["channel"], data)
            elif kind == "subscribe":
                self._confirm(b"+" + message["channel"])
            elif kind == "pong":
                self._confirm(b"pong")
        raise ConnectionError("the subscriptions have ended")

    def _wait_for(self, name: bytes) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._confirmations.setdefault(name, []).append(future)
        return future

    def _confirm(self, name: bytes) -> None:
        for future in self._confirmations.pop(name, ()):
            if not future.done():
                future.set_result(None)

    def _take(self, channel: bytes, data: bytes) -> None:
        head, _, content = data.partition(b"\n")
        subject = self._subjects.get(channel)
        if subject is None:
            if channel == self._channel("i", self._inbox):
                self._take_answer(head, content)
            return
        to = _REPLY_TO.fullmatch(head)
        self._sink.take_message(subject, content, (to[1].decode(), int(to[2])) if to else None)

    def _take_answer(self, head: bytes, content: bytes) -> None:
        number, _, word = head.partition(b" ")
        answer = self._answers.get(int(number)) if number.isdigit() and len(number) < 20 else None
        if answer is None or answer.done():
            return
        if word == b"ok":
            answer.set_result(content)
        else:
            answer.set_exception(NoAnswer("too many messages wait at the receiver"))


def _row(key: str, revision: bytes, length: int, value: bytes) -> Row | None:
    """Returns an entry for the answers of `READ`.

    Raises:
        BadValue: the value is too large, or the entry was written by somebody else.
    """
    if length == -1:
        return None
    check_size(length)
    if not revision.isdigit() or len(revision) > LONGEST_REVISION:
        raise BadValue("the entry has no revision: it was not written by gdpeer")
    return key, value, int(revision)
