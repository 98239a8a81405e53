"""The parent of `gdpeer serve --workers`: holds the port and the directory, and supervises the door and the workers.

Layer: `cli`.
"""

from __future__ import annotations

import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Self

import click

from gdpeer.cli.failure import Failure
from gdpeer.cli.serve import (
    BROKER,
    RANDOM_SECRET,
    Serving,
    read_keys,
    read_monitor_token,
    show_addresses,
    warn_of_no_address,
)
from gdpeer.cli.serving import TURN, resolve
from gdpeer.cluster.broker.local import StoreServer
from gdpeer.cluster.broker.memory import MemoryStore
from gdpeer.cluster.broker.open import open_broker
from gdpeer.cluster.child import VARIABLE, ChildSettings, health_socket
from gdpeer.cluster.control import Control, control_path
from gdpeer.cluster.links import CAN_PASS
from gdpeer.cluster.supervisor import DOOR, Outcome, Process, Supervisor
from gdpeer.cluster.worker import draw_name
from gdpeer.errors import TransportError
from gdpeer.rooms.tokens import VARIABLE as SECRET
from gdpeer.terminal.lines import check_output, print_line
from gdpeer.transport.listener import Listener
from gdpeer.transport.poller import Poller, Watch
from gdpeer.transport.quiet_socket import QuietSocket

__all__ = ["Port", "raise_limit", "refuse_what_cannot_be", "run_soon_of", "serve_with_workers"]

LEAST_DESCRIPTORS = 256
"""Descriptors that a process needs at least to serve anybody."""

NO_SECRET = "no secret is given, but all servers that share a broker need the same (GDPEER_SECRET, --secret-file)"

FIRST_INHERITED = 3
"""The first descriptor that systemd passes (sd_listen_fds)."""


class Signals:
    """A context manager in which SIGINT, SIGTERM and SIGHUP are collected, for the program's loop.

    Args:
        poller: is woken by each signal.

    Attributes:
        came: the signals, in order.
    """

    NUMBERS = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGINT))  # Windows has no SIGHUP

    def __init__(self, poller: Poller) -> None:
        self.came: deque[int] = deque()
        self._poller = poller
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in self.NUMBERS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.came.append(number)
        self._poller.wake()


class Port:
    """The listening sockets of the server: its own, or those that systemd has opened (LISTEN_FDS).

    Args:
        host: as in the option.
        port: as in the option; 0: a free port.

    Attributes:
        sockets: that listen.
        number: of the port; 0: a Unix socket.
        name: the path of the Unix socket; "" for a port.

    Raises:
        Failure: the port cannot be opened.
    """

    def __init__(self, host: str, port: int) -> None:
        self._listener: Listener | None = None
        self.sockets: list[socket.socket] = inherited()
        if self.sockets:
            name = self.sockets[0].getsockname()
        else:
            self._listener = open_listener(resolve(host), port)
            self.sockets = [QuietSocket(fileno=os.dup(self._listener.fileno()))]
            name = self._listener.local_address
        self.number = name[1] if isinstance(name, tuple) else 0
        self.name = "" if self.number else os.fsdecode(name[0] if isinstance(name, tuple) else name)

    def close(self) -> None:
        """Closes the port, and removes the file of a Unix socket of its own."""
        for one in self.sockets:
            one.close()
        if self._listener is not None:
            self._listener.close()


def open_listener(bind_ip: str, port: int) -> Listener:
    """Opens a port or a Unix socket.

    Raises:
        Failure: it cannot be opened.
    """
    try:
        if bind_ip.startswith("unix:"):
            return Listener.unix(bind_ip.removeprefix("unix:"))
        return Listener(bind_ip, port)
    except TransportError as error:
        raise Failure(error.detail) from error


def inherited() -> list[socket.socket]:
    """Returns the sockets that systemd has opened for this process, and forgets the variables that say so."""
    pid, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    return [QuietSocket(fileno=descriptor) for descriptor in range(FIRST_INHERITED, FIRST_INHERITED + int(count))]


def raise_limit() -> int:
    """Raises this process's limit of descriptors as far as the system allows, and returns it.

    Raises:
        Failure: too few are allowed.
    """
    try:
        resource: Any = import_module("resource")
    except ImportError:  # Windows has no such limit
        return sys.maxsize
    soft: int
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (OSError, ValueError):  # macOS allows less than it says
            pass
    if soft != resource.RLIM_INFINITY and soft < LEAST_DESCRIPTORS:
        raise Failure(f"the system allows {soft} descriptors a process: raise the limit (ulimit -n, LimitNOFILE=)")
    return soft


def refuse_what_cannot_be(serving: Serving) -> None:
    """Refuses options that do not go with `--workers`.

    Raises:
        Failure: this system cannot pass sockets.
        click.UsageError: the server is to do TLS.
    """
    if not CAN_PASS:
        raise Failure(
            "--workers: this system cannot pass connections from process to process. Start one gdpeer serve --broker "
            "for each port instead, without --workers"
        )
    if serving.cert is not None or serving.key is not None:
        raise click.UsageError(
            "--cert cannot be used with --workers, because the door cannot read the room in an encrypted request. Put "
            "a proxy with TLS in front (--public-url), or start one gdpeer serve --broker --cert for each port"
        )


class WatchesSockets(selectors.BaseSelector):
    """A selector over a poller, for what shares the poller's turns. Its `data` are functions without arguments."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._watches: dict[Any, Watch] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> Any:
        """Calls `data()` in each turn in which a socket is ready."""
        watch = self._watches[fileobj] = Watch(fileobj.fileno(), write=bool(events & selectors.EVENT_WRITE))
        watch.attach(self._poller, lambda ready: data())

    def modify(self, fileobj: Any, events: int, data: Any = None) -> Any:
        """Changes what a socket is watched for."""
        self._watches[fileobj].want_write(bool(events & selectors.EVENT_WRITE))

    def unregister(self, fileobj: Any) -> Any:
        """Watches a socket no more."""
        self._watches.pop(fileobj).detach()

    def select(self, timeout: float | None = None) -> list[Any]:
        """Returns nothing: the poller calls."""
        return []

    def get_map(self) -> Mapping[Any, Any]:
        """Returns an empty mapping, since nobody asks."""
        return {}


class Parent:
    """Starts the children of a server.

    Args:
        serving: the options.
        port: of the server.
        poller: for the directory.
        has_secret: whether the operator has given a secret. If not, this process draws one for all workers.

    Attributes:
        has_drawn: whether the secret was drawn.
    """

    def __init__(self, serving: Serving, port: Port, poller: Poller, *, has_secret: bool) -> None:
        self._serving = serving
        self._port = port
        self.has_drawn = not has_secret
        self._secret = "" if has_secret else secrets.token_hex(32)
        self._poller = poller
        self._store = StoreServer(MemoryStore(), WatchesSockets(poller)) if serving.broker is None else None
        self._folder = (
            None if serving.broker is None else TemporaryDirectory(prefix="gdpeer-", ignore_cleanup_errors=True)
        )
        self._life = os.pipe()

    def spawn(self, role: str, name: str, slot: str, control: socket.socket) -> Process:
        """Starts a child; see `Spawn`."""
        listen = tuple(one.fileno() for one in self._port.sockets) if role == DOOR else ()
        end = None
        if role != DOOR and self._store is not None:
            ours, end = socket.socketpair()
            self._store.add(ours)
        broker = -1 if end is None else end.fileno()
        folder = "" if self._folder is None else self._folder.name
        settings = ChildSettings(role, name, control.fileno(), self._life[0], listen, broker, folder, slot)
        try:
            return subprocess.Popen(
                self._command(name),
                env=self._environment(settings),
                pass_fds=settings.descriptors(),
                stdin=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C is for the parent, which tells the children
            )
        finally:
            if end is not None:
                end.close()

    def _command(self, name: str) -> Sequence[str]:
        """Returns the command of a child: the options that its hall needs, and its name for those who list processes.

        -P: the current folder is the game's, whose modules must not stand in for those of Python.
        """
        serving = self._serving
        words = [sys.executable, "-P", "-m", "gdpeer", "serve", ":".join(serving.game), "--child", name]
        words += ["--namespace", serving.namespace, "--deadline", f"{serving.deadline:.9f}".rstrip("0").rstrip(".")]
        words += [] if serving.public_url is None else ["--public-url", serving.public_url]
        words += [] if serving.address is None else ["--address", serving.address]
        words += [word for proxy in serving.trusted_proxies for word in ("--trusted-proxy", proxy)]
        words += [word for page in serving.origins for word in ("--origin", page)]
        for option, file in (
            ("--secret-file", serving.secret_file),
            ("--monitor-token-file", serving.monitor_token_file),
        ):
            words += [] if file is None else [option, str(file)]
        return words

    def _environment(self, settings: ChildSettings) -> dict[str, str]:
        """Returns the variables of a child: secrets are among them, which no argument may hold."""
        variables = {**os.environ, VARIABLE: settings.write()}
        if self._secret:
            variables[SECRET] = self._secret
        if self._serving.broker is not None:
            variables[BROKER] = self._serving.broker
        return variables

    def forget(self, name: str) -> None:
        """Removes what a worker that has ended may have left: its lease in this process, or its socket for health."""
        if self._store is not None:
            self._store.store.remove(f"w:{name}")
        if self._folder is not None:
            Path(health_socket(self._folder.name, name)).unlink(missing_ok=True)

    def turn(self, timeout: float) -> None:
        """Waits for something to do, and does it."""
        if self._store is None:
            self._poller.turn(timeout)
        else:
            self._poller.turn(self._store.limit(timeout))
            self._store.settle()

    def close(self) -> None:
        """Lets all children know that this process ends, and removes the folder of their sockets."""
        for descriptor in self._life:
            os.close(descriptor)
        if self._store is not None:
            self._store.close()
        if self._folder is not None:
            self._folder.cleanup()


def serve_with_workers(serving: Serving) -> None:
    """Serves with a door and workers, until a signal or too many deaths of children end it.

    Raises:
        Failure: the server cannot start, or children ended too often.
    """
    refuse_what_cannot_be(serving)
    raise_limit()
    keys, token = read_keys(serving.secret_file), read_monitor_token(serving.monitor_token_file)
    if serving.broker is not None and keys is None:
        raise Failure(NO_SECRET)
    port = Port(serving.host, serving.port)
    warn_of_no_address(serving)
    poller = Poller()
    parent = Parent(serving, port, poller, has_secret=keys is not None)
    supervisor = make_supervisor(serving, port, poller, parent, token)
    control = open_control(port, poller, supervisor)
    try:
        with Signals(poller) as signals:
            if wait_for_broker(serving, poller, signals):
                supervisor.start()
                supervise(supervisor, parent, signals)
    finally:
        if control is not None:
            control.close()
        supervisor.close()
        parent.close()
        port.close()
        poller.close()
    if supervisor.outcome is Outcome.FAILED:
        raise Failure(supervisor.failure)


def make_supervisor(serving: Serving, port: Port, poller: Poller, parent: Parent, token: str) -> Supervisor:
    """Returns the supervisor, which has not started."""

    def show(about: dict[str, Any]) -> None:
        host = f"unix:{port.name}" if port.name else serving.host
        show_addresses(port.number, host, about, token, is_secure=False)
        if about["needs_secret"] and parent.has_drawn:
            click.echo(RANDOM_SECRET)
        sys.stdout.flush()

    assert serving.workers is not None
    return Supervisor(
        parent.spawn,
        poller,
        serving.workers,
        name=draw_name(),
        deadline=serving.deadline,
        say=print_line,
        on_up=show,
        forget=parent.forget,
        is_alone=serving.broker is None,
    )


def open_control(port: Port, poller: Poller, supervisor: Supervisor) -> Control | None:
    """Opens the socket for `gdpeer drain`; without one the server serves nevertheless."""
    try:
        path: Path = control_path(port.number or port.name)
        return Control(path, poller, supervisor)
    except (OSError, TransportError) as error:
        click.echo(f"gdpeer drain cannot reach this server: {error}", err=True)
        return None


def run_soon_of(poller: Poller) -> Callable[[Callable[[], object]], None]:
    """Returns what runs a callback in the next turn of a poller. May be called in any thread."""

    def run_soon(callback: Callable[[], object]) -> None:
        poller.soon(callback)
        poller.wake()

    return run_soon


def wait_for_broker(serving: Serving, poller: Poller, signals: Signals) -> bool:
    """Waits until the broker can be reached, and says so meanwhile. Returns False if a signal came first.

    Raises:
        Failure: the broker's library is missing.
    """
    if serving.broker is None:
        return True
    try:
        broker = open_broker(serving.broker, serving.namespace, run_soon_of(poller))
    except (ValueError, ImportError) as error:
        raise Failure(str(error)) from error
    began, was_said = poller.clock.now(), False
    while not broker.is_connected and not signals.came:
        poller.turn(0.1)
        check_output()
        if not was_said and poller.clock.now() - began > 1.0:
            was_said = True
            print_line("Waiting for the broker")
    broker.close()
    return not signals.came


def supervise(supervisor: Supervisor, parent: Parent, signals: Signals) -> None:
    """Turns until everything has ended."""
    interrupts = 0
    while supervisor.outcome is None:
        while signals.came:
            number = signals.came.popleft()
            if number == signal.SIGTERM:
                supervisor.drain()
            elif number == signal.SIGINT:
                interrupts += 1
                (supervisor.end if interrupts == 1 else supervisor.kill)()
            else:
                supervisor.roll()
        parent.turn(TURN)
        check_output()
