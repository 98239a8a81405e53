"""`gdpeer replay`: sends the clients' messages of a recording to a server, and compares the answers.

This is the command; `gdpeer.inspection.replay` plays the recording.

Layer: `cli`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import IO, Any

import click

from gdpeer.cli.failure import INTERRUPTED, Failure
from gdpeer.cli.options import INPUT, NUMBER, Parsed, quoted, trust_options
from gdpeer.cli.tunnels import names_option
from gdpeer.inspection.method_names import MethodNames
from gdpeer.inspection.recording import RecordingError, read_recording
from gdpeer.inspection.replay import Difference, Player, Replay, ReplayError
from gdpeer.inspection.replay_nodes import Nodes
from gdpeer.inspection.rows import redacted
from gdpeer.protocol.url import parse_url
from gdpeer.terminal.lines import check_output, print_line
from gdpeer.terminal.stopping import Stop
from gdpeer.websocket.tls_options import TLSOptions

__all__ = ["replay"]

TURN = 0.1
"""The most seconds that one poll waits, and so the longest delay of Ctrl-C."""

MAXIMUM = "max"

MOST_SHOWN = 10
"""The most differences of one client that are shown; all are counted."""


def parse_speed(text: str) -> float:
    """Returns the factor of `--speed`: 2.0 is twice as fast, infinity is without pauses."""
    is_number = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) is not None
    speed = float(text) if is_number else float("inf" if text == MAXIMUM else 0)
    if not speed:
        raise ValueError(f"expected a speed such as 0.5, 2 or max, got {quoted(text)}")
    return speed


def make_replay(file: IO[str], url: str, tls: TLSOptions | None, **settings: Any) -> Replay:
    """Returns a replay with the settings that the options ask for.

    Raises:
        click.UsageError: `url` is not a WebSocket URL.
        Failure: the file is damaged, or has no client of a number in `settings["lines"]`.
    """
    try:
        target = parse_url(url)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        return Replay(read_recording(file), target, tls, **settings)
    except (RecordingError, ReplayError, UnicodeDecodeError) as error:
        raise Failure(f"{file.name}: {error}") from error


def report(player: Player, differences: Sequence[Difference], is_compared: bool) -> list[str]:
    """Returns the lines about one client; unless its answers were compared, they only say how many there are."""
    line = f"peer {player.line}: {player.sent} messages sent"
    if not is_compared:
        return [f"{line}, {counted(len(player.answers), player.nodes)}"]
    if not differences:
        return [f"{line}, all {counted(len(player.answers), player.nodes)} as recorded"]
    details = [f"  {place_of(one)}: expected {one.expected}, got {one.got}" for one in differences[:MOST_SHOWN]]
    more = len(differences) - MOST_SHOWN
    count = f"{len(differences)} difference{'s' if len(differences) > 1 else ''}"
    rest = [f"  and {more} more"] if more > 0 else []
    return [f"{line}, {count} in {counted(len(player.expected), player.nodes_then)}", *details, *rest]


def counted(answers: int, nodes: Nodes) -> str:
    """Returns how much there is to compare: `58 answers, 3 SPAWNs and DESPAWNs, 12 properties`."""
    properties = sum(map(len, nodes.values.values()))
    parts = [f"{answers} answers"]
    if nodes.count or properties:
        parts += [f"{nodes.count} SPAWNs and DESPAWNs", f"{properties} properties"]
    return ", ".join(parts)


def place_of(difference: Difference) -> str:
    """Returns where a difference is: `answer 12`, `SPAWN 3` or `Main/Board:score at the end`."""
    if difference.kind == "value":
        return f"{difference.label} at the end"
    kind = difference.kind if difference.kind == "answer" else difference.kind.upper()
    return f"{kind} {difference.number}"


def compare(replay: Replay, is_compared: bool) -> bool:
    """Prints the results of each client and the most frequent differences; returns whether there are none."""
    counts: Counter[str] = Counter()
    for player in replay.players.values():
        found = player.differences(replay.ids) if is_compared else []
        counts.update(one.label for one in found)
        for line in report(player, found, is_compared):
            print_line(line)
    if counts:
        print_line(f"{counts.total()} differences:" if counts.total() > 1 else "1 difference:")
    for label, count in counts.most_common():
        print_line(f"{count:>9}  {label}")
    check_output()
    return not counts


SPEED = Parsed("n", parse_speed)

EXAMPLES = """\b
Examples:
  gdpeer replay session.jsonl ws://localhost:8910
  gdpeer replay session.jsonl ws://localhost:8910 --speed 2
  gdpeer replay session.jsonl ws://localhost:8910 --names my_game/ --ignore roll_dice
  gdpeer replay session.jsonl ws://localhost:8910 --speed max --peer 1 --ignore-answers"""


@click.command(epilog=EXAMPLES)
@click.argument("file", type=INPUT)
@click.argument("url")
@click.option(
    "--speed", default="1", show_default=True, type=SPEED, help="2 is twice as fast; max sends without pauses."
)
@click.option(
    "--peer", "peers", multiple=True, type=NUMBER, help="Only this client, by number in the recording; repeatable."
)
@names_option
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="NAME",
    help="Do not compare this method, command or property, PATH:METHOD or NODE:PROPERTY (or a glob); repeatable.",
)
@click.option("--ignore-answers", is_flag=True, help="Do not compare any answers.")
@trust_options
def replay(
    file: IO[str],
    url: str,
    speed: float,
    peers: tuple[int, ...],
    names: MethodNames,
    ignored: tuple[str, ...],
    ignore_answers: bool,
    tls: TLSOptions | None,
) -> int:
    """Send the client messages of a recording to a server.

    FILE is a recording from gdpeer inspect --record. Each recorded client connects again and sends its messages at the
    recorded pace. New peer ids replace the recorded ids. The command compares the server's answers, spawned nodes and
    the last values of replicated properties with the recorded ones, and counts all differences. The status is 1 if
    there is a difference or a client cannot connect.
    """
    playing = make_replay(file, url, tls, speed=speed, lines=peers, names=names, ignored=ignored)
    with Stop() as stop:
        click.echo(f"gdpeer replay: {len(playing.players)} of {file.name} to {redacted(url)}")
        try:
            while playing.poll(TURN) and not stop.requested:
                pass
        except ReplayError as error:
            raise Failure(error.detail) from error
        finally:
            playing.stop()
    # After Ctrl-C most answers are missing: report what was sent, but no differences.
    is_same = compare(playing, not (ignore_answers or stop.requested))
    if stop.requested:
        return INTERRUPTED
    return 0 if is_same else 1
