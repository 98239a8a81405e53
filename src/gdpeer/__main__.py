"""Runs the `gdpeer` command: `python -m gdpeer`."""

from gdpeer.cli.__main__ import main

if __name__ == "__main__":
    main()
