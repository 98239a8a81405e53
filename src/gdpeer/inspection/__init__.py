"""What the tools of the command line do: look at the messages of a connection, keep them, and spoil its line.

Layer: `inspection`, below `cli` and above everything that they look at; it needs neither click nor rich.
"""
