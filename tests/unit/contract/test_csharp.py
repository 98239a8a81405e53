"""The `[Rpc]` methods of C# scripts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gdpeer.contract import Argument, Method
from gdpeer.contract.csharp import parse_csharp
from gdpeer.contract.project import read_project
from tests.support.growth import grows_below

SCRIPT = """using Godot;
namespace Game;
// [Rpc] void Commented() {}
/* [Rpc] void AlsoCommented() {} */
public enum Kind { A, B }
public partial class Player : Actor
{
    string text = "[Rpc] void InText() { }";
    string path = @"C:\\[Rpc] void InPath() { }";
    [Rpc]
    public void Bare() { }

    [Rpc(MultiplayerApi.RpcMode.AnyPeer, CallLocal = true,
        TransferMode = MultiplayerPeer.TransferModeEnum.UnreliableOrdered, TransferChannel = 3)]
    private async Task<int> Full(int id, string name = "a,b", Godot.Collections.Array<int> keys = null) { Run(); }

    [Export, Rpc(mode: MultiplayerApi.RpcMode.AnyPeer)] [Obsolete("x")]
    protected void Two(Kind kind, byte[] data, Vector2? at, Dictionary<string, Variant> more, Node node) => Run();

    [Rpc] public static void Static() { }
    [RpcHelper] public void NotRpc() { }
    [Rpc(TransferChannel = CHANNEL, CallLocal = IsLocal, TransferMode = mode)] void Unknown();
    public class Inner { [Rpc] void OfInner() { } }
}
"""


def methods(text: str, file: str = "res://Player.cs") -> dict[str, Method]:
    found = parse_csharp(text, file)
    assert found is not None
    return found.methods


def test_the_methods_of_a_class() -> None:
    found = methods(SCRIPT)
    assert {
        name: (one.mode, one.call_local, one.transfer, one.channel, one.line, one.is_empty)
        for name, one in found.items()
    } == {
        "Bare": ("authority", False, "reliable", 0, 11, True),
        "Full": ("any_peer", True, "unreliable_ordered", 3, 15, False),
        "Two": ("any_peer", False, "reliable", 0, 18, False),
        "Unknown": ("authority", None, "?", None, 22, False),
    }
    assert found["Full"].arguments == (
        Argument("id", "int"),
        Argument("name", "String", '"a,b"'),
        Argument("keys", "Array[int]", "null"),
    )
    assert [one.type for one in found["Two"].arguments] == [
        "int",
        "PackedByteArray",
        "Vector2",
        "Dictionary[String, Variant]",
        "Node",
    ]


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        ("double", "float"),
        ("Variant", None),
        ("Godot.Vector3", "Vector3"),
        ("Vector3[]", "PackedVector3Array"),
        ("Array<Variant>", "Array"),
        ("Godot.Collections.Dictionary", "Dictionary"),
        ("params string[]", "PackedStringArray"),
        ("Rid", "RID"),
        ("List<int>", None),
        ("StringName", "StringName"),
    ],
)
def test_the_type_of_an_argument(kind: str, type_: str | None) -> None:
    [one] = methods(f"class Player {{ [Rpc] void M({kind} a) {{}} }}")["M"].arguments
    assert (one.name, one.type) == ("a", type_)


def test_a_project(tmp_path: Path) -> None:
    (tmp_path / "project.godot").write_text('config_version=5\n[autoload]\nPlayer="*res://Player.cs"\n')
    (tmp_path / "Player.cs").write_text(SCRIPT)
    (tmp_path / "Actor.cs").write_text("class Actor : Node { [Rpc] void Base() { } [Rpc] void Bare() { } }")
    (tmp_path / "Ring.cs").write_text("class Ring : Ring { [Rpc] void R() { } }")
    (tmp_path / "Nothing.cs").write_text("// nothing")
    found = read_project(tmp_path)
    tables = {one.id: one for one in found.tables}
    assert tables["res://Player.cs"].names == ("Bare", "Base", "Full", "Two", "Unknown")
    assert tables["res://Player.cs"].extends == "res://Actor.cs"
    assert tables["res://Actor.cs"].extends == "Node"
    assert tables["res://Ring.cs"].names == ("R",)
    assert [(one.path, one.table) for one in found.places] == [("Player", "res://Player.cs")]
    assert {(one.code, one.file) for one in found.problems} == {("unsure", id_) for id_ in tables}


@pytest.mark.parametrize(
    "piece",
    [
        "[Rpc]",
        "[a, ",
        "/*",
        '"',
        '@"',
        "class A : ",
        "[Rpc(",
        "[Rpc] void M(",
        "[x(",
        "[Rpc] [",
        "'",
        "class A<",
        "enum ",
    ],
)
def test_an_odd_script_is_read_in_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        text, began = "class Player {" + piece * (size // len(piece)), time.process_time()
        parse_csharp(text, "res://Player.cs")
        return time.process_time() - began

    # 8 times as long; 64 times, if time grew with the square
    assert grows_below(16, seconds, 50_000, 400_000)
