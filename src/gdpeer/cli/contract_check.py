"""`gdpeer contract check`: names every difference between two sources.

Layer: `cli`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

from gdpeer.cli.contract import LONG, Reading, github_line, output_options, source_options
from gdpeer.cli.groups import Action
from gdpeer.cli.options import Parsed, quoted
from gdpeer.contract.compare import Comparison, examine
from gdpeer.contract.difference import CODES, Difference
from gdpeer.quoting import escape

__all__ = ["check"]

FORMAT = 1
"""Of the JSON form; a change that breaks readers gets another number."""

MOST_SUBJECTS = 8
"""Most further classes that the text of a difference names."""


def parse_pair(text: str) -> tuple[str, str]:
    """Returns the two ids of a text such as `res://main.gd=server.Main`."""
    left, equals, right = text.partition("=")
    if not (left and equals and right):
        raise ValueError(f"expected A_ID=B_ID such as res://main.gd=server.Main, got {quoted(text)}")
    return left, right


EXAMPLES = f"""\b
Examples:
  gdpeer contract check game/ server.py:make_tree
  gdpeer contract check client/ server/ --partial --ignore missing-node
  gdpeer contract check game/ server.py --ignore 'mode:Main/*' --github

\b
The pattern behind CODE: is compared with the path of the node, the id of the class, the method's name and the file.
The codes:
{chr(10).join(f"  {code:<16} {meaning}" for code, meaning in CODES.items())}"""


@click.command(cls=Action, epilog=EXAMPLES)
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@click.option("--strict", is_flag=True, help="Exit with status 1 for warnings too.")
@click.option("--ignore", multiple=True, metavar="CODE[:GLOB]", help="Leave differences out; repeatable.")
@click.option("--partial", is_flag=True, help="Ignore classes that only one side has.")
@click.option(
    "--pair", "pairs", multiple=True, type=Parsed("a_id=b_id", parse_pair), help="Two classes that are one; repeatable."
)
@source_options
@output_options
def check(
    left: str,
    right: str,
    strict: bool,
    ignore: tuple[str, ...],
    partial: bool,
    pairs: tuple[tuple[str, str], ...],
    reading: Reading,
    form: str,
) -> int:
    """Compare the RPC methods of sources A and B.

    The status is 0 if all calls arrive, 1 if there are differences, 2 if a source cannot be read.
    """
    contracts = (reading.read(left), reading.read(right))
    try:
        found = examine(*contracts, partial=partial, pairs=pairs, ignore=ignore)
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context()) from error
    if form == "json":
        click.echo(as_json(found))
    else:
        for line in github(found) if form == "github" else lines(found):
            click.echo(line)
    return int(any(strict or one.level == "error" for one in found.differences))


def lines(found: Comparison) -> Iterator[str]:
    """Yields the lines of the text form."""
    for one in found.differences:
        yield escape(str(one), LONG)
        if one.hint:
            yield escape(f"  {one.hint}", LONG)
        if one.more:
            yield escape(f"  also {subjects(one)}", LONG)
    yield summary(found)


def github(found: Comparison) -> Iterator[str]:
    """Yields annotations of GitHub Actions, and the summary as plain text."""
    for one in found.differences:
        subject = f"{one.subject}: " if one.subject else ""
        hint = f" ({one.hint})" if one.hint else ""
        more = f" Also {subjects(one)}." if one.more else ""
        yield github_line(one.level, one.file, one.line, f"{one.code}: {subject}{one.text}{hint}{more}")
    yield summary(found)


def subjects(difference: Difference) -> str:
    """Returns the further classes of a difference."""
    shown = difference.more[:MOST_SUBJECTS]
    left = len(difference.more) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")


def summary(found: Comparison) -> str:
    """Returns the last line: `2 differences: 1 error, 1 warning. 36 methods agree.`"""
    levels = [one.level for one in found.differences]
    parts = [count(levels.count(level), level) for level in ("error", "warning") if level in levels]
    head = f"{count(len(levels), 'difference')}: {', '.join(parts)}." if levels else "No differences."
    ignored = f" {found.ignored} ignored." if found.ignored else ""
    return f"{head} {count(found.agreeing, 'method')} agree{'s' if found.agreeing == 1 else ''}.{ignored}"


def count(number: int, noun: str) -> str:
    """Returns `1 error` or `2 errors`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def as_json(found: Comparison) -> str:
    """Returns the result as JSON, with the same facts as the text."""
    levels = [one.level for one in found.differences]
    content = {
        "format": FORMAT,
        "errors": levels.count("error"),
        "warnings": levels.count("warning"),
        "agreeing": found.agreeing,
        "ignored": found.ignored,
        "differences": [
            {
                "level": one.level,
                "code": one.code,
                "file": one.file,
                "line": one.line,
                "subject": one.subject,
                "method": one.method,
                "text": one.text,
                "hint": one.hint,
                "more": list(one.more),
            }
            for one in found.differences
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=1)
