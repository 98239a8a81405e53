extends Node
# The server spawns units here, and keeps their place and colour the same for all.

var spawner := MultiplayerSpawner.new()


func _enter_tree() -> void:
	spawner.name = "Spawner"
	spawner.spawn_path = ^".."
	spawner.spawn_function = make_unit
	add_child(spawner)


# Another side spawns from now on.
func give(id: int) -> void:
	spawner.set_multiplayer_authority(id)


# `owner_id` is 2 to 99 for a unit without a player.
func make_unit(owner_id: int) -> Node:
	var unit := Node2D.new()
	unit.name = "Unit%d" % owner_id
	unit.add_child(synchronizer("Sync", [^".:position"], [^".:rotation"]))
	var input := synchronizer("Input", [^".:skew"], [^".:z_index"])
	unit.add_child(input)
	unit.set_multiplayer_authority(spawner.get_multiplayer_authority())
	if owner_id > 99:
		input.set_multiplayer_authority(owner_id)
	return unit


func synchronizer(title: String, always: Array, on_change: Array) -> MultiplayerSynchronizer:
	var sync := MultiplayerSynchronizer.new()
	sync.name = title
	sync.replication_config = SceneReplicationConfig.new()
	for path: NodePath in always + on_change:
		sync.replication_config.add_property(path)
		if path in on_change:
			sync.replication_config.property_set_replication_mode(path, SceneReplicationConfig.REPLICATION_MODE_ON_CHANGE)
	return sync


func units() -> String:
	var found := {}
	for unit in get_children():
		if unit is Node2D:
			found[str(unit.name)] = [unit.position.x, snappedf(unit.rotation, 0.01), snappedf(unit.skew, 0.01), unit.z_index]
	return JSON.stringify(found)


# Sets what the player decides.
func steer(id: int, skew: float, z_index: int) -> void:
	var unit: Node2D = get_node("Unit%d" % id)
	unit.skew = skew
	unit.z_index = z_index
