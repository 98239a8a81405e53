"""`gdpeer drain`: has workers of a `gdpeer serve --workers` on this machine drain.

Layer: `cli`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gdpeer.cli.failure import Failure
from gdpeer.cli.options import SECONDS, port_option
from gdpeer.cluster.links import CAN_PASS

__all__ = ["drain"]

EXAMPLES = """\b
Examples:
  gdpeer drain                             the workers of the server at port 8910
  gdpeer drain web1-2-9f3c                 replace this worker, and wait until it has ended
  gdpeer drain --all --deadline 60         end the server; rooms have 60 s"""


@click.command(epilog=EXAMPLES)
@click.argument("worker", required=False, metavar="[WORKER]")
@click.option("--all", "is_all", is_flag=True, help="Drain all workers, and end the server.")
@click.option("--deadline", default=300.0, show_default=True, type=SECONDS, help="Time for rooms to end or to move.")
@port_option(8910)
@click.option("--host", default="localhost", help="The unix:/PATH where the server listens, if it has no port.")
def drain(worker: str | None, is_all: bool, deadline: float, port: int, host: str) -> None:
    """Drain workers of a gdpeer serve --workers on this machine.

    A worker that drains makes no new rooms. Its rooms with save() move to other workers, and their players reconnect;
    other rooms have until the deadline to end. A new worker takes the place of one that you name. The command ends
    when the worker has ended. Without WORKER and --all it lists the workers.

    The server and this command must belong to the same user.
    """
    if worker is not None and is_all:
        raise click.UsageError("name a worker or use --all, not both")
    path = find_socket(host if host.startswith("unix:") else port)
    if worker is None and not is_all:
        list_workers(path)
        return
    begun = False
    for answer in asked(path, {"ask": "drain", "worker": worker, "deadline": deadline}):
        if "problem" in answer:
            raise Failure(f"{answer['problem']} (gdpeer drain lists them)")
        begun = True
        click.echo(f"Draining {worker or 'all workers'}: rooms have {deadline:g} s")
    if not begun:
        raise Failure("the server ended before it answered")
    click.echo(f"{worker or 'The server'} has ended")


def find_socket(place: int | str) -> Path:
    """Returns the path of a server's control socket.

    Raises:
        Failure: this system has none, or the folder is not safe.
    """
    if not CAN_PASS:
        raise Failure("gdpeer serve has workers only on systems that pass sockets between processes, not on this one")
    from gdpeer.cluster.control import control_path

    try:
        return control_path(place)
    except OSError as error:
        raise Failure(str(error)) from error


def list_workers(path: Path) -> None:
    """Prints a line for each worker."""
    for answer in asked(path, {"ask": "list"}):
        for worker in answer["workers"]:
            click.echo(f"{worker['name']:<32}{worker['state']:<12}process {worker['process']}")


def asked(path: Path, message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the answers of a server, until it closes the connection.

    Raises:
        Failure: there is no server.
    """
    from gdpeer.cluster.control import ask

    try:
        yield from ask(path, message)
    except OSError as error:
        raise Failure(f"no gdpeer serve --workers of this user answers at {path}: {error.strerror}") from error
