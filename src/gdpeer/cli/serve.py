"""`gdpeer serve`: hosts the rooms of a game module, with lobby, metrics and monitor, until a signal ends it.

Layer: `cli`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import click

from gdpeer import Error
from gdpeer.cli.failure import Failure
from gdpeer.cli.game_module import GAME, load_game
from gdpeer.cli.options import FILE, SECONDS, Parsed, number, port_option, quoted
from gdpeer.cli.rooms import TOKEN, read_token
from gdpeer.cli.serving import PAGE, TURN, address, resolve
from gdpeer.cluster.broker.address import Address, check_namespace
from gdpeer.cluster.child import ChildSettings
from gdpeer.http.bearer import check_token
from gdpeer.http.static import chain
from gdpeer.quoting import redact
from gdpeer.rooms import Hall
from gdpeer.rooms.tokens import SeatKeys, load_secrets
from gdpeer.rooms.watching import watch
from gdpeer.terminal.lines import check_output
from gdpeer.terminal.stopping import Stop
from gdpeer.transport.proxy_header import Proxies

__all__ = ["serve"]

PORT = 8910
LOOPBACK = ("127.0.0.1", "::1")
SOCKETS = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
MOST_WORKERS = 256
BROKERS = ("redis", "rediss", "nats", "tls")
BROKER = "GDPEER_BROKER"
DEADLINE = 300.0
"""Seconds that rooms have to end by themselves after SIGTERM."""

RANDOM_SECRET = (
    "No secret in GDPEER_SECRET or --secret-file, so this process has drawn one: seats of the lobby end with the "
    "process, and no other program can issue seats."
)

NO_ADDRESS = (
    "no --address is given, so other machines do not know where this one is: they cannot ask whether it reaches the "
    "broker, and gdpeer haproxy leads nobody here. Give the address of this machine, such as "
    "--address ws://10.0.0.11:8910"
)

EXAMPLES = """\b
Examples:
  gdpeer serve game:Arena             the class Arena of game.py in this folder
  gdpeer serve game:hall --host '*'   a Hall with several kinds of rooms, for all machines
  gdpeer serve game:Arena --cert cert.pem --key key.pem
  gdpeer serve game:Arena --workers 4 --broker redis://10.0.0.2"""


def parse_public_url(text: str) -> str:
    """Returns the beginning of the URLs of seats: `wss://play.example` for that or for `https://play.example/`."""
    try:
        url = urlsplit(text)
        is_right = url.scheme in SOCKETS and bool(url.hostname) and not (url.query or url.fragment)
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError(f"expected a URL such as wss://play.example, got {quoted(text)}")
    return f"{SOCKETS[url.scheme]}://{url.netloc}{url.path.rstrip('/')}"


def parse_network(text: str) -> str:
    """Returns the address or the network of a proxy."""
    try:
        Proxies([text])
    except ValueError:
        raise ValueError(f"expected an address or a network such as 10.0.0.0/8, got {quoted(text)}") from None
    return text


PUBLIC = Parsed("url", parse_public_url)
NETWORK = Parsed("network", parse_network)


def parse_workers(text: str) -> int:
    """Returns the number of workers: `auto` stands for one for each processor that this process may use."""
    if text == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        return number(1, MOST_WORKERS, "")(text)
    except ValueError:
        raise ValueError(f"expected 1 to {MOST_WORKERS} or auto, got {quoted(text)}") from None


def parse_broker(text: str) -> str:
    """Returns the URL of a broker without a password."""
    if urlsplit(text).password:
        raise ValueError(f"set the variable {BROKER} instead: every user of this machine sees a password in arguments")
    return check_broker(text)


def check_broker(text: str) -> str:
    """Returns the URL of a broker, if it is one."""
    if Address(text).scheme not in BROKERS:
        raise ValueError(f"expected a URL such as redis://localhost or nats://localhost, got {quoted(redact(text))}")
    return text


def broker_of_variable() -> str | None:
    """Returns the URL of the broker that the variable names; None: it names none.

    Raises:
        Failure: it is no URL of a broker.
    """
    text = os.environ.get(BROKER)
    try:
        return check_broker(text) if text else None
    except ValueError as error:
        raise Failure(f"{BROKER}: {error}") from error


WORKERS = Parsed("n", parse_workers)
BROKER_URL = Parsed("url", parse_broker)
NAMESPACE = Parsed("name", check_namespace)
CHILD_NAME = Parsed("name", str)


def make_hall(game: Hall | Callable[..., Any], origins: tuple[str, ...]) -> Hall:
    """Returns the hall of a game module, or a hall for one kind of room.

    Raises:
        click.UsageError: there are origins for a hall, which has its own.
    """
    if not isinstance(game, Hall):
        allowed = list(origins) or None
        try:
            return Hall([game], lobby=True, allowed_origins=allowed)
        except ImportError as missing:
            click.echo(f"There is no lobby, only session keys: {missing}", err=True)
            return Hall([game], allowed_origins=allowed)
    if origins:
        raise click.UsageError("--origin is for a class of Room; a Hall has its own allowed_origins")
    return game


def read_keys(file: Path | None) -> SeatKeys | None:
    """Returns the secrets for seats; None if there are none.

    Raises:
        Failure: the file cannot be read, or a secret is too short.
    """
    try:
        return load_secrets(file)
    except (OSError, ValueError) as error:
        raise Failure(str(error)) from error


def read_monitor_token(file: Path | None) -> str:
    """Returns the monitor's token; "" if no token is given, which turns the monitor off.

    Raises:
        Failure: the token is too short, or the file cannot be read.
    """
    if file is None and not os.environ.get(TOKEN):
        return ""
    try:
        return check_token(read_token(file))
    except ValueError as error:
        raise Failure(str(error)) from error


def set_tls(hall: Hall, certificate: Path | None, key: Path | None) -> bool:
    """Sets the certificate and key of the hall's port, and returns whether it has them.

    Raises:
        click.UsageError: only one of the two was given.
    """
    if (certificate is None) != (key is None):
        raise click.UsageError("--cert and --key must be used together")
    if certificate is not None:
        hall.server.ssl_certificate, hall.server.private_key = str(certificate), str(key)
    return certificate is not None or hall.server.ssl_certificate is not None


def stand_behind_proxy(hall: Hall, url: str | None, proxies: tuple[str, ...]) -> None:
    """Gives players the address of a proxy, and trusts proxies that tell where players come from."""
    hall.server.trusted_proxies = proxies
    if url is not None:
        hall.public_url = url
        if not proxies:  # all players have the address of the proxy
            hall.guessing.exempt.update(LOOPBACK)


def show(hall: Hall, host: str, token: str, *, is_secure: bool, has_pages: bool) -> None:
    """Prints the addresses of the server."""
    show_addresses(hall.get_local_port(), host, about(hall, has_pages=has_pages), token, is_secure=is_secure)


def about(hall: Hall, *, has_pages: bool) -> dict[str, Any]:
    """Returns what the operator is to know of a hall."""
    return {"kinds": list(hall.kinds), "lobby": hall.lobby is not None, "pages": has_pages}


def show_addresses(port: int, host: str, about: dict[str, Any], token: str, *, is_secure: bool) -> None:
    """Prints the addresses of the server, which has a hall of which `about` tells."""
    ws, web = ("wss", "https") if is_secure else ("ws", "http")
    rows = [("Rooms:", address(ws, host, port, "/room/CODE"))]
    if about["lobby"]:
        rows += [("Lobby:", address(web, host, port, f"/lobby/{kind}")) for kind in about["kinds"]]
    if about["pages"]:
        rows.append(("Pages:", address(web, host, port)))
    if token:
        rows.append(("Monitor:", address(web, host, port, "/monitor/")))
    for name, where in rows:
        click.echo(f"{name:<10}{where}")


def run(hall: Hall, deadline: float, stop: Stop) -> None:
    """Polls until a signal comes. Ctrl-C ends the hall at once; SIGTERM drains it first."""
    while not stop.requested:
        hall.poll(TURN)
        check_output()
    if not stop.interrupted:
        click.echo(f"Draining: rooms have {deadline:g} s to end; players may return to them")
        hall.drain(deadline)
        while not (hall.is_drained or stop.interrupted):
            hall.poll(TURN)
    hall.close()


class Serving(NamedTuple):
    """The options of the command."""

    game: tuple[str, str]
    host: str
    port: int
    public_url: str | None
    origins: tuple[str, ...]
    deadline: float
    secret_file: Path | None
    monitor_token_file: Path | None
    cert: Path | None
    key: Path | None
    workers: int | None
    broker: str | None
    namespace: str
    check: bool
    child: str | None
    address: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    print_haproxy: bool = False


def prepare(serving: Serving, keys: SeatKeys | None, token: str) -> tuple[Hall, dict[str, Any]]:
    """Loads the game and returns its hall, which does not listen yet, and what the operator is to know of it.

    Raises:
        Failure: the game cannot be loaded.
        click.UsageError: an option does not go with this game.
    """
    hall = make_hall(load_game(*serving.game), serving.origins)
    told = about(hall, has_pages=hall.http_handler is not None)
    told["needs_secret"] = hall.use_keys(None)
    told["is_drawn"] = hall.use_keys(keys)
    if token:
        tell_methods(hall, token)
    watch(hall, token, addresses=LOOPBACK if serving.public_url is None else ())
    stand_behind_proxy(hall, serving.public_url, serving.trusted_proxies)
    return hall, told


def tell_methods(hall: Hall, token: str) -> None:
    """Has a hall tell the methods of its rooms to those who have the monitor's token."""
    from gdpeer.contract.room_page import RoomContractPage  # a server without a token starts faster

    page = RoomContractPage(hall, token)
    hall.http_handler = page if hall.http_handler is None else chain(page, hall.http_handler)


def lack_of_address(serving: Serving) -> str:
    """Returns what other machines cannot do without `--address`; "" if they can, or there are none."""
    if serving.broker is None or serving.address is not None or Address(serving.broker).is_here:
        return ""
    if serving.workers is None and serving.public_url is None and is_reachable(serving.host):
        return ""
    return NO_ADDRESS


def warn_of_no_address(serving: Serving) -> None:
    """Prints what other machines cannot do without `--address`."""
    lack = lack_of_address(serving)
    if lack:
        click.echo(f"Warning: {lack}", err=True)


def is_reachable(host: str) -> bool:
    """Whether other machines may reach a server by its `--host`."""
    try:
        found = ip_address(resolve(host))
    except ValueError:  # all addresses, or a Unix socket
        return False
    return not (found.is_loopback or found.is_unspecified)


def serve_alone(serving: Serving) -> None:
    """Serves in this process, without a cluster."""
    keys = read_keys(serving.secret_file)
    token = read_monitor_token(serving.monitor_token_file)
    with Stop() as stop:
        hall, told = prepare(serving, keys, token)
        is_secure = listen(hall, serving)
        show_addresses(hall.get_local_port(), serving.host, told, token, is_secure=is_secure)
        if told["is_drawn"]:
            click.echo(RANDOM_SECRET)
        run(hall, serving.deadline, stop)


def listen(hall: Hall, serving: Serving) -> bool:
    """Opens the port of a hall, and returns whether it has TLS.

    Raises:
        Failure: the port cannot be opened.
    """
    is_secure = set_tls(hall, serving.cert, serving.key)
    if hall.listen(serving.port, resolve(serving.host)) is not Error.OK:
        raise Failure(hall.get_listen_error())
    return is_secure


@click.command(epilog=EXAMPLES)
@click.argument("game", type=GAME, metavar="MODULE:NAME")
@click.option("--host", default="localhost", show_default=True, help="Address to listen on; * for all addresses.")
@port_option(PORT)
@click.option("--public-url", type=PUBLIC, help="Address of the proxy in front, such as wss://play.example.")
@click.option(
    "--address",
    type=PUBLIC,
    help="Address of this machine for the proxy and other machines, such as ws://10.0.0.11:8910.",
)
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    type=NETWORK,
    help="Address or network of a proxy that sends PROXY protocol version 2; repeatable.",
)
@click.option("--origin", "origins", multiple=True, type=PAGE, help="Only this web page may connect; repeatable.")
@click.option(
    "--deadline", default=DEADLINE, show_default=True, type=SECONDS, help="After SIGTERM: time for rooms to end."
)
@click.option("--secret-file", type=FILE, help="Secret that signs seats.  [default: the variable GDPEER_SECRET]")
@click.option("--monitor-token-file", type=FILE, help=f"Token of the monitor.  [default: the variable {TOKEN}]")
@click.option("--cert", type=FILE, help="Certificate chain (PEM file); the server then uses wss://.")
@click.option("--key", type=FILE, help="Private key of the certificate (PEM file).")
@click.option("--workers", type=WORKERS, help="Serve with this many processes; auto: one for each processor.")
@click.option(
    "--broker", type=BROKER_URL, help=f"Share rooms over redis:// or nats://.  [default: the variable {BROKER}]"
)
@click.option(
    "--namespace", default="gdpeer", show_default=True, type=NAMESPACE, help="Keeps clusters apart that share a broker."
)
@click.option("--check", is_flag=True, help="Only say whether broker, secret, port and system will do.")
@click.option("--print-haproxy", is_flag=True, help="Only print a configuration of HAProxy.")
@click.option("--child", hidden=True, type=CHILD_NAME)
def serve(**options: Any) -> None:
    """Host many games on one port: the rooms of your module.

    MODULE is found from the current folder. NAME is a class of Room, a function that fills a room, or a Hall.

    The server has a lobby at /lobby, a health check at /health, metrics at /metrics and a monitor at /monitor. Ctrl-C
    ends it at once. SIGTERM first lets the rooms end: no new rooms and players, but players may return. With --workers,
    SIGHUP replaces all processes one after the other.
    """
    child = ChildSettings.read()
    serving = Serving(**{**options, "broker": options["broker"] or broker_of_variable()})
    logging.getLogger("gdpeer").setLevel(logging.WARNING)  # the exceptions and refusals of the game, in full
    if child is not None:
        from gdpeer.cli.serve_child import run_child

        run_child(child, serving)
    elif serving.print_haproxy:
        from gdpeer.cli.haproxy import ADMIN, BIND, MAP, print_configuration

        print_configuration(BIND, ADMIN, MAP)
    elif serving.check:
        from gdpeer.cli.serve_check import check

        check(serving)
    elif serving.workers is not None:
        from gdpeer.cli.serve_workers import serve_with_workers

        serve_with_workers(serving)
    elif serving.broker is not None:
        from gdpeer.cli.serve_child import serve_as_worker

        serve_as_worker(serving)
    else:
        serve_alone(serving)
