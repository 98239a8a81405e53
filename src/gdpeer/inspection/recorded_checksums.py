"""Collects from a recording the checksums that its clients and its server sent for their nodes.

Layer: `inspection`; no I/O.
"""

from __future__ import annotations

from typing import NamedTuple

from gdpeer.inspection.decoding import Decoder
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.recording import Recording
from gdpeer.inspection.tunnel import Passed

__all__ = ["Seen", "seen_checksums"]

SERVER = 1


class Seen(NamedTuple):
    """A checksum that was sent for a node.

    Attributes:
        path: of the node.
        checksum: of its methods.
        senders: "server", "client", or both.
    """

    path: str
    checksum: str
    senders: tuple[str, ...]


def seen_checksums(recording: Recording) -> list[Seen]:
    """Returns the checksums of a recording, sorted by path. Only Godot 4 sends checksums."""
    decoders = {line: Decoder(recording.dialect, MethodNames()) for line in recording.peers()}
    for event in recording.events:
        if isinstance(event, Passed):
            decoders[event.line].decode(event.direction, event.message)
    senders: dict[tuple[str, str], set[str]] = {}
    for decoder in decoders.values():
        for (source, path), checksum in decoder.checksums.items():
            senders.setdefault((path, checksum), set()).add("server" if source == SERVER else "client")
    return [Seen(path, checksum, tuple(sorted(found))) for (path, checksum), found in sorted(senders.items())]
