"""Finds public names and members that no page of the reference describes.

The pages are made from the source. This check looks at the imported package instead, so that it finds names that the
reader of the source missed. A name is described if it has a heading, or a line of a table below its class's heading.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["MODULES", "described", "is_inner", "undescribed"]

MODULES = (
    "gdpeer",
    "gdpeer.aio",
    "gdpeer.blocking",
    "gdpeer.contract",
    "gdpeer.http",
    "gdpeer.godot3",
    "gdpeer.prometheus",
    "gdpeer.rooms",
)
"""The modules whose `__all__` lists the public names."""

TOLD = frozenset({"__version__", "COMPILED"})
"""Names that need no description."""
INNER = frozenset(
    (
        *("assign", "begin", "call", "can_wait", "count_lost", "count_refusal", "count_replication", "find"),
        *("mismatch", "of", "of_words", "owns", "path_of", "refuse", "refuse_packet", "send_binary", "take"),
        *("transmit", "transmit_block", "transmit_target", "transmit_whole"),
        # Of multiplayer APIs and their peers, for each other.
        *(
            "admitted",
            "away",
            "give_up",
            "has_news",
            "keeper",
            "lost_packets",
            "packets",
            "put",
            "resumption",
            "run_result",
            "time_left",
            "was_counted",
        ),
        # Of peers, clients and servers, for each other, the fronts and the tools.
        *(
            "be_server",
            "begin_to_leave",
            "detach",
            "get_request",
            "is_answered",
            "is_over",
            "is_paused",
            "keep_request",
            "listen_at",
            "log_limit_of",
        ),
        *(
            "make_way",
            "max_body_size",
            "of_server",
            "open_port",
            "poll_turn",
            "poller",
            "refusals_at",
            "refusals_of",
            "release",
        ),
        *(
            "send_past_limit",
            "serve_session",
            "serves",
            "take_over",
            "take_request",
            "emit_drained",
            "use_placer",
            "use_protocols",
            "use_settings",
        ),
        *("use_tasks", "was_open", "watch"),
        # Of spawners, synchronizers and their configurations, for each other.
        *(
            "call_again",
            "check_receivers",
            "child_entered",
            "configuration_changed",
            "derived",
            "entries",
            "find_scene",
        ),
        *(
            "forget",
            "get_spawn_node",
            "has_filters",
            "has_spawned",
            "hidden",
            "instantiate",
            "is_full",
            "lists",
            "node_of",
        ),
        *("note", "paths", "renew", "renews", "shown"),
        *("receive", "replicator", "scenes", "slow_among", "told_again", "users", "waiting", "when_settled"),
        # Of halls, rooms and their lobby, for each other.
        *("attempts", "base_for", "check_code", "check_first_use", "check_free", "check_room", "check_seat"),
        *("forget_room", "keep_request", "life_of", "lobby_life", "miss_code", "miss_seat", "note_news", "note_turn"),
        *("openings", "player_of", "use_keys", "SeatKeys.secrets", "SeatKeys.signing"),
        *("run_soon", "is_named", "stop_timer", "take_quick", "Place.connection", "Place.digest", "Place.expires"),
        *("Place.is_authenticated", "Place.is_replaced", "Place.is_takeover", "Place.timer", "Place.why"),
        # Of connections, for the rest of their front.
        *("on_end", "on_packet", "wait_open"),
    )
)
"""Members without an underscore by which parts of gdpeer talk to each other; no program needs them. A name with a class
before it is inner in this class only."""
OUTER = frozenset({"Hall.find", "Lobby.find"})
"""Members for programs whose name is inner elsewhere."""

HEADING = re.compile(r"^##+ `(?P<name>[\w.]+)(?:\(\))?`$")
ROW = re.compile(r"^\| (?P<names>(?:`[^`]+`|<br>|, )+) \|")


def described(folder: Path) -> set[str]:
    """Returns the names and members that the pages of a folder describe, with their modules."""
    return {name for page in folder.glob("*.md") for name in _described(page.read_text(encoding="utf-8"))}


def _described(page: str) -> Iterator[str]:
    owner = module = ""
    for line in page.splitlines():
        heading, row = HEADING.match(line), ROW.match(line)
        if heading and line.startswith("## "):
            owner = f"gdpeer.{heading['name']}"
            module = owner.rpartition(".")[0]
            yield owner
        elif heading:
            yield f"{module}.{heading['name']}"
        elif row and owner:
            yield from (f"{owner}.{name}" for name in re.findall(r"`(?:\w+\.)?(\w+)", row["names"]))


def undescribed(entries: Collection[str]) -> list[str]:
    """Returns public names and members without a description, in alphabetical order.

    Args:
        entries: all names that the pages describe, with their modules.
    """
    return sorted(set(_undescribed(frozenset(entries))))


def _undescribed(entries: frozenset[str]) -> Iterator[str]:
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            value = getattr(module, name)
            if name in TOLD or inspect.ismodule(value) or isinstance(value, enum.Enum):
                continue  # the members of Error are public names themselves
            full = f"{module_name}.{name}"
            if full not in entries:
                yield full
            elif inspect.isclass(value) and not issubclass(value, enum.Enum):
                yield from (f"{full}.{member}" for member in _members(value) if not _is_told(value, member, entries))


def _members(kind: type) -> set[str]:
    """Returns the public members that gdpeer adds to a class and its objects, without constants of enumerations."""
    found = {
        name
        for base in kind.__mro__
        if base.__module__.startswith("gdpeer")
        for name, value in vars(base).items()
        if not name.startswith("_") and not name.isupper() and not inspect.isclass(value)
    }
    # The members of a list, a dict or an array do the same here as in Python.
    found -= {name for base in kind.__mro__ if base.__module__ in ("builtins", "array") for name in vars(base)}
    with suppress(Exception):  # some classes cannot be made without arguments
        made: Any = kind()
        found |= {name for name in getattr(made, "__dict__", {}) if not name.startswith("_")}
    return {name for name in found if not is_inner(kind.__name__, name)}


def is_inner(owner: str, member: str) -> bool:
    """Returns whether no program needs a member of a class."""
    full = f"{owner}.{member}"
    return full in INNER or (member in INNER and full not in OUTER)


def _is_told(kind: type, member: str, entries: frozenset[str]) -> bool:
    return any(
        f"{module}.{base.__name__}.{member}" in entries
        for base in kind.__mro__
        for module in (*MODULES, base.__module__)
    )
