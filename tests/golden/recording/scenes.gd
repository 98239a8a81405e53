# What the engine makes of scenes: for each one that is named a line of JSON with its nodes in the order of the tree,
# and the members of their synchronizers and spawners.
extends SceneTree


func _initialize() -> void:
	for path in OS.get_cmdline_user_args():
		var node: Node = load(path).instantiate()
		var nodes := []
		tell(node, "", nodes)
		print(JSON.stringify({"event": "scene", "path": path, "root": str(node.name), "nodes": nodes}))
		node.free()
	print(JSON.stringify({"event": "done"}))
	quit()


func tell(node: Node, path: String, nodes: Array) -> void:
	nodes.append([path, node.get_class(), node.scene_file_path, members(node)])
	for child in node.get_children():
		tell(child, path.path_join(child.name), nodes)


func members(node: Node) -> Dictionary:
	if node is MultiplayerSynchronizer:
		return {
			"root_path": str(node.root_path),
			"replication_interval": node.replication_interval,
			"delta_interval": node.delta_interval,
			"visibility_update_mode": node.visibility_update_mode,
			"public_visibility": node.public_visibility,
			"config": properties(node.replication_config),
		}
	if node is MultiplayerSpawner:
		return {
			"spawn_path": str(node.spawn_path),
			"spawn_limit": node.spawn_limit,
			"scenes": range(node.get_spawnable_scene_count()).map(node.get_spawnable_scene),
		}
	return {}


func properties(config: SceneReplicationConfig) -> Variant:
	if config == null:
		return null
	return config.get_properties().map(func(path): return [
		str(path), config.property_get_spawn(path), config.property_get_replication_mode(path),
	])
