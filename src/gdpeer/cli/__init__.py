"""The `gdpeer` command, one file a subcommand.

Importing this package needs nothing beyond gdpeer; the subcommands need click and rich, the extra `[cli]`.

Layer: `cli`, the highest; nothing imports it.
"""
