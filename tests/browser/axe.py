"""Checks pages with axe-core for faults that shut out people with screen readers, keyboards or weak sight.

assert faults(tab.page) == []

It looks at light and at dark colours.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from tests.support.node import node_modules

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
RUN = """async () => {
    // What fades in has less contrast for a moment. An animation without an end cannot finish.
    for (const one of document.getAnimations()) {
        try { one.finish(); } catch { one.cancel(); }
    }
    const found = await axe.run(document, { resultTypes: ["violations"] });
    return found.violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html + " " + node.failureSummary)]);
}"""


@cache
def source() -> str:
    """Returns the script of axe-core; ends the test if it cannot be installed."""
    return (node_modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def faults(page: Page) -> list[str]:
    """Returns what axe-core finds in the page as it is now, in both colour schemes; none for a clean page."""
    # The driver evaluates this outside of the page's scripts: the page's Content-Security-Policy stays as it is.
    page.evaluate(source())
    found = []
    for colours in SCHEMES:
        page.emulate_media(color_scheme=colours)
        rules: list[tuple[str, list[Any]]] = page.evaluate(RUN)
        found += [f"{rule}, {colours}: {node}" for rule, nodes in rules for node in nodes]
    return found
