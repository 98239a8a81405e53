"""Makes the API reference: pages of plain Markdown in docs/reference, from the signatures and docstrings of src.

    python -m tools.reference            writes the pages
    python -m tools.reference --check    lists pages that are not current, and public names that no page describes

`contents` assigns the names to pages, `source` reads the code, `docstrings` and `pages` write Markdown.
"""
