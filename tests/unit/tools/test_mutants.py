"""The list of changes without effect that `make mutants` leaves out."""

from __future__ import annotations

import tomllib

from tests.support.missing import ROOT

ENTRIES = tomllib.loads((ROOT / "tests" / "mutants.toml").read_text())["survivor"]


def test_every_entry_quotes_a_line_of_its_module_and_says_why() -> None:
    for entry in ENTRIES:
        source = (ROOT / "src" / "gdpeer" / entry["module"]).read_text()
        assert entry["before"] in source, entry
        assert entry["after"] != entry["before"]
        assert entry["reason"]
