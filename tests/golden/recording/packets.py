"""Describes the packets of both engines in words. It does not use gdpeer's decoders, which the vectors test."""

from __future__ import annotations

import struct


def text_of(data: bytes) -> str:
    """Returns the text before the first zero byte."""
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


def describe_close(payload: bytes) -> str:
    if len(payload) < 2:
        return "close frame"
    [code] = struct.unpack_from(">H", payload)
    return f"close frame code {code} reason {payload[2:].decode('utf-8', 'replace')!r}"


# -- Godot 4 ----------------------------------------------------------------------------------------------------------


def describe4(data: bytes, is_first: bool = False) -> str:
    """Describes a packet of Godot 4; `is_first` for the first message of a server."""
    if is_first and len(data) == 4:
        return f"peer id {struct.unpack('<i', data)[0]} (first message from the server)"
    match data[0] & 7:
        case 0:
            return _call4(data)
        case 1:
            [number] = struct.unpack_from("<I", data, 34)
            return f"SIMPLIFY_PATH {text_of(data[38:])!r} as id {number}, methods md5 {text_of(data[1:34])}"
        case 2:
            return f"CONFIRM_PATH id {struct.unpack_from('<I', data, 2)[0]}, methods match {data[1]}"
        case 3:
            return f"RAW, {len(data) - 1} bytes"
        case 4:
            return _spawn(data)
        case 5:
            return f"DESPAWN net {struct.unpack_from('<I', data, 1)[0]}"
        case 6:
            return _sync(data)
        case _:
            return _system4(data)


def _call4(data: bytes) -> str:
    size = (1, 2, 4)[data[0] >> 4 & 3]
    node = int.from_bytes(data[1 : 1 + size], "little")
    path = f"in full {text_of(data[node & 0x7FFFFFFF :])!r}" if node & 0x80000000 else str(node)
    method = int.from_bytes(data[1 + size : 2 + size + (data[0] >> 6 & 1)], "little")
    raw = ", bytes only" if data[0] & 0x80 else ""
    return f"RPC, header 0x{data[0]:02x}, node id {path}, method {method}{raw}"


def _system4(data: bytes) -> str:
    if data[1] == 0:
        return f"SYS AUTH, {len(data) - 2} bytes{'' if data[2:] else ' (authentication complete)'}"
    name = {1: "ADD_PEER", 2: "DEL_PEER", 3: "RELAY"}.get(data[1], data[1])
    inner = f" [{describe4(data[6:])}]" if data[1] == 3 else ""
    return f"SYS {name} peer {struct.unpack_from('<i', data, 2)[0]}{inner}"


def _spawn(data: bytes) -> str:
    scene, spawner, net, syncs, length = struct.unpack_from("<BIIII", data, 1)
    ids = list(struct.unpack_from(f"<{syncs}I", data, 18))
    at = 18 + 4 * syncs
    name, at = text_of(data[at : at + length]), at + length
    kind, argument = f"scene {scene}", ""
    if scene == 255:
        [size] = struct.unpack_from("<I", data, at)
        at += 4 + size
        kind, argument = "custom", f", argument of {size} bytes"
    what = f"SPAWN {kind}, spawner {spawner}, net {net}, syncs {ids}, name {name!r}"
    return f"{what}{argument}, state of {len(data) - at} bytes"


def _sync(data: bytes) -> str:
    if data[0] & 16:
        return f"SYNC delta: {'; '.join(_elements(data, 1, 16))}"
    return f"SYNC {struct.unpack_from('<H', data, 1)[0]}: {'; '.join(_elements(data, 3, 8))}"


def _elements(data: bytes, at: int, head: int) -> list[str]:
    """Describes the synchronizers of a SYNC packet; `head` bytes stand before the state of each."""
    found = []
    while at + head <= len(data):
        [sync] = struct.unpack_from("<I", data, at)
        mask = f" mask {struct.unpack_from('<Q', data, at + 4)[0]:#x}" if head == 16 else ""
        [size] = struct.unpack_from("<I", data, at + head - 4)
        at += head + size
        name = f"path-based {sync & 0x7FFFFFFF}" if sync >> 31 else f"net {sync}"
        found.append(f"{name}{mask}, {size} bytes")
    return found


def state_of_sync(data: bytes) -> bytes | None:
    """Returns a SYNC packet without its counter, to find repetitions; None for other packets."""
    head = b""
    if data[:2] == b"\x07\x03":
        head, data = data[:6], data[6:]
    return head + data[:1] + data[3:] if data[:1] == b"\x06" else None


# -- Godot 3 ----------------------------------------------------------------------------------------------------------


def describe3(data: bytes, is_first: bool = False) -> str:
    """Describes a packet of Godot 3."""
    if len(data) < 10:
        return "short packet"
    source, target = struct.unpack_from("<ii", data, 1)
    if data[0] == 0:
        names = {0: "remote call", 1: "remote set", 2: "simplify path", 3: "confirm path", 4: "raw"}
        return f"data from {source} to {target}: {names.get(data[9] & 7, '?')}, header 0x{data[9]:02x}"
    name = {1: "add peer", 2: "del peer", 3: "id"}.get(data[0], data[0])
    return f"system {name}: from {source} to {target}, peer {struct.unpack_from('<i', data, 9)[0]}"
