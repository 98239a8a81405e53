"""The API reference: pages of plain Markdown in docs/reference, made from the signatures and docstrings of src.

    python -m tools.reference            writes the pages
    python -m tools.reference --check    says which are not current, and which public names no page describes

`contents` says which page holds which names, `source` reads the code, `docstrings` and `pages` write Markdown.
"""
