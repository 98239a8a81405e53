"""Sphinx's configuration; `make docs` builds the pages into build/docs."""

import re
from pathlib import Path

from sphinx.application import Sphinx

import gdpeer

project = "gdpeer"
author = "the gdpeer authors"
release = version = gdpeer.__version__

extensions = ["myst_parser"]
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_title = f"gdpeer {version}"
myst_heading_anchors = 3

suppress_warnings = [
    "misc.highlighting_failure",  # Pygments does not know Godot 4's annotations, and colours the rest
]

SECTION = re.compile(r"^## (?P<caption>.+)\n\n(?P<links>(?:\* \[.*\n)+)", re.MULTILINE)


def read_page(app: Sphinx, name: str, content: list[str]) -> None:
    """Pages are plain Markdown; what only Sphinx needs is added here.

    The navigation is made from the lists of links in the index: each heading is a caption.
    """
    if name == "index":
        content[0] += "".join(
            f"\n```{{toctree}}\n:hidden:\n:caption: {section['caption']}\n\n"
            + "\n".join(re.findall(r"^\* \[[^\]]*\]\(([^)]+)\.md\)", section["links"], re.MULTILINE))
            + "\n```\n"
            for section in SECTION.finditer(content[0])
        )
    elif name == "changelog":
        content[0] = (Path(app.srcdir).parent / "CHANGELOG.md").read_text(encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("source-read", read_page)
