"""Replication: nodes that one side spawns appear on the others, and their properties follow."""
