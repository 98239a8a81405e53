"""Runs bots against a server in one event loop, and measures them. `cli/swarm.py` is the command, over processes.

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
from gdpeer.contract.python_files import load_script
from gdpeer.inspection.durations import Durations

__all__ = ["Outcome", "Script", "ScriptError", "Swarm", "Target"]

Play: TypeAlias = "Awaitable[object] | AsyncGenerator[float, None]"
"""A bot's coroutine, or an asynchronous generator that yields durations in seconds, which the bot measured."""

PING_INTERVAL = 1.0
"""Seconds between two pings of a bot."""


class ScriptError(Exception):
    """The script cannot be used; the message says why."""


class Script:
    """The user's script with the bots: `async def bot(tree)`, or a class `Bot` with `async def run(self)`.

    Args:
        path: of the file, which is run at once.

    Raises:
        ScriptError: the file cannot be read, raises an exception, or has neither.
    """

    def __init__(self, path: Path) -> None:
        module = _load(path)
        made = getattr(module, "bot", None) or getattr(module, "Bot", None)
        if not callable(made):
            raise ScriptError(f"{path} has no function bot and no class Bot")
        if isinstance(made, type) and not callable(getattr(made, "run", None)):
            raise ScriptError(f"the class Bot of {path} has no method run")
        self._path = path
        self._made: Callable[..., Any] = made
        parameters = inspect.signature(made).parameters.values()
        self._takes = sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters)

    def begin(self, tree: SceneTree, index: int) -> Play:
        """Returns what one bot does, ready to run. The nodes of a class `Bot` are built before this returns.

        Args:
            tree: the bot's own.
            index: the bot's number; passed on if the script takes two arguments.

        Raises:
            ScriptError: `bot` or `Bot.run` is not asynchronous.
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
        # Without a name the error is that of `load_script`, which names the file.
        raise ScriptError(str(error) if error.name is None else f"{path} fails: {error}") from error
    except Exception as error:
        raise ScriptError(f"{path} fails: {type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class Target:
    """The server that the bots connect to.

    Attributes:
        url: of the server.
        dialect: "godot4" or "godot3".
        tls: for `wss`; None trusts the machine's certificate authorities.
        protocols: sub-protocols to offer.
    """

    url: str
    dialect: str = "godot4"
    tls: TLSOptions | None = None
    protocols: tuple[str, ...] = ()

    def settings(self) -> dict[str, Any]:
        """Returns the settings of each bot's `WebSocketMultiplayerPeer`."""
        return {
            "dialects": (self.dialect,),
            "supported_protocols": self.protocols,
            "heartbeat_interval": PING_INTERVAL,
            "handshake_timeout": 30.0,  # a server that many bots join at once answers late
        }


@dataclass
class Outcome:
    """The results of the bots so far. The outcomes of several processes can be merged.

    Attributes:
        begun, joined, done: numbers of bots that began to connect, that joined, and that ended without an error.
        errors: number of failed bots, by cause.
        joins: how long it took to join.
        trips: the round trips.
        measured: whether `trips` are durations that the script yielded; else they are times of WebSocket pings.
    """

    begun: int = 0
    joined: int = 0
    done: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    joins: Durations = field(default_factory=Durations)
    trips: Durations = field(default_factory=Durations)
    measured: bool = False

    def merge(self, other: Outcome) -> None:
        """Adds the outcome of another process."""
        self.begun += other.begun
        self.joined += other.joined
        self.done += other.done
        self.errors.update(other.errors)
        self.joins.merge(other.joins)
        self.trips.merge(other.trips)
        self.measured = self.measured or other.measured

    def to_json(self) -> dict[str, Any]:
        """Returns the outcome as a dictionary for JSON, to send it to another process."""
        counts = {"begun": self.begun, "joined": self.joined, "done": self.done, "measured": self.measured}
        return {**counts, "errors": self.errors, "joins": self.joins.counts(), "trips": self.trips.counts()}

    @classmethod
    def of_json(cls, found: dict[str, Any]) -> Outcome:
        """Returns the outcome that `to_json` wrote in another process."""
        spread = {"joins": Durations(found["joins"]), "trips": Durations(found["trips"])}
        return cls(**{**found, **spread, "errors": Counter(found["errors"])})


class Swarm:
    """Bots of one process: they connect one after another, run the script, and leave.

    Args:
        script: the script that each bot runs.
        target: the server.
        first: number of the first bot; processes of one swarm number their bots without overlap.

    Attributes:
        outcome: the results, always up to date.
    """

    def __init__(self, script: Script, target: Target, first: int = 0) -> None:
        self.outcome = Outcome()
        self._script = script
        self._target = target
        self._first = first

    async def run(self, clients: int, ramp: float) -> None:
        """Runs the bots and returns when all have left. When this is cancelled, they leave at once.

        Args:
            clients: number of bots.
            ramp: seconds over which they connect, evenly spread.

        Raises:
            ScriptError: `bot` or `Bot.run` is not asynchronous.
        """
        began = time.monotonic()
        problem: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for index in range(clients):
                    delay = began + ramp * index / clients - time.monotonic()
                    await asyncio.sleep(max(0.0, delay))  # even 0 lets the bots that have begun go on
                    self.outcome.begun += 1
                    group.create_task(self._live(self._first + index))
        # Every bot fails alike with a ScriptError, so it ends the whole swarm, and one of the errors is enough.
        except* ScriptError as errors:
            problem = errors.exceptions[0]
        if problem is not None:  # not within the handler, which would put the error into a group
            raise problem

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
        """Counts an exception of a bot. The first one of each type is printed with its traceback."""
        kind = f"the bot raised {type(error).__name__}"
        if not self.outcome.errors[kind]:
            traceback.print_exception(error)
        self.outcome.errors[kind] += 1

    async def _join(self, index: int) -> None:
        """Runs one bot from before its connection to its end."""
        tree = SceneTree()
        # The script begins before the connection, so that its nodes are there when the first call comes.
        play = asyncio.ensure_future(self._play(self._script.begin(tree, index)))
        try:
            await asyncio.sleep(0)  # lets the script run up to its first await
            began = time.perf_counter()
            async with multiplayer_client(tree, self._target.url, self._target.tls, **self._target.settings()) as peer:
                self.outcome.joined += 1
                self.outcome.joins.add(time.perf_counter() - began)
                await self._stay(tree, peer, play)
        except GdpeerError:
            if play.done() and not play.cancelled():
                play.result()  # the script failed first: report that, not the connection that it gave up
            raise
        finally:
            await self._end(play)

    async def _end(self, play: asyncio.Future[None]) -> None:
        """Cancels the bot's script and waits until it has cleaned up."""
        if play.done():
            return  # its result was read already: to read it again would shorten the traceback
        play.cancel()
        try:
            await play
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self._note_failure(error)

    async def _stay(self, tree: SceneTree, peer: WebSocketMultiplayerPeer, play: asyncio.Future[None]) -> None:
        gone = asyncio.ensure_future(tree.multiplayer.server_disconnected)
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
            # The script measures by itself: drop the pings so far, and do not mix the two.
            self.outcome.measured = True
            self.outcome.trips = Durations()
        async for seconds in play:
            self.outcome.trips.add(seconds)


def _cause_of(error: GdpeerError) -> str:
    status = getattr(error, "status", 0)
    what = f"{error.cause.value} {status}" if status else error.cause.value
    return f"{what}: {error.detail}" if error.detail else what
