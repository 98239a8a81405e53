extends "res://base.gd"


func state_changed(state: int = State.RUN):
	Tell.heard(self, "state_changed", [state])


remotesync func import(factor: float):
	Tell.heard(self, "import", [factor])
