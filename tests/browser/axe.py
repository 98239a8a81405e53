"""Checks pages with axe-core for faults that shut out people with screen readers, keyboards or weak sight.

assert faults(tab.page) == []
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from tests.support.node import node_modules

if TYPE_CHECKING:
    from playwright.sync_api import Page

RUN = """async () => {
    const found = await axe.run(document, { resultTypes: ["violations"] });
    return found.violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html + " " + node.failureSummary)]);
}"""


@cache
def source() -> str:
    """Returns the script of axe-core; ends the test if it cannot be installed."""
    return (node_modules() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def faults(page: Page) -> list[str]:
    """Returns what axe-core finds in the page as it is now, all its rules together; none for a clean page."""
    # The driver evaluates this outside of the page's scripts: the page's Content-Security-Policy stays as it is.
    page.evaluate(source())
    found: list[tuple[str, list[Any]]] = page.evaluate(RUN)
    return [f"{rule}: {node}" for rule, nodes in found for node in nodes]
