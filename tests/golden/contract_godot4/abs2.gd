@abstract class_name Abs2 extends Node
@rpc("any_peer")
@abstract func todo2()
@rpc func conc2(): pass
