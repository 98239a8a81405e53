"""The children of `gdpeer serve --workers`: the door and the workers. Also a worker without a parent, of its own port.

Layer: `cli`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import click

from gdpeer.cli.failure import Failure
from gdpeer.cli.serve import Serving, listen, prepare, read_keys, read_monitor_token, show_addresses, warn_of_no_address
from gdpeer.cli.serving import TURN, address, resolve
from gdpeer.cluster.broker.base import Broker
from gdpeer.cluster.broker.local import LocalBroker
from gdpeer.cluster.broker.open import open_broker
from gdpeer.cluster.child import ChildSettings, end_with_parent, health_socket
from gdpeer.cluster.cluster import Cluster
from gdpeer.cluster.doorkeeper import Doorkeeper
from gdpeer.cluster.supervisor import DOOR
from gdpeer.cluster.worker import WorkerProcess, draw_name
from gdpeer.errors import Error
from gdpeer.rooms import Hall
from gdpeer.terminal.lines import check_output
from gdpeer.terminal.stopping import Stop
from gdpeer.transport.poller import Poller
from gdpeer.transport.proxy_header import Proxies
from gdpeer.transport.quiet_socket import QuietSocket

__all__ = ["open_shared", "run_child", "serve_as_worker"]


def run_child(child: ChildSettings, serving: Serving) -> None:
    """Runs a child, until its parent or a signal ends it."""
    end_with_parent(child.life, child.folder)
    with Stop() as stop:
        if child.role == DOOR:
            run_door(child, serving.trusted_proxies, stop)
        else:
            run_worker(child, serving, stop)


def run_door(child: ChildSettings, proxies: tuple[str, ...], stop: Stop) -> None:
    """Runs the door. SIGTERM lets it finish what has come."""
    listening = [QuietSocket(fileno=descriptor) for descriptor in child.listen]
    keeper = Doorkeeper(listening, QuietSocket(fileno=child.control), Poller(), Proxies(proxies) if proxies else None)
    while not (keeper.is_over or stop.interrupted):
        keeper.turn(TURN)
        if stop.requested:
            keeper.stop()
    keeper.close()


def run_worker(child: ChildSettings, serving: Serving, stop: Stop) -> None:
    """Runs a worker, whose connections come from the door.

    If the broker is another program, workers of the same machine ask it for its health at a socket.
    """
    keys = read_keys(serving.secret_file)
    hall, about = prepare(serving, keys, read_monitor_token(serving.monitor_token_file))
    if child.broker >= 0:
        broker: Broker = LocalBroker(QuietSocket(fileno=child.broker), hall.run_soon)
        # The directory ends together with the workers: nobody can take over what a worker has that cannot reach it.
        settings: dict[str, Any] = {"settling": 0.0, "split": "keep"}
    else:
        broker, settings = open_shared(serving, hall), {}
        path = health_socket(child.folder, child.name)
        if hall.listen(1, f"unix:{path}") is Error.OK:
            settings["socket"] = path
    cluster = Cluster(
        hall, broker, name=child.name, slot=child.slot, url=serving.address or serving.public_url or "", **settings
    )
    worker = WorkerProcess(
        hall,
        cluster,
        QuietSocket(fileno=child.control),
        deadline=serving.deadline,
        has_other_broker=child.broker < 0,
        about=about,
    )
    run_until_over(worker, stop)
    if worker.is_orphan and child.folder:
        with suppress(OSError):  # another worker is still there
            os.rmdir(child.folder)


def serve_as_worker(serving: Serving) -> None:
    """Serves in this process, at a port of its own, as one worker of a cluster."""
    keys = read_keys(serving.secret_file)
    token = read_monitor_token(serving.monitor_token_file)
    with Stop() as stop:
        hall, about = prepare(serving, keys, token)
        check_secret(about)
        broker = open_shared(serving, hall)
        is_secure = listen(hall, serving)
        port = hall.get_local_port()
        show_addresses(port, serving.host, about, token, is_secure=is_secure)
        warn_of_no_address(serving)
        url = (
            serving.address
            or serving.public_url
            or address("wss" if is_secure else "ws", resolve(serving.host), port, "")
        )
        cluster = Cluster(hall, broker, name=draw_name(), url=url)
        worker = WorkerProcess(hall, cluster, None, deadline=serving.deadline, has_other_broker=True)
        click.echo(f"Worker {cluster.name} of the cluster {serving.namespace}")
        run_until_over(worker, stop)


def check_secret(about: dict[str, Any]) -> None:
    """Raises a Failure if this process has drawn the secret of its hall: another server would refuse its seats."""
    if about["is_drawn"]:
        raise Failure(
            "all servers that share a broker need the same secret: give each the same GDPEER_SECRET or --secret-file. "
            "Make one with: openssl rand -hex 32"
        )


def run_until_over(worker: WorkerProcess, stop: Stop) -> None:
    """Polls a worker until it is over. Ctrl-C ends it at once; SIGTERM drains it first."""
    worker.start()
    while not (worker.is_over or stop.interrupted):
        worker.poll(TURN)
        check_output()
        if stop.requested:
            worker.drain()
    worker.close()


def open_shared(serving: Serving, hall: Hall) -> Broker:
    """Returns the broker that the options name.

    Raises:
        Failure: its library is missing.
    """
    assert serving.broker is not None
    try:
        return open_broker(serving.broker, serving.namespace, hall.run_soon)
    except (ValueError, ImportError) as error:
        raise Failure(str(error)) from error
