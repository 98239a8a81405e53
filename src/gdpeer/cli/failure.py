"""What a subcommand raises when it cannot go on.

Layer: `cli`.
"""

from __future__ import annotations

import click

__all__ = ["Failure"]


class Failure(click.ClickException):
    """Something outside the command line is wrong: exit 1 with one line.

    Args:
        message: one sentence without a full stop.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.ctx = click.get_current_context(silent=True)
