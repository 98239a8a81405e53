"""`gdpeer contract explain`: tells which methods belong to a checksum.

Layer: `cli`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from gdpeer.cli.contract import LONG, Reading, github_line, output_options, source_options
from gdpeer.cli.groups import Action
from gdpeer.contract import Contract
from gdpeer.contract.explain import MOST_TRIES, Answer, Explanation, is_checksum
from gdpeer.contract.explain import explain as explain_checksum
from gdpeer.inspection.recorded_checksums import Seen, seen_checksums
from gdpeer.inspection.recording import RecordingError, read_recording
from gdpeer.quoting import escape

__all__ = ["explain"]

MARK = b'{"gdpeer":'
"""The first bytes of a recording."""
MOST_PATHS = 8
"""Most paths that one line names."""

NO_METHODS = "the checksum of a node without methods: a script without @rpc, no script, or one that did not compile"
NOTHING = "no class explains it: the node has another script, or more methods differ"
CUT_SHORT = "no class explains it so far: not all combinations were tried; --node PATH tries fewer classes"

NO_NODE = "the recording has no checksum of this node; only Godot 4 sends checksums, before the first call of a node"
NO_SOURCE = "SOURCE is missing: expected a project, a program or a saved contract that explains the checksum"

EXAMPLES = """\b
Examples:
  gdpeer contract explain c77cf13a98ab8b0e2fd4e9ed81fd1d31 game/
  gdpeer contract explain c77cf13a98ab8b0e2fd4e9ed81fd1d31 game/ server.py --node Main/Player
  gdpeer contract explain session.jsonl game/ server.py      all nodes of a recording"""


@click.command(cls=Action, epilog=EXAMPLES)
@click.argument("words", nargs=-1, metavar="[CHECKSUM] SOURCE...")
@click.option(
    "--node", default="", metavar="PATH", help="Only classes of this node, and only this node of a recording."
)
@source_options
@output_options
def explain(words: tuple[str, ...], node: str, reading: Reading, form: str) -> int:
    """Tell which methods belong to the CHECKSUM that Godot 4 sends for a node.

    If no class of a SOURCE has the checksum, the command searches for up to three methods that would have to be
    missing, additional or renamed. A SOURCE may also be a recording of gdpeer inspect --record: without a CHECKSUM, all
    nodes of the recording are explained. The status is 0 if a class has each checksum, else 1.
    """
    if not words:
        raise _misuse(NO_SOURCE)
    checksum, sources = (words[0].lower(), words[1:]) if is_checksum(words[0].lower()) else ("", words)
    recordings = [source for source in sources if _is_recording(source)]
    contracts = [reading.read(source) for source in sources if source not in recordings]
    if not contracts:
        raise _misuse(NO_SOURCE)
    if not checksum and not recordings:
        raise _misuse(f"expected a checksum of 32 hexadecimal digits or a recording, got '{escape(words[0])}'")
    seen = [one for recording in recordings for one in _seen(recording)]
    wanted = [one for one in seen if checksum in ("", one.checksum) and node in ("", one.path)]
    explained = list(_explained([checksum] if checksum else [one.checksum for one in wanted], contracts, node))
    wrong = [one for one in explained if not (one.is_exact or one.is_empty)]
    if form == "json":
        click.echo(
            json.dumps({"checksums": [_as_json(one, wanted) for one in explained]}, ensure_ascii=False, indent=1)
        )
    elif form == "github":
        for text in ["".join(_lines([one], wanted)) for one in wrong] or ([] if explained else [NO_NODE]):
            click.echo(github_line("error", "", 0, text))
    else:
        for line in _lines(explained, wanted):
            click.echo(escape(line, LONG))
    return 1 if wrong or not explained else 0


def _misuse(text: str) -> click.UsageError:
    return click.UsageError(text, click.get_current_context())


def _is_recording(source: str) -> bool:
    """Whether a source is a recording; False if it cannot be read, which is reported when it is read as a contract."""
    try:
        with Path(source).open("rb") as file:
            return file.read(len(MARK)) == MARK
    except (OSError, ValueError):
        return False


def _seen(source: str) -> list[Seen]:
    """Returns the checksums of a recording.

    Raises:
        click.UsageError: the recording is damaged.
    """
    try:
        with Path(source).open(encoding="utf-8") as file:
            return seen_checksums(read_recording(file))
    except UnicodeDecodeError as error:
        raise _misuse(f"{source}: not a text in UTF-8") from error
    except (OSError, RecordingError) as error:
        raise _misuse(f"{source}: {error}") from error


def _explained(checksums: Sequence[str], contracts: Sequence[Contract], node: str) -> Iterator[Explanation]:
    """Yields the explanation of each checksum, once; together they use the tries of one search."""
    each = list(dict.fromkeys(checksums))
    for checksum in each:
        try:
            yield explain_checksum(checksum, contracts, node, tries=MOST_TRIES // len(each))
        except ValueError as error:
            raise _misuse(str(error)) from error


def _lines(explained: Sequence[Explanation], seen: Sequence[Seen]) -> Iterator[str]:
    """Yields the lines of the text form."""
    if not explained:
        yield NO_NODE
    for one in explained:
        nodes = [f"{node.path} ({' and '.join(node.senders)})" for node in seen if node.checksum == one.checksum]
        yield f"{one.checksum}{_places(nodes, '  sent for ')}"
        if one.is_empty:
            yield f"  {NO_METHODS}"
        elif not one.answers:
            yield f"  {NOTHING if one.is_complete else CUT_SHORT}"
        for answer in one.answers:
            yield f"  {_name(answer)}: {answer.describe()}{_places(answer.paths, '  at ')}"


def _places(paths: Sequence[str], words: str) -> str:
    more = f" and {len(paths) - MOST_PATHS} more" if len(paths) > MOST_PATHS else ""
    return f"{words}{', '.join(paths[:MOST_PATHS])}{more}" if paths else ""


def _name(answer: Answer) -> str:
    return f"{answer.table.id} of {answer.source}"


def _as_json(one: Explanation, seen: Sequence[Seen]) -> dict[str, Any]:
    nodes = [{"path": node.path, "senders": node.senders} for node in seen if node.checksum == one.checksum]
    answers = [
        {
            "source": answer.source,
            "table": answer.table.id,
            "paths": answer.paths,
            "names": answer.table.names,
            "is_exact": answer.change is None,
            "lacks": answer.change.lacks if answer.change else (),
            "has": answer.change.has if answer.change else (),
            "text": answer.describe(),
        }
        for answer in one.answers
    ]
    return {"checksum": one.checksum, "nodes": nodes, "answers": answers, "is_complete": one.is_complete}
