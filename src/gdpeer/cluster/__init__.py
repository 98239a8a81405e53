"""Rooms on many processes and machines: workers, the directory of rooms, and the brokers that carry it.

    worker    a process with a `Hall`; it has a lease that it renews
    shard     all rooms whose codes begin with the same two characters; each shard belongs to one worker
    broker    keeps the directory and carries messages: memory, Redis or NATS
    door      takes the connections of one machine, and hands each to the worker that has its room

Layer: `cluster`.
"""
