"""Compares a page with its picture in docs/pictures: coarsely, because fonts differ from machine to machine.

assert change(tab.page, "inspect-desk") < MOST_CHANGE
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from tools.screenshots import PICTURES

if TYPE_CHECKING:
    from playwright.sync_api import Page

MOST_CHANGE = 0.2
"""The largest share of cells that may differ. Another font changes up to 0.17 of them, a taller head of the page
0.2 to 0.4, another colour of the ground 0.2 to 0.7."""

COMPARE = """async (sources) => {
    const cells = await Promise.all(sources.map(async (source) => {
        const image = new Image();
        image.src = `data:image/png;base64,${source}`;
        await image.decode();
        const canvas = new OffscreenCanvas(Math.round(image.width / 16), Math.round(image.height / 16));
        const context = canvas.getContext("2d");
        context.imageSmoothingQuality = "high";
        context.drawImage(image, 0, 0, canvas.width, canvas.height);
        return context.getImageData(0, 0, canvas.width, canvas.height).data;
    }));
    if (cells[0].length !== cells[1].length) return 1;
    let changed = 0;
    for (let at = 0; at < cells[0].length; at += 4) {
        changed += [0, 1, 2].some((one) => Math.abs(cells[0][at + one] - cells[1][at + one]) > 12);
    }
    return changed / (cells[0].length / 4);
}"""


def change(page: Page, name: str) -> float:
    """Returns the share of cells, of 16 pixels each way, in which a page differs from its picture: 0.0 to 1.0."""
    sources = [b64encode(one).decode() for one in ((PICTURES / f"{name}.png").read_bytes(), page.screenshot())]
    assert page.context.browser is not None
    # In a page of its own: the policy of the page under test does not allow images.
    other = page.context.browser.new_page()
    try:
        return float(other.evaluate(COMPARE, sources))
    finally:
        other.close()
