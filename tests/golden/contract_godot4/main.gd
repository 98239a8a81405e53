extends Node
@rpc func mm(): pass
