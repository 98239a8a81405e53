"""The process that fuzzes one target: `python -m tests.fuzz.one NAME`, then libFuzzer's own options and folders."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["gdpeer", "h11"]):
    from tests.fuzz.targets import TARGETS

MEASURED = 64
"""Memory is measured of one case in so many: it takes ten times as long."""


def main() -> None:
    """Fuzz; it does not return, but exits with a status other than 0 at the first finding."""
    target, count = TARGETS[sys.argv[1]], 0

    def one(data: bytes) -> None:
        nonlocal count
        count += 1
        target.check(data)
        if count % MEASURED == 0:
            target.check_memory(data)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
