class_name Lost2 extends Node
@rpc func lost(): pass
