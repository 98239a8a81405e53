"""Runs the rounds: a scenario measures all servers or clients before the next scenario begins."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from bench.wsbench.peers import PROGRAMS, SERVERS, Peer, environment, say
from bench.wsbench.processes import Sample, Server, failure, load, run_json
from bench.wsbench.scenarios import SCENARIOS

Item = TypeVar("Item")
Record: TypeAlias = Callable[[str, str, Sample], None]
"""Takes the scenario, the name of the server or client, and its sample."""
NOT_STARTED = "did not start"


@dataclass(frozen=True)
class Rounds:
    """The number of rounds, the duration of a sample, and whether the load generator never sleeps."""

    count: int
    seconds: float
    warmup: float
    spin: bool

    def turned(self, items: Sequence[Item], turn: int) -> list[Item]:
        """Returns the items, beginning at another item in each round."""
        at = turn * max(1, len(items) // self.count) % len(items) if items else 0
        return [*items[at:], *items[:at]]


def measure_servers(servers: Sequence[Server], names: Sequence[str], rounds: Rounds, record: Record) -> None:
    """Measures each server with the load generator."""
    for turn in range(rounds.count):
        alive = []
        for server in rounds.turned(servers, turn):
            if server.start():
                alive.append(server)
            elif not server.is_skipped:  # a broken server must not be missing from the table
                for name in names:
                    record(name, server.name, failure(NOT_STARTED))
        for name in names:
            for server in list(alive):
                if not _measure_server(server, name, rounds, record):
                    alive.remove(server)
            say(f"round {turn + 1}/{rounds.count}: {name}")
        for server in alive:
            server.stop()


def _measure_server(server: Server, name: str, rounds: Rounds, record: Record) -> bool:
    """Takes one sample; returns False if the server has ended."""
    words = SCENARIOS[name].load
    if server.name == "rawecho" and not words.startswith("echo"):
        return True
    if name == "idle-mem" or not server.is_running():  # memory is measured in a fresh process
        server.stop()
        if not server.start():
            record(name, server.name, failure(NOT_STARTED))
            return False
    record(name, server.name, load(server, words, rounds.seconds, rounds.warmup, rounds.spin))
    return True


def measure_clients(clients: Mapping[str, Peer], names: Sequence[str], rounds: Rounds, record: Record) -> None:
    """Measures each client against the C server, which polls without waiting."""
    peer = SERVERS["cwsecho"]
    floor = Server("cwsecho", peer._replace(command=f"{peer.command} --spin"))
    for turn in range(rounds.count):
        if not floor.start():
            raise SystemExit("the C echo server did not start")
        for name in names:
            for client in rounds.turned(list(clients), turn):
                command = _client_command(clients[client], SCENARIOS[name].size, floor.port, rounds.seconds)
                if command:
                    record(name, client, run_json(command, rounds.seconds + 30, clients[client].folder))
            say(f"round {turn + 1}/{rounds.count}: {name}")
        floor.stop()


def _client_command(client: Peer, size: int, port: int, seconds: float) -> list[str]:
    """Returns the command line of a client; empty if its packages could not be installed."""
    place = environment(client.group) if client.group else ""
    if place is None:
        return []
    return shlex.split(client.command.format(port=port, size=size, seconds=seconds, bin=PROGRAMS, py=place))
