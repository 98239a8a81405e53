extends Node
@rpc func qq(): pass
