"""The `gdpeer` command. Each subcommand has a module of its name, which holds its options, its help and its output.

The other modules serve several subcommands: `options` and `units` read values, `serving` and `tunnels` open ports,
`failure` words errors. The work of `inspect`, `replay`, `bad-network` and `swarm` is done in `gdpeer.inspection`.

The subcommands need click and rich, the extra `[cli]`. Importing this package does not.

Layer: `cli`, the highest; no other layer imports it.
"""
