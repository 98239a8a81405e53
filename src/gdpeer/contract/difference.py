"""`Difference`: one thing in which two contracts differ, or that is wrong in one of them.

Layer: `contract`; pure.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CODES", "Difference"]

CODES = {
    "missing-method": "only one side has the method; in Godot 4 the numbers of the methods behind it differ",
    "renamed-method": "the method seems to have another name on the other side",
    "missing-class": "no class of the other side stands for this class",
    "missing-node": "the other side has no such node, or the node has no methods there",
    "mode": "who may call the method differs",
    "arguments": "no number of arguments fits both sides",
    "argument-type": "one side refuses the type of argument that the other side sends",
    "typed-container": "the game refuses the untyped array or dictionary that Python sends",
    "object-argument": "objects, callables, signals and RIDs arrive as an id, or empty",
    "call-local": "whether a call to all also runs on the caller differs",
    "transfer": "the transfer mode differs, which has no effect over WebSocket",
    "channel": "the channel differs, which has no effect over WebSocket",
    "by-code": "rpc_config with an unknown name or mode, or for a method with @rpc",
    "same-sum": "the checksums are equal although the names differ",
    "parse": "the engine does not load the script, so its nodes have no methods",
    "cycle": "scripts or scenes contain each other",
    "unknown-base": "the base class is unknown",
    "unreadable": "the file, or an annotation, cannot be read",
    "unknown-nodes": "the nodes of the scene cannot be known",
    "duplicate-node": "two nodes of a scene have the same path",
    "missing-parent": "a node's parent is not in the scene",
    "limit": "more than the reader takes",
    "model": "the nodes of an imported model cannot be known",
    "unknown-rpc": "an argument of @rpc has a value that only the engine knows",
    "unsure": "read from C#, which may differ from what the engine does",
}
"""All codes, and what they mean."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between two contracts.

    Attributes:
        code: one of `CODES`.
        level: "error" if calls fail, else "warning".
        file: on the disk, as `game/player.gd`; "" if unknown.
        line: 0 if unknown.
        subject: the path of a node, else the id of a class; "" for a problem of a file.
        method: the name of the method; "" if the difference is not of one method.
        text: one sentence.
        hint: what follows from the difference, or how to end it; "" without.
        more: further subjects with the same method, as classes that inherit it.
    """

    code: str
    level: str
    file: str
    line: int
    subject: str
    method: str
    text: str
    hint: str = ""
    more: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = ":".join(part for part in (self.file, str(self.line or "")) if part)
        subject = f"{self.subject}: " if self.subject else ""
        return f"{f'{place}: ' if place else ''}{self.level}: {self.code}: {subject}{self.text}"
