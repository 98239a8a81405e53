extends P
const P = preload("res://k1.gd")
@rpc func k3a(): pass
