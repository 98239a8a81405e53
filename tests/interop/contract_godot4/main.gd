extends Node
# The classes of tests/support/contract_nodes.py as the engine has them, each a node below Main. Joins, and calls one
# method of each node, so that the checksum of its methods goes over the wire; then every method of Strange, and a node
# with a name of the engine's own making.
#
#   --url=ws://…

const Cases := preload("res://cases.gd")

var kinds := {
	"Plain": Cases.Plain, "Inheriting": Cases.Inheriting, "Third": Cases.Third, "Replacing": Cases.Replacing,
	"Overriding": Cases.Overriding, "Concrete": Cases.Concrete, "Concrete2": Cases.Concrete2,
	"Configuring": Cases.Configuring, "Doubled": Cases.Doubled, "TakenAway": Cases.TakenAway, "Outer": Cases,
	"Inner": Cases.Inner, "Inner2": Cases.Inner2, "OfInner": Cases.OfInner, "Letters": Cases.Letters, "Net": Cases.Net,
	"OfNet": Cases.OfNet, "Forms": Cases.Forms, "Late": Cases.Plain, "K3": Cases.K3, "Strange": Cases.Strange,
}
var first := {
	"Plain": "zeta", "Inheriting": "a", "Third": "c3", "Replacing": "p", "Overriding": "p", "Concrete": "todo",
	"Concrete2": "todo2", "Configuring": "m", "Doubled": "m", "TakenAway": "off", "Outer": "outer", "Inner": "inn",
	"Inner2": "inn2", "OfInner": "x", "Letters": "zebra", "Net": "an", "OfNet": "ab", "Forms": "f1", "Late": "a2",
	"K3": "k3a",
}


func _ready() -> void:
	for key in kinds:
		var node: Node = kinds[key].new()
		node.name = key
		add_child(node)
	for index in 2:  # the second one has to find a name
		var nameless := Cases.Nameless.new()
		add_child(nameless)
		event("nameless", {"name": nameless.name})
	var peer := WebSocketMultiplayerPeer.new()
	peer.create_client(OS.get_cmdline_user_args()[0].get_slice("=", 1))
	multiplayer.multiplayer_peer = peer
	multiplayer.connected_to_server.connect(begin)
	multiplayer.server_disconnected.connect(get_tree().quit)


func begin() -> void:
	for key in first:
		get_node(key).rpc_id(1, first[key])
	var late: Node = $Late
	late.rpc_config("beside", {"rpc_mode": 1})
	late.rpc_id(1, "zeta")
	for method in ["import", "None", "__secret", "µ", "_leave", "_enter"]:
		$Strange.rpc_id(1, method, method.length())
	for child in get_children():
		if child is Cases.Nameless:
			child.rpc_id(1, "poke", "from " + child.name)
	event("called")


static func event(what: String, fields := {}) -> void:
	print(JSON.stringify({"event": what}.merged(fields)))
