"""The measured part of docs/performance.md comes from the results, and from nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from bench.machine import RESULTS, number, ratios, table
from bench.page import BEGIN, END, PAGE, TITLES, read, render, replace, section

ABOUT = {
    "date": "2026-01-02",
    "processor": "Some Processor",
    "cpus": 2,
    "machine": "x86_64",
    "system": "Linux 6.1",
    "python": "3.11.7",
    "gdpeer": "compiled",
    "rounds": 2,
    "seconds": 1.0,
}


def figures(**results: Any) -> dict[str, Any]:
    return {"about": ABOUT, "results": results}


def rates(*values: float, errors: int = 0) -> list[dict[str, Any]]:
    return [{"per_s": value, "error_total": errors} for value in values]


def test_the_page_is_what_the_results_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert replace(page, render(*read(RESULTS))) == page, "run python -m bench.page"


def test_only_what_stands_between_the_comments_is_replaced() -> None:
    page = f"before {BEGIN} old {END} after"
    assert replace(page, "new") == f"before {BEGIN}\n\nnew\n\n{END} after"
    with pytest.raises(ValueError, match="lacks"):
        replace("no comments", "new")


def test_what_was_not_measured_is_said_to_be_so() -> None:
    text = render({}, {})
    assert text.count("Not measured yet") == len(TITLES)
    assert "run `make bench`" in text


def test_the_section_of_the_libraries() -> None:
    results = {
        "echo-small": {"cwsecho": rates(1000, 1000), "gdpeer": rates(800, 800), "picows": rates(500, 500, errors=1)},
        "idle-mem": {"cwsecho": [{"bytes_per_conn": 120}], "gdpeer": [{"bytes_per_conn": 6442}]},
    }
    text = section("servers", {"servers": figures(**results)}, {})
    assert text.startswith(
        "2026-01-02, Some Processor, 2 CPUs, Linux 6.1, Python 3.11.7, gdpeer compiled, 2 rounds of 1 s. "
        "Repeat it with `make bench`."
    )
    assert "| echo-small | at least 0.85 of the floor | 0.800 | **not met** |" in text
    assert "| idle-mem | at most 2,048 bytes a connection | 6,442 | **not met** |" in text
    assert "0 of 20 are met, 2 are not, 18 were not measured." in text
    assert "| echo-small | messages/s | 800.0 | 1,000 | 0.80 | void |" in text
    assert "| idle-mem | bytes a connection | 6,442 | 120.0 | 6,442 | - |" in text
    assert "../bench/results/servers.svg" in text


def test_the_section_of_the_engine() -> None:
    def sample(rate: float, joins: float) -> dict[str, Any]:
        call = {"per_s": rate, "p50_ms": 1.5, "p99_ms": 3.0, "server_us_per_call": 20.0}
        call |= {"server_core": 1.0, "others_cores": 0.25}
        return {"joins_per_s": joins, "calls": {"1": call, "8": call}}

    results = {"gdpeer": [sample(300, 10), sample(100, 10)], "godot": [sample(100, 20), sample(100, 20)]}
    text = section("engine", {"engine": figures(**results)}, {})
    assert "each with 1 under way" in text
    assert "each with 8 under way" in text
    assert "| gdpeer | 200.0 | 2.00 (1.00 - 3.00) | 1.50 | 3.00 | 20.0 | 1.00 | 0.25 |" in text
    assert "| gdpeer | 10.0 | 0.50 (0.50 - 0.50) |" in text


@pytest.mark.parametrize(("last", "word"), [(11.9, "met"), (12.1, "**not met**")])
def test_the_section_of_idle_peers(last: float, word: str) -> None:
    costs = {"10": 10.0, "10000": last}
    results = {size: [{"server_us_per_message": cost, "per_s": 5000.0}] * 2 for size, cost in costs.items()}
    text = section("scaling", {"scaling": figures(gdpeer=results)}, {})
    assert f"| gdpeer | 10,000 | {last:.1f} | {last / 10:.2f} | 5,000 | - |" in text
    assert f"flat within 20%: {word}, at most {last / 10:.2f} times" in text


def test_the_section_of_two_processes() -> None:
    used = {"servers_cores": 1.3, "load_cores": 0.5, "others_cores": 0.0}
    results = {"32 bytes": {"1": [{"per_s": 100.0, **used}], "2": [{"per_s": 150.0, **used}]}}
    text = section("cores", {"cores": figures(**results)}, {})
    assert "| 32 bytes | 2 | 150.0 | 1.50 (1.50 - 1.50) | 1.30 | 0.50 | 0.00 |" in text


def test_tables_that_a_tool_wrote_itself_are_taken_over() -> None:
    text = section("rpc", {}, {"rpc": "# bench.rpc\n\n2026-01-02.\n\n| a |\n|---|\n| 1 |\n"})
    assert text == "2026-01-02.\n\n| a |\n|---|\n| 1 |\n\nRepeat it with `python -m bench.rpc`."


def test_ratios_are_of_the_same_round_and_say_how_many_times_as_good() -> None:
    one, other = rates(100, 0, 300), rates(50, 50, 100, 100)
    assert ratios(one, other, "per_s") == [2.0, 3.0]
    assert ratios(one, other, "per_s", higher=False) == [0.5, 1 / 3]


def test_numbers_keep_the_digits_that_count() -> None:
    assert [number(value) for value in (None, 1234.5, 123.45, 1.234, 0.0)] == ["-", "1,234", "123.5", "1.23", "0.00"]


def test_a_table_has_words_left_and_numbers_right() -> None:
    assert table(("name", "n"), [("x", "1")]) == "| name | n |\n| --- | ---: |\n| x | 1 |"
