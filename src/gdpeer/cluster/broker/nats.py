"""`NatsLink`: a connection to NATS 2.9 or newer with JetStream, through nats-py (extra `nats`).

    bucket gdp_<namespace>_w            entries w: last 6 s, in memory
    bucket gdp_<namespace>_save         entries save: last 1 h
    bucket gdp_<namespace>_all          all other entries, which do not end
    gdp.<namespace>.<subject>           subjects of messages; answers come to an inbox

NATS before 2.11 has no lifetime of a single key and ignores one without an error. So each lifetime has a bucket of its
own. A revision is the time at which the bucket was made, in microseconds, plus the number of the message in it. So
revisions do not repeat after a restart with an empty server.

Letters, digits, "-" and "_" of keys stand for themselves; other bytes are written as "=" and two digits.

Layer: `cluster`; asyncio. Source: the JetStream API of nats-server 2.9.
"""

from __future__ import annotations

import asyncio
import random
import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from gdpeer.cluster.broker.address import Address
from gdpeer.cluster.broker.base import (
    LIFETIMES,
    Away,
    BadValue,
    BrokerError,
    Conflict,
    NoAnswer,
    Unsupported,
)
from gdpeer.cluster.broker.link import STEP_TIME, Row, Sink
from gdpeer.cluster.broker.values import leave_out
from gdpeer.logs import get_logger

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext
    from nats.js.kv import KeyValue

__all__ = ["NatsLink", "decode_name", "encode_name", "load_nats"]

logger = get_logger("gdpeer.cluster")

LEAST_VERSION = (2, 9)
OTHERS = "all"
"""The bucket of entries that do not end."""
DEFAULT_PORT = 4222
FORGOTTEN = 5.0
"""Seconds after which the server forgets a scan."""
MADE_BY_OTHERS = (10058, 10065)
"""The error codes for a bucket that another worker has made, or is about to make."""

WRONG_SEQUENCE = (10071, 10164)
"""The error codes for a revision that is not the last; the second since NATS 2.11."""

_PLAIN = re.compile(rb"[^A-Za-z0-9_-]")
_ESCAPED = re.compile(rb"=([0-9A-F]{2})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GRAIN = timedelta(milliseconds=10)


def load_nats() -> Any:
    """Returns the module `nats`.

    Raises:
        ImportError: nats-py is not installed. The text says how to install it.
    """
    try:
        import nats.errors
        import nats.js.api
        import nats.js.errors
    except ImportError:
        raise ImportError('a broker of nats:// needs nats-py: pip install "gdpeer[nats]"') from None
    return nats


def encode_name(name: str) -> str:
    """Returns any text as one token of a NATS subject."""
    data = name.encode("utf-8", "surrogatepass")
    return _PLAIN.sub(lambda found: b"=%02X" % found[0][0], data).decode() or "="


def decode_name(token: str) -> str:
    """Returns the text for a token of `encode_name`."""
    data = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), b"" if token == "=" else token.encode())
    return data.decode("utf-8", "surrogatepass")


def encode_key(key: str, mark: str = ":") -> str:
    """Returns a key as two tokens: its first word, and the rest. A key without a mark is one token."""
    word, found, rest = key.partition(mark)
    return f"{encode_name(word)}.{encode_name(rest)}" if found else encode_name(word)


def decode_key(tokens: str) -> str:
    """Returns the key for the tokens of `encode_key`."""
    word, found, rest = tokens.partition(".")
    return f"{decode_name(word)}:{decode_name(rest)}" if found else decode_name(word)


@dataclass
class _Bucket:
    """A bucket, and the revision of its message 0."""

    values: KeyValue
    name: str
    stream: str
    base: int
    lifetime: float | None


class _Scan:
    """Reads all entries of a bucket, in the order of their revisions."""

    def __init__(self, bucket: _Bucket) -> None:
        self.rows: list[Row] = []
        self._bucket = bucket
        self._start = len(f"$KV.{bucket.name}.")
        self._taken = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def take(self, message: Msg) -> None:
        """Takes an entry; the last one says that no other is to come."""
        about = message.metadata
        if "KV-Operation" not in (message.headers or ()):  # not deleted
            name = message.subject[self._start :]
            try:
                self.rows.append((decode_key(name), message.data, self._bucket.base + about.sequence.stream))
            except ValueError:
                leave_out(name, BadValue("its key was not written by gdpeer"))
        self._taken += 1
        if about.num_pending == 0 and not self._done.done():
            self._done.set_result(None)

    async def wait(self) -> None:
        """Waits for the last entry.

        Raises:
            TimeoutError: nothing has come for `STEP_TIME`.
        """
        taken = -1
        while not self._done.done():
            if taken == self._taken:
                raise TimeoutError
            taken = self._taken
            await asyncio.wait([self._done], timeout=STEP_TIME)


class _TlsContext(ssl.SSLContext):
    """Checks certificates as `ssl.create_default_context` does, and knows whether it was used.

    The library upgrades to TLS only if the server asks for TLS, and the server has not proved who it is by then.
    """

    def __new__(cls, authorities: str | None) -> _TlsContext:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, authorities: str | None) -> None:
        self.is_used = False
        if authorities is None:
            self.load_default_certs()
        else:
            self.load_verify_locations(authorities)

    def wrap_bio(self, *arguments: Any, **more: Any) -> ssl.SSLObject:
        """Begins TLS, and takes note of that."""
        self.is_used = True
        return super().wrap_bio(*arguments, **more)


class NatsLink:
    """One connection to NATS.

    Args:
        address: of the servers; one of them is taken by chance.
        namespace: separates the clusters that share a server.
        sink: takes messages, and the loss of the connection.
    """

    def __init__(self, address: Address, namespace: str, sink: Sink) -> None:
        self._address, self._namespace, self._sink = address, namespace, sink
        self._module = load_nats()
        self._tls: _TlsContext | None = None
        self._reason: Exception | None = None
        self._client: Client = self._module.NATS()
        self._stream: JetStreamContext = self._client.jetstream(timeout=STEP_TIME)
        self._buckets: dict[str, _Bucket] = {}
        self._subscriptions: dict[str, Any] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # -- the connection -----------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connects, and makes the buckets that do not exist."""
        await self._connect()
        if self._tls is not None and not self._tls.is_used:
            raise Away("the server offers no TLS")
        version = self._client.connected_server_version
        if (version.major, version.minor) < LEAST_VERSION:
            raise Unsupported(f"NATS {_text(version)} is too old: NATS 2.9 or newer is needed")
        for word, lifetime in (*LIFETIMES.items(), (OTHERS, None)):
            self._buckets[word] = await self._open_bucket(word, lifetime)

    async def _connect(self) -> None:
        urls = random.sample(self._address.urls, len(self._address.urls))
        for url in urls:
            try:
                await self._client.connect(**self._options(url))
                return
            except (OSError, TimeoutError, self._module.errors.Error):
                if url is urls[-1]:
                    raise
                self._client = self._module.NATS()
                self._stream = self._client.jetstream(timeout=STEP_TIME)

    def _options(self, url: str) -> dict[str, Any]:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
        options: dict[str, Any] = {
            "servers": [f"nats://{host}:{parts.port or DEFAULT_PORT}"],  # no secret: errors of the library repeat URLs
            "allow_reconnect": False,
            "max_reconnect_attempts": 1,  # of the first connection, each without a pause
            "reconnect_time_wait": 0,
            "connect_timeout": STEP_TIME,
            "error_cb": self._take_error,
            "closed_cb": self._take_end,
        }
        self._tls = _TlsContext(self._address.options.get("ca")) if self._address.scheme == "tls" else None
        if self._tls is not None:
            options["tls"] = self._tls
        # The library calls these when it is about to send them.
        if user is not None and password is not None:
            options |= {"user": partial(self._tell, user), "password": partial(self._tell, password)}
        elif user:
            options["token"] = partial(self._tell, user)
        return options

    def _tell(self, secret: str) -> str:
        """Returns a secret, but not to a server that does without TLS when the URL says tls."""
        if self._tls is not None and not self._tls.is_used:
            raise ConnectionError("the server offers no TLS")
        return secret

    async def _take_error(self, problem: Exception) -> None:
        self._reason = problem
        logger.debug("nats: %s", type(problem).__name__)

    async def _take_end(self) -> None:
        self._sink.take_loss(Away(self._address.clean(self._client.last_error or "the connection has ended")))

    async def check(self) -> None:
        """Asks the server for an answer, and JetStream for the bucket of leases."""
        await self._client.flush(timeout=1)
        await self._stream.stream_info(self._buckets["w"].stream)

    async def close(self) -> None:
        """Ends the connection, and what runs beside it."""
        for task in self._tasks:
            task.cancel()
        await self._client.close()

    def translate(self, problem: Exception) -> BrokerError:
        """Returns the broker's form of an exception of nats-py."""
        errors = self._module.errors
        if isinstance(problem, errors.NoServersError) and self._reason is not None:
            problem = self._reason
        text = self._address.clean(problem)
        if isinstance(problem, errors.MaxPayloadError):
            most = self._client.max_payload
            return BadValue(f"this NATS server takes {most:,} bytes at most: set its max_payload to 2MB")
        if isinstance(problem, self._module.js.errors.NoStreamResponseError | errors.NoRespondersError):
            return Away("JetStream does not answer")
        if isinstance(problem, self._module.js.errors.APIError) and (getattr(problem, "code", None) or 0) < 500:
            return BrokerError(f"NATS refuses: {text}")
        return Away(f"NATS cannot be reached: {text}")

    # -- buckets ------------------------------------------------------------------------------------------------------

    async def _open_bucket(self, word: str, lifetime: float | None) -> _Bucket:
        name = f"gdp_{self._namespace}_{word}"
        errors = self._module.js.errors
        try:
            values = await self._find_bucket(name, lifetime)
            status = await values.status()
        except errors.ServiceUnavailableError as problem:
            version = _text(self._client.connected_server_version)
            raise Unsupported(f"JetStream is off in this NATS {version}: start nats-server with -js") from problem
        found = status.stream_info.config.max_age or None
        if found != lifetime:
            raise Unsupported(
                f"the bucket {name} of this NATS keeps entries for {found or 'ever'} s, and not for "
                f"{lifetime or 'ever'} s: remove it"
            )
        return _Bucket(values, name, f"KV_{name}", _base(status.stream_info.created), lifetime)

    async def _find_bucket(self, name: str, lifetime: float | None) -> KeyValue:
        errors, api = self._module.js.errors, self._module.js.api
        # A lease that outlives a restart says nothing, and leases are written most often.
        storage = api.StorageType.MEMORY if name.endswith("_w") else api.StorageType.FILE
        config = api.KeyValueConfig(bucket=name, ttl=lifetime, storage=storage, direct=True)
        while True:  # `LinkKeeper` limits the time
            try:
                return await self._stream.key_value(name)
            except errors.NotFoundError:
                pass
            try:
                return await self._stream.create_key_value(config)
            except errors.APIError as problem:
                if problem.err_code not in MADE_BY_OTHERS:
                    raise
            await asyncio.sleep(random.uniform(0.01, 0.05))

    def _bucket(self, key: str) -> _Bucket:
        return self._buckets.get(key.partition(":")[0]) or self._buckets[OTHERS]

    async def get(self, key: str) -> Row | None:
        """Reads an entry; None: it does not exist."""
        bucket = self._bucket(key)
        try:
            entry = await bucket.values.get(encode_key(key))
        except self._module.js.errors.KeyNotFoundError:
            return None
        return key, entry.value or b"", bucket.base + (entry.revision or 0)

    async def write(self, key: str, data: bytes, revision: int | None) -> int:
        """Writes an entry that has this revision, or (None) does not exist; returns the new revision."""
        bucket = self._bucket(key)
        try:
            if revision is None:
                return bucket.base + await self._create(bucket, encode_key(key), data)
            return bucket.base + await bucket.values.update(encode_key(key), data, self._number(bucket, key, revision))
        except self._module.js.errors.KeyWrongLastSequenceError:
            raise Conflict(f"{key} exists" if revision is None else f"{key} has not revision {revision}") from None

    async def _create(self, bucket: _Bucket, key: str, data: bytes) -> int:
        try:
            return int(await bucket.values.create(key, data))
        except self._module.js.errors.KeyNotFoundError:
            # The mark of a removed entry was forgotten while the library looked at the mark: now there is nothing.
            return int(await bucket.values.create(key, data))

    def _number(self, bucket: _Bucket, key: str, revision: int) -> int:
        number = revision - bucket.base
        if number <= 0:  # of a bucket that is gone; 0 would mean: the entry must not exist
            raise Conflict(f"{key} has not revision {revision}")
        return number

    async def delete(self, key: str, revision: int | None) -> None:
        """Removes an entry that has this revision; None: whether it exists or not."""
        bucket, api = self._bucket(key), self._module.js.api
        headers = {"KV-Operation": "DEL"}
        if revision is not None:
            headers[api.Header.EXPECTED_LAST_SUBJECT_SEQUENCE] = str(self._number(bucket, key, revision))
        subject = f"$KV.{bucket.name}.{encode_key(key)}"
        try:
            done = await self._stream.publish(subject, b"", headers=headers)
        except self._module.js.errors.APIError as problem:
            if problem.err_code not in WRONG_SEQUENCE:
                raise
            raise Conflict(f"{key} has not revision {revision}") from None
        if bucket.lifetime is None:
            self._begin(self._forget(bucket, subject, done.seq))

    async def _forget(self, bucket: _Bucket, subject: str, number: int) -> None:
        """Removes the mark of a deleted entry: it would stay for ever, one for each room that ever was."""
        try:
            await self._stream.purge_stream(bucket.stream, seq=number + 1, subject=subject)
        except Exception as problem:
            logger.debug("nats: a mark stays: %s", type(problem).__name__)

    def _begin(self, steps: Any) -> None:
        task = asyncio.get_running_loop().create_task(steps)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def scan(self, prefix: str) -> list[Row]:
        """Reads all entries whose keys begin with a text."""
        word, found, _ = prefix.partition(":")
        if found:
            rows = await self._scan_bucket(self._bucket(prefix), f"{encode_name(word)}.*")
        else:
            rows = [row for bucket in self._buckets.values() for row in await self._scan_bucket(bucket, ">")]
        return [row for row in rows if row[0].startswith(prefix)]

    async def _scan_bucket(self, bucket: _Bucket, pattern: str) -> list[Row]:
        api = self._module.js.api
        scan = _Scan(bucket)
        async with asyncio.timeout(STEP_TIME):
            subscription = await self._stream.subscribe(
                f"$KV.{bucket.name}.{pattern}",
                stream=bucket.stream,
                cb=scan.take,
                ordered_consumer=True,
                deliver_policy=api.DeliverPolicy.LAST_PER_SUBJECT,
                inactive_threshold=FORGOTTEN,
            )
            info = await subscription.consumer_info()
        try:
            if info.num_pending or (info.delivered and info.delivered.consumer_seq):
                await scan.wait()
        finally:
            await subscription.unsubscribe()
        return scan.rows

    # -- messages -----------------------------------------------------------------------------------------------------

    def _subject(self, subject: str) -> str:
        return f"gdp.{self._namespace}.{encode_key(subject, '.')}"

    async def publish(self, subject: str, data: bytes) -> None:
        """Sends a message to all."""
        await self._client.publish(self._subject(subject), data)

    async def subscribe(self, subject: str) -> None:
        """Has messages to a subject come to the sink."""
        if subject not in self._subscriptions:
            take = partial(self._take, subject)
            self._subscriptions[subject] = await self._client.subscribe(self._subject(subject), cb=take)
            await self._client.flush(timeout=1)

    async def unsubscribe(self, subject: str) -> None:
        """Has no more messages to a subject come."""
        subscription = self._subscriptions.pop(subject, None)
        if subscription is not None:
            await subscription.unsubscribe()

    async def _take(self, subject: str, message: Msg) -> None:
        self._sink.take_message(subject, message.data, message.reply or None)

    async def request(self, subject: str, data: bytes, timeout: float) -> bytes:
        """Sends a message and returns the answer."""
        try:
            answer = await self._client.request(self._subject(subject), data, timeout=timeout)
        except self._module.errors.NoRespondersError:
            raise NoAnswer(f"nobody listens to {subject}, or too many messages wait there") from None
        except TimeoutError:
            raise NoAnswer(f"nobody has answered a request to {subject} in {timeout:g} s") from None
        return answer.data

    async def reply(self, token: object, data: bytes | None) -> None:
        """Answers a message; None: the message is refused."""
        assert isinstance(token, str)
        if data is None:
            await self._client.publish(token, b"", headers={"Status": "503"})  # as if nobody listened
        else:
            await self._client.publish(token, data)


def _base(created: datetime | str | None) -> int:
    """Returns the revision of message 0 of a bucket: when it was made, in microseconds, to 10 ms."""
    if isinstance(created, str):
        created = datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", created).replace("Z", "+00:00"))
    if created is None:
        return 0
    return (created - _EPOCH) // _GRAIN * 10_000


def _text(version: Any) -> str:
    return f"{version.major}.{version.minor}.{version.patch}"
