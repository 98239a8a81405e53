"""Every case of the corpus once more, in whatever form gdpeer is here: `python -m tests.fuzz.replay`.

`make fuzz-asan` runs it under AddressSanitizer, which ends it at the first finding;
`--checked` refuses to run where gdpeer was not built so.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gdpeer
from gdpeer.protocol import frames
from tests.fuzz import corpus
from tests.fuzz.run import FOUND
from tests.fuzz.targets import TARGETS
from tests.support.figures import record
from tests.support.forms import FORM


def cases_here(name: str) -> list[bytes]:
    """Those of the repository, and what was found on this machine."""
    folder = FOUND / name
    found = [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []
    return [*corpus.cases(name), *found]


def is_checked() -> bool:
    """Whether AddressSanitizer is in the compiled code that runs here."""
    return gdpeer.COMPILED and b"__asan_report_" in Path(frames.__file__).read_bytes()


def main() -> None:
    """Replay all."""
    print(f"gdpeer: {FORM}, {Path(gdpeer.__file__).parent}")
    if "--checked" in sys.argv and not is_checked():
        sys.exit("gdpeer was not built with GDPEER_CHECKED=1")
    total = 0
    for name, target in TARGETS.items():
        cases = cases_here(name)
        for data in cases:
            target.run(data)
        total += len(cases)
        print(f"{name}: {len(cases)} cases")
    print(f"{total} cases, nothing found")
    if is_checked():
        record("F1", sanitized_cases=total)


if __name__ == "__main__":
    main()
