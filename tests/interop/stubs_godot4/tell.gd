# Prints each call that arrives, as a line of JSON.
extends RefCounted


static func heard(node: Node, method: String, arguments: Array) -> void:
	print(JSON.stringify({
		"event": "heard",
		"path": str(node.get_path()).trim_prefix("/root/"),
		"method": method,
		"arguments": var_to_str(arguments),
	}))
