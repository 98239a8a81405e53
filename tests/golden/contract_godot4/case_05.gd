extends "res://base.gd"
func p(a = 3): pass
