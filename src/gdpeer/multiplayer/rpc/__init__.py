"""Declares methods that other sides may call, and checks the arguments of their calls."""
