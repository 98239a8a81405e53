extends Node
# A method for each type of a parameter. Says which calls of Python's were made, and what came.
#
#   --url=ws://…

enum Number { ZERO, ONE }


func took(type: String, index: int, value: Variant) -> void:
	print(JSON.stringify({"event": "took", "type": type, "index": index, "text": var_to_str(value)}))


func _ready() -> void:
	var peer := WebSocketMultiplayerPeer.new()
	peer.inbound_buffer_size = 1 << 22
	peer.max_queued_packets = 1 << 16
	peer.create_client(OS.get_cmdline_user_args()[0].get_slice("=", 1))
	multiplayer.multiplayer_peer = peer
	multiplayer.server_disconnected.connect(get_tree().quit)


@rpc func finish() -> void:
	print(JSON.stringify({"event": "finished", "engine": Engine.get_version_info()["string"]}))


@rpc func t0(index: int, value) -> void: took("untyped", index, value)

@rpc func t1(index: int, value: Variant) -> void: took("Variant", index, value)

@rpc func t2(index: int, value: bool) -> void: took("bool", index, value)

@rpc func t3(index: int, value: int) -> void: took("int", index, value)

@rpc func t4(index: int, value: float) -> void: took("float", index, value)

@rpc func t5(index: int, value: String) -> void: took("String", index, value)

@rpc func t6(index: int, value: Vector2) -> void: took("Vector2", index, value)

@rpc func t7(index: int, value: Vector2i) -> void: took("Vector2i", index, value)

@rpc func t8(index: int, value: Rect2) -> void: took("Rect2", index, value)

@rpc func t9(index: int, value: Rect2i) -> void: took("Rect2i", index, value)

@rpc func t10(index: int, value: Vector3) -> void: took("Vector3", index, value)

@rpc func t11(index: int, value: Vector3i) -> void: took("Vector3i", index, value)

@rpc func t12(index: int, value: Transform2D) -> void: took("Transform2D", index, value)

@rpc func t13(index: int, value: Vector4) -> void: took("Vector4", index, value)

@rpc func t14(index: int, value: Vector4i) -> void: took("Vector4i", index, value)

@rpc func t15(index: int, value: Plane) -> void: took("Plane", index, value)

@rpc func t16(index: int, value: Quaternion) -> void: took("Quaternion", index, value)

@rpc func t17(index: int, value: AABB) -> void: took("AABB", index, value)

@rpc func t18(index: int, value: Basis) -> void: took("Basis", index, value)

@rpc func t19(index: int, value: Transform3D) -> void: took("Transform3D", index, value)

@rpc func t20(index: int, value: Projection) -> void: took("Projection", index, value)

@rpc func t21(index: int, value: Color) -> void: took("Color", index, value)

@rpc func t22(index: int, value: StringName) -> void: took("StringName", index, value)

@rpc func t23(index: int, value: NodePath) -> void: took("NodePath", index, value)

@rpc func t24(index: int, value: RID) -> void: took("RID", index, value)

@rpc func t25(index: int, value: Object) -> void: took("Object", index, value)

@rpc func t26(index: int, value: Node) -> void: took("Node", index, value)

@rpc func t27(index: int, value: Resource) -> void: took("Resource", index, value)

@rpc func t28(index: int, value: Callable) -> void: took("Callable", index, value)

@rpc func t29(index: int, value: Signal) -> void: took("Signal", index, value)

@rpc func t30(index: int, value: Dictionary) -> void: took("Dictionary", index, value)

@rpc func t31(index: int, value: Array) -> void: took("Array", index, value)

@rpc func t32(index: int, value: PackedByteArray) -> void: took("PackedByteArray", index, value)

@rpc func t33(index: int, value: PackedInt32Array) -> void: took("PackedInt32Array", index, value)

@rpc func t34(index: int, value: PackedInt64Array) -> void: took("PackedInt64Array", index, value)

@rpc func t35(index: int, value: PackedFloat32Array) -> void: took("PackedFloat32Array", index, value)

@rpc func t36(index: int, value: PackedFloat64Array) -> void: took("PackedFloat64Array", index, value)

@rpc func t37(index: int, value: PackedStringArray) -> void: took("PackedStringArray", index, value)

@rpc func t38(index: int, value: PackedVector2Array) -> void: took("PackedVector2Array", index, value)

@rpc func t39(index: int, value: PackedVector3Array) -> void: took("PackedVector3Array", index, value)

@rpc func t40(index: int, value: PackedColorArray) -> void: took("PackedColorArray", index, value)

@rpc func t41(index: int, value: PackedVector4Array) -> void: took("PackedVector4Array", index, value)

@rpc func t42(index: int, value: Number) -> void: took("Number", index, value)

@rpc func t43(index: int, value: Array[int]) -> void: took("Array[int]", index, value)

@rpc func t44(index: int, value: Array[float]) -> void: took("Array[float]", index, value)

@rpc func t45(index: int, value: Array[String]) -> void: took("Array[String]", index, value)

@rpc func t46(index: int, value: Array[Vector2]) -> void: took("Array[Vector2]", index, value)

@rpc func t47(index: int, value: Dictionary[String, int]) -> void: took("Dictionary[String, int]", index, value)

@rpc func t48(index: int, value := 3) -> void: took("inferred", index, value)
