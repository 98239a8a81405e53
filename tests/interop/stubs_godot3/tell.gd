# Prints each call that arrives, as a line of JSON.
extends Reference


static func heard(node, method, arguments):
	print(JSON.print({
		"event": "heard",
		"path": str(node.get_path()).trim_prefix("/root/"),
		"method": method,
		"arguments": var2str(arguments)
	}))
