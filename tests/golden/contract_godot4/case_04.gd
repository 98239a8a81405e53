extends "base.gd"
@rpc("any_peer", "call_remote", "unreliable", 5) func p(a = 3): pass
