"""HAProxy in front of several machines: its configuration, and the changes while it runs.

    print(configuration(...))               once
    follower = Follower(admin, map_file)
    follower.apply(wanted(directory))       whenever workers come, go, drain, or take shards

HAProxy finds the shard of a request in the path or the sub-protocol, and the machine of the shard in a map. All other
requests go to the machine with the fewest connections. The machines are filled into slots, so nothing is reloaded.

Layer: `cluster`. Source: HAProxy's management guide, section 9.3 (Unix socket commands); HAProxy 2.6 or newer.
"""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from gdpeer.cluster.records import Owner, Worker
from gdpeer.logs import get_logger, log_limited
from gdpeer.quoting import clean

__all__ = ["SLOTS", "Admin", "Follower", "Wanted", "configuration", "wanted"]

logger = get_logger("gdpeer.cluster")

SLOTS = 64
"""The most machines, or workers with a port of their own."""

PATIENCE = 2.0
"""Seconds that HAProxy has for an answer."""
MOST_ANSWER = 1_000_000

CONFIGURATION = """\
global
  # `gdpeer haproxy` sends its changes here.
  stats socket {admin} mode 600 level admin

defaults
  mode http
  timeout connect 2s
  timeout http-request 3s
  timeout client 60s
  timeout server 60s
  # Longer than the heartbeat of gdpeer, which is 15 s.
  timeout tunnel 1h

frontend players
  bind {bind}
  # No `option httplog`: the query of a URL holds the player's secret.
  http-request set-var(txn.code) path,field(3,/) if {{ path_beg /room/ }}
  http-request set-var(txn.code) path,field(4,/) if {{ path_beg /room/ }} {{ path,field(4,/) -m found }}
  http-request set-var(txn.code) req.fhdr(sec-websocket-protocol),regsub(^.*room\\.,),regsub([^A-Za-z0-9].*$,) if !{{ path_beg /room/ }} {{ req.fhdr(sec-websocket-protocol) -m sub room. }}
  http-request set-var(txn.machine) var(txn.code),upper,bytes(0,2),regsub([IL],1,g),regsub(O,0,g),map({map}) if {{ var(txn.code) -m found }}
  default_backend machines

backend machines
  balance leastconn
  use-server %[var(txn.machine)] if {{ var(txn.machine) -m found }}
  # Each machine tells `gdpeer serve --trusted-proxy` the address of this one.
  server-template m 1-{slots} 127.0.0.1:1 disabled send-proxy-v2
"""  # noqa: E501  (a line of HAProxy cannot be broken)


def configuration(bind: str, admin: str, map_file: str, slots: int = SLOTS) -> str:
    """Returns the configuration of HAProxy.

    Args:
        bind: where players connect, as `:443 ssl crt /etc/haproxy/play.pem` or `:80`.
        admin: the path of HAProxy's own socket, for commands.
        map_file: the path of the map, a file that exists; it may be empty.
        slots: the most machines.

    Raises:
        ValueError: a path has blanks, quotes or other characters that HAProxy reads as something else.
    """
    for path in (admin, map_file):
        check_path(path)
    return CONFIGURATION.format(bind=bind, admin=admin, map=map_file, slots=slots)


def check_path(path: str) -> str:
    """Returns a path that HAProxy can read.

    Raises:
        ValueError: it cannot.
    """
    if not re.fullmatch(r"/[A-Za-z0-9_./-]+", path):
        raise ValueError(f"expected an absolute path of letters, digits and _ . / -, got '{clean(path, 100)}'")
    return path


class Wanted(NamedTuple):
    """What HAProxy is to do.

    Attributes:
        machines: their addresses, each with whether new connections go there that ask for no room.
        shards: the address for each shard.
        lost: the workers that have told no address, to which HAProxy can lead nobody.
    """

    machines: dict[tuple[str, int], bool]
    shards: dict[str, tuple[str, int]]
    lost: tuple[str, ...] = ()


def wanted(workers: Mapping[str, Worker], owners: Mapping[str, Owner]) -> Wanted:
    """Returns what HAProxy is to do for these workers and owners of shards."""
    addresses = {name: found for name, one in workers.items() if (found := address_of(one.url)) is not None}
    machines: dict[tuple[str, int], bool] = {}
    for name, address in sorted(addresses.items()):
        machines[address] = machines.get(address, False) or workers[name].is_up
    shards = {
        shard: addresses[owner.worker]
        for shard, owner in owners.items()
        if owner.worker in addresses and workers[owner.worker].epoch == owner.epoch
    }
    return Wanted(machines, shards, tuple(sorted(workers.keys() - addresses.keys())))


def address_of(url: str) -> tuple[str, int] | None:
    """Returns host and port of a worker's URL; None if HAProxy could not connect to it."""
    try:
        found = urlsplit(url)
        host, port = found.hostname, found.port or {"http": 80, "ws": 80}.get(found.scheme, 443)
    except ValueError:
        return None
    # The URL is a stranger's word, and becomes a part of a command.
    return (host, port) if host and re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", host) else None


class Admin:
    """HAProxy's socket for commands. Each call waits for the answer, at most 2 seconds.

    Args:
        path: of the socket.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def ask(self, command: str) -> str:
        """Sends a command, and returns the answer without blanks at its ends.

        Raises:
            OSError: HAProxy cannot be reached, or does not answer.
        """
        if not hasattr(socket, "AF_UNIX"):
            raise OSError("this system has no Unix sockets")
        with socket.socket(socket.AF_UNIX) as connected:  # type: ignore[attr-defined, unused-ignore]
            connected.settimeout(PATIENCE)
            connected.connect(self._path)
            connected.sendall(command.encode() + b"\n")
            parts, size = [], 0
            while part := connected.recv(65_536):
                size += len(part)
                if size > MOST_ANSWER:
                    raise OSError("the answer of HAProxy is too long")
                parts.append(part)
        return b"".join(parts).decode("utf-8", "replace").strip()


class Follower:
    """Keeps a HAProxy that runs in step with the workers.

    Args:
        ask: sends a command to HAProxy, as `Admin.ask`.
        map_file: the path of the map in HAProxy's configuration.
        slots: the most machines, as in the configuration.

    Attributes:
        slots: the machine in each slot; None: the slot is free.
    """

    def __init__(self, ask: Callable[[str], str], map_file: str, slots: int = SLOTS) -> None:
        self._ask = ask
        self._map = check_path(map_file)
        self._process = ""
        self._is_known = False
        self.slots: list[tuple[str, int] | None] = [None] * slots
        self._states: dict[tuple[str, int], bool] = {}
        self._rows: dict[str, str] = {}

    def apply(self, wish: Wanted) -> bool:
        """Sends what has changed, or everything to a HAProxy that was started again.

        Returns:
            Whether HAProxy is in step; False: it cannot be reached, and a line of the log says why. Try again.
        """
        try:
            self._look_at_process()
            self._set_machines(wish.machines)
            self._set_map(wish.shards)
        except OSError as problem:
            self._is_known = False
            log_limited(logger, logging.WARNING, "HAProxy is not in step: %s", problem)
            return False
        self._is_known = True
        return True

    def _look_at_process(self) -> None:
        """Forgets everything if this is another process, which knows nothing of what was sent."""
        found = re.search(r"^Pid: (\d+)", self._ask("show info"), re.MULTILINE)
        process = found.group(1) if found else ""
        if process != self._process or not self._is_known:
            self._process = process
            self._states, self._rows = {}, {}

    def _set_machines(self, machines: dict[tuple[str, int], bool]) -> None:
        for number, former in enumerate(self.slots):
            if former is not None and former not in machines:
                self._order(f"set server machines/m{number + 1} state maint")
                self.slots[number] = None
                self._states.pop(former, None)
        for address, is_up in machines.items():
            if self._states.get(address) == is_up:
                continue
            slot = self._slot_of(address)
            if slot is None:
                log_limited(logger, logging.WARNING, "HAProxy has no slot left for %s", address[0])
                continue
            server = f"machines/m{slot + 1}"
            self._order(f"set server {server} addr {address[0]} port {address[1]}")
            self._order(f"set server {server} state {'ready' if is_up else 'drain'}")
            self._states[address] = is_up

    def _slot_of(self, address: tuple[str, int]) -> int | None:
        for wish in (address, None):
            if wish in self.slots:
                number = self.slots.index(wish)
                self.slots[number] = address
                return number
        return None

    def _set_map(self, shards: dict[str, tuple[str, int]]) -> None:
        """Replaces the whole map in one step, so that no request meets a half of it."""
        places = {address: f"m{number + 1}" for number, address in enumerate(self.slots) if address is not None}
        rows = {shard: places[address] for shard, address in shards.items() if address in places}
        if rows == self._rows and self._is_known:
            return
        answer = self._ask(f"prepare map {self._map}")
        found = re.search(r"New version created: (\d+)", answer)
        if found is None:
            raise OSError(f"HAProxy does not know the map {self._map}: {_first_line(answer)}")
        version = found.group(1)
        for part in _parts(sorted(rows.items())):
            self._order(f"add map @{version} {self._map} <<\n{part}")
        self._order(f"commit map @{version} {self._map}")
        self._rows = rows

    def _order(self, command: str) -> None:
        """Sends a command whose answer is empty, or says what was changed."""
        answer = self._ask(command)
        if answer and not re.match(r"no need|IP changed|port changed", answer):
            raise OSError(f"HAProxy refuses {_first_line(command)!r}: {_first_line(answer)}")


def _parts(rows: Iterable[tuple[str, str]]) -> Iterable[str]:
    """Yields the rows of a map in texts that fit into HAProxy's buffer of 16 KiB."""
    lines = [f"{shard} {server}\n" for shard, server in rows]
    for start in range(0, len(lines), 1_000):
        yield "".join(lines[start : start + 1_000])


def _first_line(text: str) -> str:
    return text.partition("\n")[0][:200]
