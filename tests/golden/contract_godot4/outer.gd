extends Node
@rpc func outer(): pass

class Inner extends Node:
	@rpc func inn(): pass

class Inner2 extends "res://base.gd":
	@rpc func inn2(): pass

class Inner3 extends Inner:
	@rpc func inn3(): pass

func after(): pass
