"""`gdpeer call`: calls one method of a running game, and prints the calls that come back.

This is the command; `gdpeer.inspection.calling` makes the call, and `call_target` finds the method.

Layer: `cli`.
"""

from __future__ import annotations

import functools
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gdpeer import TLSOptions, WebSocketPeer
from gdpeer.cli.call_list import ask_contract, json_lines, text_lines
from gdpeer.cli.call_target import (
    check_arguments,
    check_awaited,
    check_mode,
    find_method,
    find_table,
    guessed_table,
    parse_target,
    with_members,
)
from gdpeer.cli.connect import begin, make_peer, redirects_option
from gdpeer.cli.failure import INTERRUPTED, Failure
from gdpeer.cli.options import COUNT, SECONDS, Parsed, parse_header, protocols_option, quoted, trust_options
from gdpeer.cli.screen import Screen
from gdpeer.contract import Contract, read
from gdpeer.inspection.call_values import json_of, line_of, value_of
from gdpeer.inspection.calling import SERVER, Call, Caller, ContractNames, NotCalledError, Step
from gdpeer.inspection.decoded import Decoded
from gdpeer.inspection.direction import Direction
from gdpeer.quoting import clean, escape, redact
from gdpeer.terminal.lines import check_output, print_line
from gdpeer.terminal.stopping import Stop

__all__ = ["call"]

TURN = 0.1
"""The most seconds that one poll waits, and so the longest delay of Ctrl-C."""

PARTING = 1.0
"""Seconds to wait for the server's answer to the close: the call has been made."""

NORMAL = 1000
GOING_AWAY = 1001

MOST_SECRET = 65_536
"""Characters of a file with a secret, or with headers."""

State = WebSocketPeer.State


def read_secret(text: str) -> str:
    """Returns the secret that `@FILE` or `env:NAME` stands for, without a line end.

    Raises:
        ValueError: the text has another form, or there is no such file or variable.
    """
    if text.startswith("env:") and len(text) > 4:
        found = os.environ.get(text[4:])
        if found is None:
            raise ValueError(f"the environment has no variable {quoted(text[4:])}")
    elif text.startswith("@") and len(text) > 1:
        try:
            with Path(text[1:]).open(encoding="utf-8") as file:
                found = file.read(MOST_SECRET)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise ValueError(f"cannot read {quoted(text[1:])}: {reason}") from error
    else:  # do not repeat the value: it may be the secret
        raise ValueError("expected @FILE or env:NAME, because every user of a machine can read its command lines")
    if not found.strip():
        raise ValueError(f"{quoted(text)} is empty")
    return found.rstrip("\r\n")


def parse_headers(text: str) -> tuple[str, ...]:
    """Returns header lines: one, or those of a file for `@FILE`."""
    if not text.startswith("@"):
        return (parse_header(text),)
    return tuple(parse_header(line) for line in read_secret(text).splitlines() if line.strip())


SECRET = Parsed("secret", read_secret)
HEADERS = Parsed("'K: V'|@file", parse_headers)


@dataclass(frozen=True, slots=True)
class Access:
    """The options that say how to connect, and as whom. `repr` hides them all: they hold secrets.

    Attributes:
        session: the key of a player's place in a room; None without.
        auth: data for a server that authenticates its peers; None without.
        headers, protocols: to send with the request.
        tls: for `wss`; None trusts the machine's certificate authorities.
        max_redirects: of the server, that are followed.
    """

    session: str | None
    auth: bytes | None
    headers: tuple[str, ...]
    protocols: tuple[str, ...]
    tls: TLSOptions | None
    max_redirects: int

    def __repr__(self) -> str:
        return "Access(***)"

    def peer(self) -> WebSocketPeer:
        """Returns a peer with these settings, which is not connected."""
        peer = make_peer(self.protocols, self.headers, compress=False, ping=0.0)
        peer.max_redirects = self.max_redirects
        return peer

    def connect(self, peer: WebSocketPeer, url: str) -> None:
        """Begins to connect.

        Raises:
            click.UsageError: the URL is wrong.
        """
        key = "" if self.session is None else f"{'&' if '?' in url else '?'}session={quote(self.session, safe='')}"
        begin(peer, url + key, self.tls)

    def ask(self, url: str, token: str, timeout: float) -> Contract:
        """Asks a server for its contract, with a token for this purpose; raises as `ask_contract`."""
        headers = dict(line.split(": ", 1) for line in (*self.headers, bearer(token, "--ask")))
        return ask_contract(url, headers, self.tls, timeout)


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say how to connect to a command, which gets them as `access`."""

    @click.option("--session", type=SECRET, help="Key of your place in a room.")
    @click.option("--token", type=SECRET, help="Token for Authorization: Bearer.")
    @click.option("--auth", type=SECRET, help="Data for the server's auth_callback.")
    @click.option("--header", "headers", multiple=True, type=HEADERS, help="Header to send; repeatable.")
    @protocols_option("Sub-protocol to offer; repeatable.")
    @trust_options
    @redirects_option
    @functools.wraps(command)
    def run(
        session: str | None,
        token: str | None,
        auth: str | None,
        headers: tuple[tuple[str, ...], ...],
        protocols: tuple[str, ...],
        tls: TLSOptions | None,
        max_redirects: int,
        **others: Any,
    ) -> Any:
        lines = [*(line for group in headers for line in group), *([] if token is None else [bearer(token, "--token")])]
        data = None if auth is None else auth.encode()
        return command(access=Access(session, data, tuple(lines), protocols, tls, max_redirects), **others)

    return run


def bearer(token: str, option: str) -> str:
    """Returns the header for the token of an option.

    Raises:
        click.UsageError: the token cannot stand in a header.
    """
    try:
        return parse_header(f"Authorization: Bearer {token}")
    except ValueError as error:  # do not repeat the token
        raise click.UsageError(f"{option}: expected one line of text") from error


class CallCommand(click.Command):
    """A command whose arguments may be negative numbers, which are no options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the words of the command line.

        Raises:
            click.UsageError: an option is unknown, or its value is missing or wrong.
        """
        # A blank before the number hides it from click, and means nothing in a value.
        words = args[: args.index("--")] if "--" in args else args
        shielded = [f" {word}" if re.match(r"-\.?[0-9]|-inf$", word) else word for word in words]
        return super().parse_args(ctx, shielded + args[len(words) :])


@dataclass(frozen=True)
class Awaited:
    """The calls to wait for.

    Attributes:
        targets: path and method of each; the path "" stands for every node.
        count: how many calls to wait for, of all methods together; 0: none.
    """

    targets: Sequence[tuple[str, str]]
    count: int

    def includes(self, decoded: Decoded) -> bool:
        """Returns whether a message is one of the calls."""
        is_call = decoded.command == "rpc" and not decoded.problem
        return is_call and any(name == decoded.method and path in ("", decoded.path) for path, name in self.targets)


class Output:
    """Prints the awaited calls to standard output, and with `--verbose` everything else to standard error.

    Args:
        awaited: the calls to print.
        as_json: whether to print a JSON object for each call.
        is_verbose: whether to show all messages.

    Attributes:
        seen: how many of the awaited calls have come.
    """

    def __init__(self, awaited: Awaited, as_json: bool, is_verbose: bool) -> None:
        self._awaited = awaited
        self._as_json = as_json
        self._is_verbose = is_verbose
        self._screen = Screen()
        self.seen = 0
        self._is_called = False

    @property
    def is_complete(self) -> bool:
        """Whether all awaited calls have come."""
        return self.seen >= self._awaited.count

    def show(self, direction: Direction, decoded: Decoded) -> None:
        """Shows a message of either side."""
        is_own = direction is Direction.TO_SERVER
        # What came before the call is no answer to it.
        is_answer = self._is_called and not is_own and self._awaited.includes(decoded)
        self._is_called = self._is_called or (is_own and decoded.command == "rpc")
        if is_answer and not self.is_complete:
            self.seen += 1
            print_line(json.dumps(as_json(decoded)) if self._as_json else as_text(decoded))
            check_output()
        elif self._is_verbose:
            arrow = "->" if is_own else "<-"
            what = as_text(decoded) if decoded.command == "rpc" and not decoded.problem else decoded.summary()
            self._screen.status(f"{arrow} {decoded.command} {what}")


def as_text(decoded: Decoded) -> str:
    """Returns a call as one line, with the values whole: `Main.welcome("hello Ann")`."""
    values = ", ".join(line_of(value, decoded.engine) for value in decoded.arguments)
    source = "" if decoded.source in (SERVER, None) or not decoded.is_relayed else f" from {decoded.source}"
    return f"{escape(decoded.path, 0)}.{escape(decoded.method, 0)}({values}){source}"


def as_json(decoded: Decoded) -> dict[str, Any]:
    """Returns a call for JSON: the arguments as JSON has them, and as the engine writes them."""
    engine = decoded.engine
    return {
        "path": decoded.path,
        "method": decoded.method,
        "from": decoded.source,
        "arguments": [json_of(value, engine) for value in decoded.arguments],
        "texts": [line_of(value, engine) for value in decoded.arguments],
    }


# -- the words of the command line ------------------------------------------------------------------------------------


def parse_awaited(waits: Sequence[str], count: int | None) -> Awaited:
    """Returns the calls to wait for.

    Raises:
        click.UsageError: a word is no method, or `--count` has nothing to count.
    """
    if count is not None and not waits:
        raise click.UsageError("--count needs --wait")
    try:
        return Awaited([parse_target(word) for word in waits], (count or 1) if waits else 0)
    except ValueError as error:
        raise click.UsageError(f"--wait: {error}") from error


def read_values(words: Sequence[str], engine: int, as_string: bool) -> list[Any]:
    """Returns the arguments of the call.

    Raises:
        click.UsageError: a word begins like a value and is none.
    """
    values = []
    for number, word in enumerate(words, 1):
        try:
            values.append(word if as_string else value_of(word, engine))
        except ValueError as error:
            raise click.UsageError(f"argument {number}: {error}; --string sends text") from error
    return values


def read_contract(source: str, is_asked: bool, engine: int) -> Contract:
    """Returns the contract of a game.

    Raises:
        click.UsageError: it cannot be read, or the server is to be asked for it, too.
    """
    if is_asked:
        raise click.UsageError("--contract and --ask cannot be used together")
    try:
        return read(source, engine=engine)
    except ValueError as error:
        raise click.UsageError(f"--contract: {error}") from error


def make_call(
    contract: Contract | None, target: str, values: Sequence[Any], awaited: Awaited, class_: str, engine: int
) -> Call:
    """Returns what to call. The methods of the node are those of the contract, else those that the command line names.

    Args:
        contract: of the game; None without.
        target: as typed.
        values: the arguments.
        awaited: names more methods of the node.
        class_: of the node; "" without.
        engine: 4 or 3: check the call against the contract. 0: only look for the method.

    Raises:
        click.UsageError: the contract has no such node or method, or the server would refuse the call.
    """
    try:
        path, name = parse_target(target)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not path:
        raise click.UsageError(f"expected a node and a method such as Main.greet, got {quoted(target)}")
    if contract is None:
        if class_:
            raise click.UsageError("--class needs --contract")
        names = [name, *(method for where, method in awaited.targets if where in ("", path))]
        return Call(path, name, values, guessed_table(names))
    table = find_table(contract, path, name, class_)
    method = find_method(table, name)
    values = with_members(contract, method, values)
    if engine:
        check_mode(method)
        check_awaited(contract, [method for _, method in awaited.targets])
        check_arguments(method, values, engine)
    return Call(path, name, values, table)


# -- calling ----------------------------------------------------------------------------------------------------------


def converse(caller: Caller, output: Output, stop: Stop, timeout: float) -> None:
    """Makes the call, and waits for the awaited calls.

    Raises:
        NotCalledError: the server refuses the call, or the time is over.
    """
    end = time.monotonic() + timeout
    while not stop.requested:
        left = end - time.monotonic()
        if left <= 0:
            raise NotCalledError(describe_delay(caller, output, timeout))
        caller.poll(min(TURN, left))
        if caller.step is Step.HANDLED and output.is_complete:
            return


def describe_delay(caller: Caller, output: Output, timeout: float) -> str:
    """Returns what has not happened in time."""
    within = f"within {timeout:g} s"
    match caller.step:
        case Step.CONNECTING:
            return f"no connection {within}"
        case Step.JOINING:
            return f"the server did not send a peer id {within}: it is no server of Godot's multiplayer"
        case Step.AUTHENTICATING:
            return f"the server did not complete the authentication {within}"
        case Step.ASKING:
            return f"the server did not answer {within}: it has no such node, or has not admitted this client"
        case Step.CALLED:
            return f"the server was called, and did not answer {within}"
    missing = "no awaited call came" if not output.seen else f"only {output.seen} of the awaited calls came"
    return f"the server has handled the call, and {missing} {within} (its log says whether it refused the call)"


def leave(peer: WebSocketPeer, code: int) -> None:
    """Closes the connection with a code, and waits a moment for the server's answer."""
    peer.close(code)
    end = time.monotonic() + PARTING
    while peer.get_ready_state() != State.CLOSED and time.monotonic() < end:
        peer.poll(timeout=TURN)


def run(caller: Caller, output: Output, timeout: float, url: str, hint: str) -> int:
    """Makes the call, and returns the exit status.

    Args:
        caller: of a connection that has begun.
        output: prints the awaited calls.
        timeout: seconds for everything.
        url: of the server, without secrets.
        hint: what to do if the server has other methods.

    Raises:
        Failure: the server does not answer, or refuses.
    """
    with Stop() as stop:
        try:
            converse(caller, output, stop, timeout)
        except NotCalledError as error:
            raise Failure(f"{url}: {clean(str(error), 800)}{hint if caller.is_mismatch else ''}") from error
    return INTERRUPTED if stop.requested else 0


def print_list(contract: Contract | None, is_json: bool) -> int:
    """Prints the methods of all nodes, and returns the exit status."""
    for line in [] if contract is None else (json_lines if is_json else text_lines)(contract):
        print_line(line)
    check_output()
    return 0


EXAMPLES = """\b
Examples:
  gdpeer call ws://localhost:8910 Main.greet Ann 'Vector2(1, 2)' --contract game/
  gdpeer call ws://localhost:8910 Main.greet Ann 'Vector2(1, 2)' --wait welcome --json
  gdpeer call ws://localhost:8910 Main/Game.roll --godot3
  gdpeer call ws://localhost:8910 --list --ask env:TOKEN
  gdpeer call wss://play.example/room/K7Q2M3 Main.move -5 true --session @key.txt"""


@click.command(cls=CallCommand, epilog=EXAMPLES)
@click.argument("url")
@click.argument("target", metavar="NODE.METHOD", required=False)
@click.argument("words", nargs=-1, metavar="[ARGUMENT]...")
@click.option("--contract", "source", metavar="SOURCE", help="The methods: a project, .gd, .py, module or .json.")
@click.option("--ask", type=SECRET, help="Ask the server for its methods, with this token.")
@click.option("--list", "is_list", is_flag=True, help="List the methods of --contract or --ask.")
@click.option("--class", "class_", default="", metavar="NAME", help="With --contract: the class of the node.")
@click.option("--no-check", is_flag=True, help="Call even if the contract forbids it.")
@click.option("--string", "as_string", is_flag=True, help="Send all arguments as text.")
@click.option("--wait", "waits", multiple=True, metavar="METHOD", help="Wait for a call of METHOD; repeatable.")
@click.option("--count", type=COUNT, help="Number of calls to wait for.  [default: 1]")
@click.option("--timeout", default=5.0, show_default=True, type=SECONDS, help="The most time for everything.")
@click.option("--json", "is_json", is_flag=True, help="Print a JSON object for each awaited call.")
@click.option("--verbose", is_flag=True, help="Show all messages on standard error.")
@click.option("--godot3", is_flag=True, help="The server is a Godot 3 game.")
@access_options
def call(
    url: str,
    target: str | None,
    words: tuple[str, ...],
    source: str | None,
    ask: str | None,
    is_list: bool,
    class_: str,
    no_check: bool,
    as_string: bool,
    waits: tuple[str, ...],
    count: int | None,
    timeout: float,
    is_json: bool,
    verbose: bool,
    godot3: bool,
    access: Access,
) -> int:
    """Call one method of a running Godot or gdpeer server.

    An ARGUMENT is a GDScript value, such as 12, true or 'Vector2(1, 2)', or else text. Godot 4 needs the names of all
    methods of the node: without --contract or --ask, it may have only METHOD and those of --wait. A SECRET is @FILE or
    env:NAME. The status is 0 after the call and the awaited answers, and 1 without.
    """
    awaited = parse_awaited(waits, count)
    if (target is None) is not is_list:
        raise click.UsageError("--list takes no NODE.METHOD" if is_list else "NODE.METHOD is missing")
    contract: Contract | None = None
    if source is not None:
        contract = read_contract(source, ask is not None, 3 if godot3 else 0)
    elif ask is not None:
        contract = access.ask(url, ask, timeout)
    elif is_list:
        raise click.UsageError("--list needs --contract or --ask")
    if target is None:
        return print_list(contract, is_json)
    engine = 3 if godot3 or (contract is not None and contract.engine == 3) else 4
    values = read_values(words, engine, as_string)
    wanted = make_call(contract, target, values, awaited, class_, 0 if no_check else engine)
    names = ContractNames([wanted.table] if contract is None else [wanted.table, *contract.tables])
    output = Output(awaited, is_json, verbose)
    peer = access.peer()
    try:
        caller = Caller(peer, wanted, names, engine, output.show, access.auth)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    access.connect(peer, url)
    try:
        return run(caller, output, timeout, redact(url), "; give --contract or --ask" if contract is None else "")
    finally:
        # A room gives the place of a player up who closes with 1000.
        leave(peer, NORMAL if access.session is None else GOING_AWAY)
