class_name Lost extends Node
@rpc func lost(): pass
