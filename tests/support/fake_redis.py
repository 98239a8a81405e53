"""`FakeRedis`: as much of Redis as `gdpeer.cluster.broker.redis` uses. It knows the three scripts by their texts."""

from __future__ import annotations

import re
from typing import Any

from gdpeer.cluster.broker.redis import DELETE, READ, WRITE
from tests.support.fake_server import FakeConnection, FakeServer


class Refused(Exception):
    """An error that the client is told."""


class FakeRedis(FakeServer):
    """Redis in a thread.

    Attributes:
        hashes: entries by key: value, revision, and the time at which the entry ends.
        subscribers: the connections that listen, by channel.
        version: that INFO tells; "": INFO is refused.
        refuses: the error that each script gets; "": none.
    """

    scheme = "redis"

    def __init__(self) -> None:
        super().__init__()
        self.hashes: dict[bytes, tuple[bytes, bytes, float]] = {}
        self.counters: dict[bytes, int] = {}
        self.subscribers: dict[bytes, list[FakeConnection]] = {}
        self.version = "7.0.15"
        self.refuses = ""

    def clear(self) -> None:
        self.hashes.clear()
        self.counters.clear()
        self.clock.advance(1.0)

    def gone(self, connection: FakeConnection) -> None:
        for listeners in self.subscribers.values():
            if connection in listeners:
                listeners.remove(connection)

    def serve(self, connection: FakeConnection) -> None:
        while True:
            words = self._read(connection)
            with self.lock:
                try:
                    answer = self._run(connection, words[0].decode().upper(), words[1:])
                except Refused as problem:
                    answer = b"-%b\r\n" % str(problem).encode()
                connection.send(answer)

    def _read(self, connection: FakeConnection) -> list[bytes]:
        line = connection.reader.readline()
        if not line:
            raise EOFError
        words = []
        for _ in range(int(line[1:])):
            length = int(connection.reader.readline()[1:])
            words.append(connection.reader.read(length + 2)[:-2])
        return words

    def _run(self, connection: FakeConnection, verb: str, words: list[bytes]) -> bytes:
        match verb:
            case "PING":
                is_listening = any(connection in listeners for listeners in self.subscribers.values())
                return encode([b"pong", b""]) if is_listening else b"+PONG\r\n"
            case "INFO":
                if not self.version:
                    raise Refused("NOPERM this user has no permissions to run the 'info' command")
                return encode(f"redis_version:{self.version}\r\n".encode())
            case "CLIENT" | "SELECT":
                return b"+OK\r\n"
            case "SCAN":
                return self._scan(int(words[0]), words[2])
            case "EVAL":
                return self._eval(words[0].decode(), words[2 : 2 + int(words[1])], words[2 + int(words[1]) :])
            case "PUBLISH":
                listeners = self.subscribers.get(words[0], [])
                for listener in listeners:
                    listener.send(encode([b"message", words[0], words[1]]))
                return encode(len(listeners))
            case "SUBSCRIBE" | "UNSUBSCRIBE":
                return self._listen(connection, verb, words)
        raise Refused(f"ERR unknown command '{verb}'")

    def _listen(self, connection: FakeConnection, verb: str, channels: list[bytes]) -> bytes:
        for channel in channels:
            listeners = self.subscribers.setdefault(channel, [])
            if connection in listeners:
                listeners.remove(connection)
            if verb == "SUBSCRIBE":
                listeners.append(connection)
        return b"".join(encode([verb.lower().encode(), channel, 1]) for channel in channels)

    def _scan(self, cursor: int, pattern: bytes) -> bytes:
        # Two pages, of which the second names a key again.
        keys = sorted(key for key in self.hashes if self._alive(key) and matches(key, pattern))
        half = len(keys) // 2
        page = keys[max(0, half - 1) :] if cursor else keys[:half]
        return encode([b"0" if cursor else b"17", page])

    def _alive(self, key: bytes) -> bool:
        return key in self.hashes and self.hashes[key][2] > self.clock.now()

    def _eval(self, script: str, keys: list[bytes], words: list[bytes]) -> bytes:
        if self.refuses:
            raise Refused(self.refuses)
        key = keys[0]
        revision = self.hashes[key][1] if self._alive(key) else b""
        if script == READ:
            return encode([part for key in keys for part in self._parts(key, int(words[0]))])
        if script == DELETE:
            if words[0] not in (b"", revision):
                return b"$-1\r\n"
            self.hashes.pop(key, None)
            return encode(b"done")
        assert script == WRITE
        if revision != words[1]:
            return b"$-1\r\n"
        now = int(self.clock.now() * 1_000_000)
        number = self.counters[keys[1]] = max(now, self.counters.get(keys[1], 0) + 1)
        ends = self.clock.now() + int(words[2]) / 1000 if int(words[2]) else float("inf")
        self.hashes[key] = (words[0], b"%d" % number, ends)
        return encode(b"%d" % number)

    def _parts(self, key: bytes, most: int) -> list[Any]:
        if not self._alive(key):
            return [b"", -1, b""]
        value, revision, _ = self.hashes[key]
        return [revision, len(value), value if len(value) <= most else b""]


def matches(key: bytes, pattern: bytes) -> bool:
    """Returns whether a key begins as a pattern of SCAN says: literal characters, some after backslashes, and `*`."""
    return key.startswith(re.sub(rb"\\(.)", rb"\1", pattern[:-1], flags=re.DOTALL))


def encode(value: Any) -> bytes:
    """Returns a value in the form of Redis' answers."""
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, bytes):
        return b"$%d\r\n%b\r\n" % (len(value), value)
    return b"*%d\r\n%b" % (len(value), b"".join(map(encode, value)))
