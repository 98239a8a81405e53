"""`FakeNats`: as much of NATS 2.9 with JetStream as `gdpeer.cluster.broker.nats` uses."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

from tests.support.fake_server import FakeConnection, FakeServer

HEADERS = b"NATS/1.0\r\n"
KV = "$KV."
API = "$JS.API."


class Stored(NamedTuple):
    """A message of a stream."""

    number: int
    headers: dict[str, str]
    data: bytes
    time: float


@dataclass
class Stream:
    """A bucket: the last message of each subject."""

    config: dict[str, Any]
    created: datetime
    messages: dict[str, Stored] = field(default_factory=dict)
    number: int = 0
    consumers: dict[str, tuple[str, int]] = field(default_factory=dict)

    def alive(self, now: float) -> dict[str, Stored]:
        lifetime = (self.config.get("max_age") or 0) / 1e9
        self.messages = {
            subject: one for subject, one in self.messages.items() if not lifetime or one.time + lifetime > now
        }
        return self.messages


class Refused(Exception):
    """An error of JetStream."""

    def __init__(self, code: int, err_code: int, description: str) -> None:
        super().__init__(description)
        self.form = {"error": {"code": code, "err_code": err_code, "description": description}}


class FakeNats(FakeServer):
    """NATS in a thread.

    Attributes:
        streams: by name.
        version: of the server.
        has_jetstream: False: nobody answers calls of JetStream.
        max_payload: bytes of the largest message.
        refuses: the error that JetStream gives to each message; None: none.
        refuses_buckets: how often a new bucket is refused, because another worker is about to make the same.
        heard: the lines that clients have sent.
    """

    scheme = "nats"

    def __init__(self) -> None:
        super().__init__()
        self.streams: dict[str, Stream] = {}
        self.subscriptions: list[tuple[FakeConnection, str, str]] = []
        self.version = "2.9.10"
        self.has_jetstream = True
        self.max_payload = 2_000_000
        self.refuses: Refused | None = None
        self.refuses_buckets = 0
        self.heard: list[str] = []
        self._numbers = count(1)

    def clear(self) -> None:
        self.streams.clear()
        self.clock.advance(1.0)

    def gone(self, connection: FakeConnection) -> None:
        self.subscriptions = [one for one in self.subscriptions if one[0] is not connection]

    # -- the protocol -------------------------------------------------------------------------------------------------

    def serve(self, connection: FakeConnection) -> None:
        about = {"server_id": "fake", "version": self.version, "headers": True}
        about |= {"auth_required": True, "max_payload": self.max_payload}
        connection.send(b"INFO %b\r\n" % json.dumps(about).encode())
        while line := connection.reader.readline():
            self.heard.append(line.decode())
            verb, *words = line.decode().split()
            data = connection.reader.read(int(words[-1]) + 2)[:-2] if verb in ("PUB", "HPUB") else b""
            with self.lock:
                self._take(connection, verb, words, data)

    def _take(self, connection: FakeConnection, verb: str, words: list[str], data: bytes) -> None:
        match verb, words:
            case "PING", _:
                connection.send(b"PONG\r\n")
            case "SUB", [subject, number]:
                self.subscriptions.append((connection, subject, number))
            case "UNSUB", [number, *_]:
                self.subscriptions = [one for one in self.subscriptions if (one[0], one[2]) != (connection, number)]
            case "PUB", [subject, *reply, _]:
                self._publish(subject, "".join(reply), {}, data)
            case "HPUB", [subject, *reply, length, _]:
                self._publish(subject, "".join(reply), parse(data[: int(length)]), data[int(length) :])

    def _publish(self, subject: str, reply: str, headers: dict[str, str], data: bytes) -> None:
        if self.has_jetstream and subject.startswith((KV, API)):
            self._ask(subject, reply, headers, data)
        elif not self._deliver(subject, reply, headers, data) and reply:
            self._deliver(reply, "", {"Status": "503"}, b"")

    def _deliver(self, subject: str, reply: str, headers: dict[str, str], data: bytes) -> int:
        found = [one for one in self.subscriptions if matches(subject, one[1])]
        for connection, _, number in found:
            words = f"{subject} {number} {reply}".split()
            if headers:
                head = write(headers)
                line = " ".join(["HMSG", *words, str(len(head)), str(len(head) + len(data))])
                connection.send(b"%b\r\n%b%b\r\n" % (line.encode(), head, data))
            else:
                line = " ".join(["MSG", *words, str(len(data))])
                connection.send(b"%b\r\n%b\r\n" % (line.encode(), data))
        return len(found)

    # -- JetStream ----------------------------------------------------------------------------------------------------

    def _ask(self, subject: str, reply: str, headers: dict[str, str], data: bytes) -> None:
        try:
            if subject.startswith(KV):
                answer = self._store(subject, headers, data)
            elif subject.startswith(f"{API}DIRECT.GET."):
                self._get(reply, *subject.removeprefix(f"{API}DIRECT.GET.").split(".", 1))
                return
            else:
                answer = self._call(subject.removeprefix(API).split("."), json.loads(data or b"{}"))
        except Refused as problem:
            answer = problem.form
        if reply:
            self._deliver(reply, "", {}, json.dumps(answer).encode())

    def _find(self, name: str) -> Stream:
        if name not in self.streams:
            raise Refused(404, 10059, "stream not found")
        return self.streams[name]

    def _store(self, subject: str, headers: dict[str, str], data: bytes) -> dict[str, Any]:
        if self.refuses:
            raise self.refuses
        name = f"KV_{subject.split('.')[1]}"
        stream = self._find(name)
        last = stream.alive(self.clock.now()).get(subject)
        expected = headers.get("Nats-Expected-Last-Subject-Sequence")
        if expected is not None and int(expected) != (last.number if last else 0):
            raise Refused(400, 10071, f"wrong last sequence: {last.number if last else 0}")
        stream.number += 1
        stream.messages.pop(subject, None)
        stream.messages[subject] = Stored(stream.number, headers, data, self.clock.now())
        return {"stream": name, "seq": stream.number}

    def _get(self, reply: str, name: str, subject: str) -> None:
        found = self.streams[name].alive(self.clock.now()).get(subject) if name in self.streams else None
        if found is None:
            self._deliver(reply, "", {"Status": "404", "Description": "Message Not Found"}, b"")
        else:
            headers = {**found.headers, "Nats-Subject": subject, "Nats-Sequence": str(found.number)}
            self._deliver(reply, "", headers, found.data)

    def _call(self, words: list[str], asked: dict[str, Any]) -> dict[str, Any]:
        match words:
            case ["STREAM", "CREATE", name]:
                return self._create(name, asked)
            case ["STREAM", "INFO", name]:
                return self._info(self._find(name))
            case ["STREAM", "PURGE", name]:
                messages = self._find(name).messages
                if asked["filter"] in messages and messages[asked["filter"]].number < asked["seq"]:
                    del messages[asked["filter"]]
                return {"success": True, "purged": 1}
            case ["CONSUMER", "CREATE", name]:
                return self._consume(name, asked["config"])
            case ["CONSUMER", "INFO", name, consumer]:
                return self._consumer(name, consumer)
        raise Refused(400, 10003, "bad request")

    def _create(self, name: str, config: dict[str, Any]) -> dict[str, Any]:
        if self.refuses_buckets:
            self.refuses_buckets -= 1
            raise Refused(400, 10065, "subjects overlap with an existing stream")
        if name in self.streams and self.streams[name].config != config:
            raise Refused(400, 10058, "stream name already in use with a different configuration")
        created = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(seconds=self.clock.now())
        return self._info(self.streams.setdefault(name, Stream(config, created)))

    def _info(self, stream: Stream) -> dict[str, Any]:
        state = {"messages": len(stream.messages), "bytes": 0, "first_seq": 1, "last_seq": 1, "consumer_count": 0}
        created = stream.created.isoformat().replace("+00:00", ".123456789Z")
        return {"config": dict(stream.config), "state": state, "created": created}

    def _consume(self, name: str, config: dict[str, Any]) -> dict[str, Any]:
        stream, consumer = self._find(name), f"c{next(self._numbers)}"
        pattern, to = config["filter_subject"], config["deliver_subject"]
        found = [(subject, one) for subject, one in stream.alive(self.clock.now()).items() if matches(subject, pattern)]
        stream.consumers[consumer] = (to, len(found))
        # As with the real server, messages are sent only when the client listens: see `_consumer`.
        self._deliveries = [
            (f"$JS.ACK.{name}.{consumer}.1.{one.number}.{index}.0.{len(found) - index}", subject, one)
            for index, (subject, one) in enumerate(found, 1)
        ]
        return self._about(name, consumer, 0)

    def _consumer(self, name: str, consumer: str) -> dict[str, Any]:
        to, number = self.streams[name].consumers[consumer]
        for reply, subject, one in self._deliveries:
            self._deliver_as(to, subject, reply, one)
        return self._about(name, consumer, number)

    def _deliver_as(self, to: str, subject: str, reply: str, one: Stored) -> None:
        for connection, pattern, number in self.subscriptions:
            if pattern == to:
                head = write(one.headers) if one.headers else b""
                kind, lengths = ("HMSG", f"{len(head)} {len(head) + len(one.data)}") if head else ("MSG", len(one.data))
                line = f"{kind} {subject} {number} {reply} {lengths}\r\n".encode()
                connection.send(line + head + one.data + b"\r\n")

    def _about(self, name: str, consumer: str, delivered: int) -> dict[str, Any]:
        return {
            "name": consumer,
            "stream_name": name,
            "config": {},
            "created": "2026-12-01T00:00:00Z",
            "delivered": {"consumer_seq": delivered, "stream_seq": delivered},
            "num_pending": 0,
        }


def matches(subject: str, pattern: str) -> bool:
    """Returns whether a subject is one of those that a pattern with `*` and `>` names."""
    words, parts = subject.split("."), pattern.split(".")
    if parts[-1] == ">":
        words, parts = words[: len(parts) - 1], parts[:-1]
    return len(words) == len(parts) and all(part in ("*", word) for part, word in zip(parts, words, strict=True))


def parse(head: bytes) -> dict[str, str]:
    """Returns the headers of a message."""
    lines = head.decode().split("\r\n")[1:]
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}


def write(headers: dict[str, str]) -> bytes:
    """Returns the bytes of headers; a status stands in the first line."""
    status = headers.get("Status")
    first = f"NATS/1.0 {status}\r\n" if status else HEADERS.decode()
    return (first + "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name != "Status")).encode() + (
        b"\r\n"
    )
