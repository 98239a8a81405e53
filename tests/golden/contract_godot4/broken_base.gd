extends "res://broken_word.gd"
@rpc func child(): pass
