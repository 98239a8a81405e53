"""Every case of the corpus once more, in whatever form gdpeer is here: `python -m tests.fuzz.replay`.

`make fuzz-asan` runs it with every index checked and under AddressSanitizer, which ends it at the first finding.
"""

from __future__ import annotations

from pathlib import Path

import gdpeer
from tests.fuzz import corpus
from tests.fuzz.run import FOUND
from tests.fuzz.targets import TARGETS


def cases_here(name: str) -> list[bytes]:
    """Those of the repository, and what was found on this machine."""
    folder = FOUND / name
    found = [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []
    return [*corpus.cases(name), *found]


def main() -> None:
    """Replay all."""
    form = "compiled" if gdpeer.COMPILED else "pure"
    print(f"gdpeer: {form}, {Path(gdpeer.__file__).parent}")
    total = 0
    for name, target in TARGETS.items():
        cases = cases_here(name)
        for data in cases:
            target.run(data)
        total += len(cases)
        print(f"{name}: {len(cases)} cases")
    print(f"{total} cases, nothing found")


if __name__ == "__main__":
    main()
