"""`gdpeer replay`: what `gdpeer inspect --record` kept, said again to a server.

Layer: `cli`.
"""

from __future__ import annotations

from typing import IO

import click

from gdpeer.cli.failure import Failure
from gdpeer.cli.options import tls_options
from gdpeer.demos.stopping import Stop
from gdpeer.protocol.url import parse_url
from gdpeer.tools.inspecting import redacted
from gdpeer.tools.recording import RecordingError, read_recording
from gdpeer.tools.replaying import Player, Replay, ReplayError

__all__ = ["replay"]

TURN = 0.1
"""Seconds that one poll waits at most: as late can a signal be noticed."""

MAXIMUM = "max"


def parse_speed(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """How often as fast as then."""
    try:
        speed = float("inf") if value == MAXIMUM else float(value)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise click.BadParameter(f"{value!r} is no speed such as 0.5, 2 or max")
    return speed


def make_replay(
    file: IO[str], url: str, authority: str | None, insecure: bool, speed: float, peers: tuple[int, ...]
) -> Replay:
    """A replay as the options ask for it.

    Raises:
        click.UsageError: the URL is none, or the options do not go together.
        Failure: the file is damaged, or has no such peer.
    """
    try:
        target = parse_url(url)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    options = tls_options(authority, insecure)
    try:
        return Replay(read_recording(file), target, options, speed=speed, lines=peers)
    except (RecordingError, ReplayError, UnicodeDecodeError) as error:
        raise Failure(f"{file.name}: {error}") from error


def report(player: Player, difference: str, is_compared: bool) -> str:
    """What became of one client."""
    line = f"peer {player.line}: {player.sent} messages sent"
    if not is_compared:
        return f"{line}, {len(player.answers)} answers"
    return f"{line}, {difference or f'all {len(player.answers)} answers as recorded'}"


def compare(replay: Replay, is_compared: bool) -> bool:
    """Say what became of each client; whether all was as recorded."""
    is_same = True
    for player in replay.players.values():
        found = player.difference(replay.ids) if is_compared else None
        is_same = is_same and found is None
        words = f"answer {found.number} differs: expected {found.expected}, got {found.got}" if found else ""
        click.echo(report(player, words, is_compared))
    return is_same


EXAMPLES = """\b
Examples:
  gdpeer replay session.jsonl ws://localhost:8910
  gdpeer replay session.jsonl ws://localhost:8910 --speed 2
  gdpeer replay session.jsonl ws://localhost:8910 --speed max --peer 1 --ignore-answers"""


@click.command(epilog=EXAMPLES)
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.argument("url")
@click.option("--speed", default="1", show_default=True, callback=parse_speed, help="0.5, 2, ...; max: without pauses.")
@click.option("--peer", "peers", multiple=True, type=int, metavar="N", help="Only this client: its # in the recording.")
@click.option("--ignore-answers", is_flag=True, help="Do not compare what the server answers.")
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="Trust this certificate authority (PEM) only.")
@click.option("--insecure", is_flag=True, help="Trust every certificate.")
def replay(
    file: IO[str],
    url: str,
    speed: float,
    peers: tuple[int, ...],
    ignore_answers: bool,
    ca: str | None,
    insecure: bool,
) -> int:
    """Say to a server what clients said when FILE was recorded.

    A connection for each client of the recording, at the recorded pace. Ids that a Godot server deals anew are
    put in place of the recorded ones. The answers are compared: calls, sets, raw packets, texts and binary messages;
    status 1 where one differs, or a client cannot come in.
    """
    playing = make_replay(file, url, ca, insecure, speed, peers)
    with Stop() as stop:
        click.echo(f"gdpeer replay: {len(playing.players)} of {file.name} to {redacted(url)}")
        try:
            while playing.poll(TURN) and not stop.requested:
                pass
        except ReplayError as error:
            raise Failure(error.detail) from error
        finally:
            playing.stop()
    is_same = compare(playing, not (ignore_answers or stop.requested))
    return 0 if is_same else 1
