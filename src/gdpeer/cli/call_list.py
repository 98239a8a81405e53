"""The list of `gdpeer call --list`: what a contract says can be called, and asking a server for its contract.

Layer: `cli`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import click

from gdpeer.cli.failure import Failure
from gdpeer.cli.fetching import fetch
from gdpeer.contract import Contract, Method, contract_from_json
from gdpeer.contract.page import PATH
from gdpeer.contract.signatures import signature
from gdpeer.protocol.url import parse_url
from gdpeer.quoting import redact
from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["ask_contract", "json_lines", "text_lines"]

WIDEST = 80
"""Characters of the widest column."""


def ask_contract(url: str, headers: Mapping[str, str], tls: TLSOptions | None, timeout: float) -> Contract:
    """Returns the contract that a server tells of itself, or of a room.

    Args:
        url: of the server, or of a room: `ws://host/room/K7Q2M3`.
        headers: of the request; they hold the token.
        tls: for `wss`; None trusts the machine's certificate authorities.
        timeout: seconds to wait for each part of the answer.

    Raises:
        click.UsageError: the URL is wrong.
        Failure: the server cannot be reached, does not tell its methods, or refuses to.
    """
    try:
        parse_url(url)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    split = urlsplit(url)
    room = split.path.rstrip("/").rpartition("/")[2] if split.path.startswith("/room/") else ""
    status, body = fetch(split, f"{PATH}?room={quote(room)}" if room else PATH, headers, tls, timeout=timeout)
    where = redact(url)
    if status == 401:
        raise Failure(f"{where} does not accept this token for its methods")
    if status != 200:
        raise Failure(f"{where} does not tell its methods (status {status}): give --contract")
    try:
        return contract_from_json(body.decode())
    except ValueError as error:  # also of bytes that are not UTF-8
        raise Failure(f"{where}{PATH} {error}") from error


def _methods(contract: Contract) -> Iterator[tuple[str, str, Method]]:
    """Yields the path, the class and each method of all nodes; "" instead of a path that is not known."""
    tables = {table.id: table for table in contract.tables}
    places = [(place.path, place.table) for place in contract.places if place.table in tables]
    placed = {table for _, table in places}
    for path, id_ in [*places, *(("", id_) for id_ in tables if id_ not in placed)]:
        for method in tables[str(id_)].methods:
            yield path, str(id_), method


def text_lines(contract: Contract) -> Iterator[str]:
    """Yields a line for each method of each node: `Main.greet(name: String)   any_peer`."""
    rows = [(f"{path or f'({id_})'}.{signature(method)}", method.mode) for path, id_, method in _methods(contract)]
    width = min(WIDEST, max((len(text) for text, _ in rows), default=0))
    for text, mode in rows:
        yield f"{text:<{width}}  {mode}"


def json_lines(contract: Contract) -> Iterator[str]:
    """Yields a JSON object for each method of each node."""
    for path, id_, method in _methods(contract):
        arguments: list[dict[str, Any]] = [
            {"name": one.name, "type": one.type, "default": one.default, "rest": one.rest} for one in method.arguments
        ]
        yield json.dumps(
            {"path": path or None, "class": id_, "method": method.name, "mode": method.mode, "arguments": arguments}
        )
