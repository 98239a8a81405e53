"""Groups of subcommands whose modules are imported only when they are used.

Layer: `cli`.
"""

from __future__ import annotations

from importlib import import_module

import click

from gdpeer.cli.failure import suggestion

__all__ = ["Action", "LazyGroup"]


class Action(click.Command):
    """A subcommand of a group within `gdpeer`. Its usage errors name the subcommand, and not only the group."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the words behind the action's name.

        Raises:
            click.UsageError: an option or argument is wrong or missing.
        """
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click's parser leaves this to the group
            raise


class LazyGroup(click.Group):
    """A group that imports the module of a subcommand only when that subcommand is used.

    A subclass sets the attributes.

    Attributes:
        names: of the subcommands, in the order of the help text.
        prefix: of the modules within `gdpeer.cli`. With `contract_`, the subcommand `show` is the function `show`
            of the module `contract_show`. An underscore stands for a hyphen.
        word: what error messages call a subcommand.
    """

    names: tuple[str, ...] = ()
    prefix = ""
    word = "command"

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names, in the order of the help text."""
        return list(self.names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the subcommand; None if there is none of this name."""
        if cmd_name not in self.names:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(import_module(f"gdpeer.cli.{self.prefix}{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Returns the subcommand that the first word names.

        Raises:
            click.UsageError: there is no subcommand of this name.
        """
        if args[0] not in self.names and not args[0].startswith("-"):  # click itself reports an unknown option
            raise click.UsageError(f"unknown {self.word} {args[0]!r}{suggestion(args[0], self.names)}", ctx)
        return super().resolve_command(ctx, args)
