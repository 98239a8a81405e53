@abstract
class_name Abs1
extends Node
@rpc func conc(): pass
@abstract func todo()
