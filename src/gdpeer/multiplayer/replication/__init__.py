"""Replication: nodes that one side spawns appear on the others, and their properties follow."""

# A class with `replicated()` gets a synchronizer for each node, although `properties` cannot import that module.
from gdpeer.multiplayer.replication import synchronizer as synchronizer
