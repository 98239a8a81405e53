"""Where the `gdpeer` command starts; `python -m gdpeer` and `python -m gdpeer.cli` are the same.

Without the extra `[cli]` it says in one line how to get it.

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
    """Run the command line and exit with its status."""
    missing = [name for name in NEEDED if not is_installed(name)]
    if missing:
        print(f'gdpeer: the command line needs {" and ".join(missing)}: pip install "gdpeer[cli]"', file=sys.stderr)
        raise SystemExit(1)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a player's name may have what a Windows pipe cannot write
            stream.reconfigure(errors="backslashreplace")
    # What the library warns of ends up in the one line that is printed; only errors are worth another.
    logging.getLogger("gdpeer").setLevel(logging.ERROR)
    try:
        from gdpeer.cli.commands import gdpeer
    except KeyboardInterrupt:
        raise SystemExit(130) from None

    gdpeer.main(prog_name="gdpeer")


def is_installed(name: str) -> bool:
    """Whether module `name` could be imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # what find_spec says of a module that sys.modules holds as None
        return False


if __name__ == "__main__":
    main()
