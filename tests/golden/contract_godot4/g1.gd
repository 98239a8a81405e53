class_name G1
extends Node
@rpc func g1m(): pass
