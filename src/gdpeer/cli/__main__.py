"""Starts the `gdpeer` command; `python -m gdpeer` and `python -m gdpeer.cli` start it too.

Without the extra `[cli]` the command prints one line that says how to install it.

Layer: `cli`.
"""

from __future__ import annotations

import importlib.util
import io
import logging
import sys

__all__ = ["main"]

NEEDED = ("click", "rich")


def main() -> None:
    """Runs the command line and exits with its status."""
    missing = [name for name in NEEDED if not is_installed(name)]
    if missing:
        print(f'gdpeer: the command line needs {" and ".join(missing)}: pip install "gdpeer[cli]"', file=sys.stderr)
        raise SystemExit(1)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a player's name may hold characters that a Windows pipe refuses
            stream.reconfigure(errors="backslashreplace")
    # A warning of the library stands in the one line that a command prints of a failure. Do not print it twice.
    logging.getLogger("gdpeer").setLevel(logging.ERROR)
    try:  # importing takes long enough for a Ctrl-C, which must not print a traceback
        from gdpeer.cli.commands import gdpeer
    except KeyboardInterrupt:
        raise SystemExit(130) from None

    gdpeer.main(prog_name="gdpeer")


def is_installed(name: str) -> bool:
    """Returns whether module `name` can be imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # raised if sys.modules holds the module as None
        return False


if __name__ == "__main__":
    main()
