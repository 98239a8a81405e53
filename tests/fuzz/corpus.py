"""The cases that fuzzing begins with and that every other form replays.

Well-formed ones are made here, from what engines wrote where there is such. Those that a fuzzer found are files below
tests/trust/corpus, named by the hash of what they hold.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

from gdpeer.protocol.deflate import Deflater
from tests.fuzz.targets import ACCEPT_OF_ZEROS
from tests.property.streams import encode
from tests.support.missing import ROOT
from tests.unit.protocol.support import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload

FOLDER = ROOT / "tests" / "trust" / "corpus"
GOLDEN = ROOT / "tests" / "golden"

REQUEST = (
    b"GET /a?b HTTP/1.1\r\nHost: game.example\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
RESPONSE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
OFFER = b"permessage-deflate; client_max_window_bits; server_max_window_bits=10"


def stored(name: str) -> list[bytes]:
    """What was found for a target."""
    return [path.read_bytes() for path in sorted((FOLDER / name).iterdir())] if (FOLDER / name).is_dir() else []


def cases(name: str) -> list[bytes]:
    """All cases of a target."""
    return [*SEEDS[name](), *stored(name)]


def name_of(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()[:16]


def write_all(folder: Path, found: list[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for data in found:
        (folder / name_of(data)).write_bytes(data)


def frames() -> list[bytes]:
    """A session of every kind of frame, for both roles, whole and in pieces."""
    sessions = []
    for how, key in ((0, bytes(4)), (0, b"\1\2\3\4"), (1, b"")):
        stream = b"".join(
            encode(first, payload, key)
            for first, payload in (
                (0x80 | TEXT, "Zoë 🙂".encode()),
                (BINARY, b"ab"),
                (0x80 | PING, b"?"),
                (CONTINUATION, b""),
                (0x80 | CONTINUATION, bytes(300)),
                (0x80 | PONG, b"!"),
                (0x80 | CLOSE, close_payload(1000, b"bye")),
            )
        )
        sessions += [bytes([how, step]) + stream for step in (0, 1, 7)]
    return sessions


def deflate() -> list[bytes]:
    """The same compressed, and the payload of one message with a final block."""
    deflater = Deflater(15)
    one, other = deflater.compress(b"abc" * 50), deflater.compress(b"abc" * 70)
    streams = [
        bytes([how, 0]) + encode(0x40 | BINARY, one, key) + encode(0x80, b"", key) + encode(0xC1, other, key)
        for how, key in ((0, bytes(4)), (2, b""), (0x74, bytes(4)), (0xFE, b""))
    ]
    return [*streams, bytes([1, 0]) + one + other, bytes([3, 5]) + b"\x03\x00" * 8, b"\x0d\0" + one[:-4] + b"\x03\0"]


def requests() -> list[bytes]:
    plain = REQUEST + b"\r\n\x81\x80\0\0\0\0"
    rich = (
        b"Origin: https://game.example\r\nSec-WebSocket-Protocol: x, b\r\nSec-WebSocket-Extensions: " + OFFER + b"\r\n"
    )
    page = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    sized = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"
    return [
        *(bytes([how, step]) + plain for how in (0, 2) for step in (0, 9)),
        *(bytes([how, 0]) + REQUEST + rich + b"\r\n" for how in range(8)),
        *(bytes([0, step]) + body for step in (0, 5) for body in (page, sized)),
    ]


def responses() -> list[bytes]:
    plain = RESPONSE + ACCEPT_OF_ZEROS + b"\r\n"
    refusal = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nno\n"
    rich = b"Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9\r\n"
    return [
        *(bytes([how, 0]) + plain + b"\r\n\x81\0" for how in (0, 2)),
        b"\0\7" + plain + b"\r\n",
        *(bytes([how, 0]) + plain + rich + b"\r\n" for how in range(8)),
        *(bytes([0, step]) + refusal for step in (0, 5)),
    ]


def extensions() -> list[bytes]:
    values = (OFFER, b"permessage-deflate; server_no_context_takeover", b'x; y="a\\"b", ' + OFFER, b"a, b;c=1 ; d")
    return [bytes([how]) + value for value in values for how in (0xFC, 0xFF, 0)]


def variants(engine: int) -> list[bytes]:
    """The values that the engine wrote, alone and together, and the arguments of a call."""
    read = json.loads((GOLDEN / f"variant_godot{engine}.json").read_text())["values"]
    hexes = {value[key] for value in read for key in ("hex", "hex_with_objects") if key in value}
    values = sorted((bytes.fromhex(text) for text in hexes), key=lambda data: (len(data), data))
    small = values[:40]
    array = struct.pack("<II", 28 if engine == 4 else 19, len(small)) + b"".join(small)
    calls = [bytes([2 | len(small[:5]) << 2]) + b"".join(small[:5]), b"\x0e\x81\x02\x07\x42\x07\x01"]
    return [*(b"\1" + value for value in values if len(value) < 4000), b"\0" + array, *calls]


def replication() -> list[bytes]:
    """What engines sent, each kind of packet in each size once."""
    lines = (GOLDEN / "replication_godot4.jsonl").read_text().splitlines()
    packets = (bytes.fromhex(message["hex"]) for message in map(json.loads, lines) if message["op"] == 2)
    return list(
        {(data[0], len(data)): data for data in packets if data[0] & 7 in (4, 5, 6) and len(data) < 4000}.values()
    )


SEEDS = {
    "frames": frames,
    "request": requests,
    "response": responses,
    "extensions": extensions,
    "deflate": deflate,
    "variant4": lambda: variants(4),
    "variant3": lambda: variants(3),
    "replication": replication,
}
