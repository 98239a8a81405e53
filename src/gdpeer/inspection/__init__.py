"""The work of `gdpeer inspect`, `replay`, `bad-network` and `swarm`, without their command lines.

A `Tunnel` stands between clients and a server. `rows` and `totals` show its messages, `recording` and `replay` keep
and repeat them, `bad_network` delays and drops them. `swarm` runs bots and needs no tunnel.

Layer: `inspection`, below `cli`, which reads the options and prints. No module here needs click or rich.
"""
