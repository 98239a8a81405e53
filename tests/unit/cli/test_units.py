"""Times, rates and parts as people write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gdpeer.cli.units import duration, part, rate, stall


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (duration, "80ms", 0.08),
        (duration, " 80 MS ", 0.08),
        (duration, "2s", 2.0),
        (duration, "1.5min", 90.0),
        (duration, "250us", 0.00025),
        (duration, "0", 0.0),
        (duration, "0ms", 0.0),
        (rate, "256k", 256_000.0),
        (rate, "256kbit/s", 256_000.0),
        (rate, "1.5Mbit", 1_500_000.0),
        (rate, "32kB", 256_000.0),
        (rate, "32KB/s", 256_000.0),
        (rate, "9600", 9600.0),
        (rate, "100 bps", 100.0),
        (part, "2%", 0.02),
        (part, "0.5 %", 0.005),
        (part, "100%", 1.0),
        (stall, "2s/30s", (2.0, 30.0)),
        (stall, "500ms / 1min", (0.5, 60.0)),
    ],
)
def test_what_is_understood(parse: Callable[[str], Any], text: str, value: Any) -> None:
    assert parse(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (duration, "80", "expected a time such as 80ms, 2s or 1.5min, got '80'$"),
        (duration, "-1s", "expected a time such as .*, got '-1s'$"),
        (duration, "soon", "expected a time such as .*, got 'soon'$"),
        (duration, "1h", "expected a time such as .*, got '1h'$"),
        (duration, "1e9s", "expected a time such as .*, got '1e9s'$"),
        (rate, "0", "expected a rate such as 256k .*, got '0'$"),
        (rate, "fast", "expected a rate such as .*, got 'fast'$"),
        (rate, "1kk", "expected a rate such as .*, got '1kk'$"),
        (part, "2", "expected a percentage such as 2%, got '2'$"),
        (part, "101%", "expected a percentage such as 2%, got '101%'$"),
        (part, "some", "expected a percentage such as 2%, got 'some'$"),
        (stall, "2s", "expected a stall such as 2s/30s .*, got '2s'$"),
        (stall, "30s/2s", "expected a stall such as 2s/30s .*, got '30s/2s'$"),
        (stall, "0s/2s", "expected a stall such as 2s/30s .*, got '0s/2s'$"),
    ],
)
def test_what_is_not(parse: Callable[[str], Any], text: str, words: str) -> None:
    with pytest.raises(ValueError, match="^" + words):
        parse(text)
