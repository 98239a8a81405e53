"""A crowd of bots in one event loop, and what became of them: the inside of `gdpeer swarm`.

Layer: `inspection`.
"""

from __future__ import annotations

import asyncio
import inspect
import time
import traceback
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from gdpeer import GdpeerError, SceneTree, TLSOptions, WebSocketMultiplayerPeer
from gdpeer.aio import multiplayer_client
from gdpeer.inspection.durations import Durations
from gdpeer.inspection.scripts import load_script

__all__ = ["Outcome", "Script", "ScriptError", "Swarm", "Target"]

Play: TypeAlias = "Awaitable[object] | AsyncGenerator[float, None]"
"""What a bot does: a coroutine, or a generator of the seconds that it measured."""

PING_INTERVAL = 1.0


class ScriptError(Exception):
    """The script cannot be used; the text says why."""


class Script:
    """The bots' script: `async def bot(tree)`, or a class `Bot` with `async def run(self)`.

    Args:
        path: of the file.

    Raises:
        ScriptError: it cannot be read, fails, or has neither.
    """

    def __init__(self, path: Path) -> None:
        module = _load(path)
        made = getattr(module, "bot", None) or getattr(module, "Bot", None)
        if not callable(made):
            raise ScriptError(f"{path} has neither a function bot nor a class Bot")
        if isinstance(made, type) and not callable(getattr(made, "run", None)):
            raise ScriptError(f"the class Bot of {path} has no method run")
        self._path = path
        self._made: Callable[..., Any] = made
        parameters = inspect.signature(made).parameters.values()
        self._takes = sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters)

    def begin(self, tree: SceneTree, index: int) -> Play:
        """What one bot does; a class builds its nodes at once.

        Raises:
            ScriptError: it is a function without `async`.
        """
        found = self._made(*(tree, index)[: self._takes])
        play = found.run() if isinstance(self._made, type) else found
        if not isinstance(play, Awaitable | AsyncGenerator):
            name = "Bot.run" if isinstance(self._made, type) else "bot"
            raise ScriptError(f"{name} of {self._path} must be a coroutine: write async def")
        return play


def _load(path: Path) -> ModuleType:
    try:
        return load_script(path)
    except ImportError as error:
        raise ScriptError(str(error) if error.name is None else f"{path} fails: {error}") from error
    except Exception as error:
        raise ScriptError(f"{path} fails: {type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class Target:
    """Where the bots go.

    Attributes:
        url: the server's.
        dialect: "godot4" or "godot3".
        tls: for `wss`.
        protocols: sub-protocols to offer.
    """

    url: str
    dialect: str = "godot4"
    tls: TLSOptions | None = None
    protocols: tuple[str, ...] = ()

    def settings(self) -> dict[str, Any]:
        """Of its peer."""
        return {
            "dialects": (self.dialect,),
            "supported_protocols": self.protocols,
            "heartbeat_interval": PING_INTERVAL,
            "handshake_timeout": 30.0,
        }


@dataclass
class Outcome:
    """What became of the bots so far; those of several processes can be added.

    Attributes:
        begun, joined, done: how many.
        errors: how many failed, by cause.
        joins: the seconds that it took to join.
        trips: those of the round trips.
        measured: whether the trips are the script's own; else they are the WebSocket's pings.
    """

    begun: int = 0
    joined: int = 0
    done: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    joins: Durations = field(default_factory=Durations)
    trips: Durations = field(default_factory=Durations)
    measured: bool = False

    def merge(self, other: Outcome) -> None:
        """Those of another process as well."""
        self.begun += other.begun
        self.joined += other.joined
        self.done += other.done
        self.errors.update(other.errors)
        self.joins.merge(other.joins)
        self.trips.merge(other.trips)
        self.measured = self.measured or other.measured

    def to_json(self) -> dict[str, Any]:
        """For another process."""
        counts = {"begun": self.begun, "joined": self.joined, "done": self.done, "measured": self.measured}
        return {**counts, "errors": self.errors, "joins": self.joins.counts(), "trips": self.trips.counts()}

    @classmethod
    def of_json(cls, found: dict[str, Any]) -> Outcome:
        """What `to_json` of another process gave."""
        spread = {"joins": Durations(found["joins"]), "trips": Durations(found["trips"])}
        return cls(**{**found, **spread, "errors": Counter(found["errors"])})


class Swarm:
    """Bots that come one after another, play, and leave.

    Args:
        script: what each does.
        target: where.
        first: the number of the first one.

    Attributes:
        outcome: what became of them, always up to date.
    """

    def __init__(self, script: Script, target: Target, first: int = 0) -> None:
        self.outcome = Outcome()
        self._script = script
        self._target = target
        self._first = first

    async def run(self, clients: int, ramp: float) -> None:
        """Let so many come within `ramp` seconds, and wait until all have left; cancelled, they leave at once.

        Raises:
            ScriptError: the bot is none.
        """
        began = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                for index in range(clients):
                    delay = began + ramp * index / clients - time.monotonic()
                    await asyncio.sleep(max(0.0, delay))
                    self.outcome.begun += 1
                    group.create_task(self._live(self._first + index))
        except* ScriptError as errors:
            problem = errors
        else:
            return
        raise _first_of(problem)

    async def _live(self, index: int) -> None:
        try:
            await self._join(index)
            self.outcome.done += 1
        except ScriptError:
            raise
        except GdpeerError as error:
            self.outcome.errors[_cause_of(error)] += 1
        except Exception as error:
            self._note_failure(error)

    def _note_failure(self, error: Exception) -> None:
        """A bot raised: the first error of each kind is shown on standard error, whole."""
        kind = f"the bot raised {type(error).__name__}"
        if not self.outcome.errors[kind]:
            traceback.print_exception(error)
        self.outcome.errors[kind] += 1

    async def _join(self, index: int) -> None:
        """One life: the script begins before the connection, so that it has its nodes when the first call comes."""
        tree = SceneTree()
        play = asyncio.ensure_future(self._play(self._script.begin(tree, index)))
        try:
            await asyncio.sleep(0)
            began = time.perf_counter()
            async with multiplayer_client(tree, self._target.url, self._target.tls, **self._target.settings()) as peer:
                self.outcome.joined += 1
                self.outcome.joins.add(time.perf_counter() - began)
                await self._stay(tree, peer, play)
        except GdpeerError:
            if play.done() and not play.cancelled():
                play.result()  # it raised before the connection was there: that is what is wrong
            raise
        finally:
            await self._end(play)

    async def _end(self, play: asyncio.Future[None]) -> None:
        """Have the bot clean up. Done already, it was asked for its result: to ask again would cut the traceback."""
        if play.done():
            return
        play.cancel()
        try:
            await play
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self._note_failure(error)

    async def _stay(self, tree: SceneTree, peer: WebSocketMultiplayerPeer, play: asyncio.Future[None]) -> None:
        gone = asyncio.ensure_future(_wait_for(tree.multiplayer.server_disconnected))
        try:
            while not (play.done() or gone.done()):
                await asyncio.wait((play, gone), timeout=PING_INTERVAL, return_when=asyncio.FIRST_COMPLETED)
                self._note_ping(peer)
        finally:
            gone.cancel()
        if play.done():
            play.result()
        else:
            cause = peer.get_close_cause()
            raise GdpeerError(f"lost the server: {cause}", cause.cause)

    def _note_ping(self, peer: WebSocketMultiplayerPeer) -> None:
        server = None if self.outcome.measured else peer.get_peer(1)
        if server is not None and server.get_latency() >= 0:
            self.outcome.trips.add(server.get_latency())

    async def _play(self, play: Play) -> None:
        if not isinstance(play, AsyncGenerator):
            await play
            return
        if not self.outcome.measured:
            self.outcome.measured = True
            self.outcome.trips = Durations()
        async for seconds in play:
            self.outcome.trips.add(seconds)


def _cause_of(error: GdpeerError) -> str:
    status = getattr(error, "status", 0)
    what = f"{error.cause.value} {status}" if status else error.cause.value
    return f"{what}: {error.detail}" if error.detail else what


def _first_of(errors: BaseExceptionGroup[ScriptError]) -> ScriptError:
    """One of a group."""
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, ScriptError)
    return found


async def _wait_for(signal: Awaitable[object]) -> None:
    await signal
