"""What the demos and the command line share of the terminal: lines of input, and how a program is stopped."""
