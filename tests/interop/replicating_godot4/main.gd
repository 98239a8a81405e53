extends Node
# A client whose spawner and synchronizers reach other clients through the server. Prints what it sees of the units.
#
#   --url=ws://…

var peer := WebSocketMultiplayerPeer.new()
var spawner := MultiplayerSpawner.new()
var units := Node.new()


func _ready() -> void:
	units.name = "Units"
	add_child(units)
	spawner.name = "Spawner"
	spawner.spawn_path = ^"../Units"
	spawner.spawn_function = make_unit
	add_child(spawner)
	spawner.spawned.connect(func(unit): event("spawned", {"name": unit.name, "title": unit.get_meta("title")}))
	spawner.despawned.connect(func(unit): event("despawned", {"name": unit.name}))
	peer.create_client(OS.get_cmdline_user_args()[0].get_slice("=", 1))
	multiplayer.multiplayer_peer = peer
	multiplayer.server_disconnected.connect(get_tree().quit)
	multiplayer.connected_to_server.connect(func(): event("connected", {"id": multiplayer.get_unique_id()}))


func make_unit(title: String) -> Node:
	var unit := Node2D.new()
	unit.name = title
	unit.set_meta("title", title)
	var sync := MultiplayerSynchronizer.new()
	sync.name = "Sync"
	sync.replication_config = SceneReplicationConfig.new()
	sync.replication_config.add_property(^".:position")
	sync.replication_config.add_property(^".:rotation")
	sync.replication_config.property_set_replication_mode(^".:rotation", SceneReplicationConfig.REPLICATION_MODE_ON_CHANGE)
	sync.synchronized.connect(func(): event("moved", {"name": title, "x": unit.position.x}))
	sync.delta_synchronized.connect(func(): event("turned", {"name": title, "rotation": unit.rotation}))
	unit.add_child(sync)
	unit.set_multiplayer_authority(spawner.get_multiplayer_authority())
	return unit


# Who owns the units; the same on every side.
@rpc func give(owner_id: int) -> void:
	spawner.set_multiplayer_authority(owner_id)
	event("given", {"to": owner_id})


@rpc func spawn(title: String) -> void:
	spawner.spawn(title)


@rpc func move(title: String, x: float) -> void:
	units.get_node(title).position.x = x


@rpc func turn(title: String, rotation: float) -> void:
	units.get_node(title).rotation = rotation


@rpc func despawn(title: String) -> void:
	units.get_node(title).queue_free()


static func event(what: String, fields := {}) -> void:
	print(JSON.stringify({"event": what}.merged(fields)))
