class_name Judged extends Node
enum State { IDLE, RUN = 5 }
enum { A, B = A + 7, C }
const MAX = B + 1
const Other = preload("base.gd")
@rpc func none(a, b = MAX, c: Variant = null): pass
@rpc func plain(a: int, b: float, c: bool, d: String, e: StringName, f: NodePath): pass
@rpc func defaults(a: int = MAX, b := 2.5, c := "x", d := &"n", e := [1, 2], f := {"a": 1}, g := true, h := -MAX): pass
@rpc func built(a := Vector2(MAX, -1), b := Color.RED, c := Vector2.AXIS_X, d: PackedByteArray = PackedByteArray()): pass
@rpc func typed(a: Array[int], b: Dictionary[String, State], c: Array[Judged] = []): pass
@rpc func numbers(a: State, b: Judged.State = State.RUN, c := State.IDLE, d: Error = OK, e: Node.ProcessMode = Node.PROCESS_MODE_INHERIT): pass
@rpc func objects(a: Node, b: Other = null, c: Judged = null, d: Resource = null, e: Object = null): pass
@rpc func values(a: Callable, b: Signal, c: RID, d: Transform3D, e: Rect2i, f: PackedVector4Array, g: Projection): pass
@rpc func rest(a: int, ...more: Array): pass
