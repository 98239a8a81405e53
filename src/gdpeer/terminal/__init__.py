"""Input lines, output lines and Ctrl-C, for the demos and the command line."""
