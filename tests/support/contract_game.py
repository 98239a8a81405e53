"""A small Godot project with every kind of node that a contract knows by its path, and single changes of it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CHANGES", "FILES", "write_game"]

FILES = {
    "project.godot": 'config_version=5\n[application]\nrun/main_scene="res://main.tscn"\n'
    '[autoload]\nNet="*res://net.gd"\nLobby="*res://lobby.tscn"\n',
    "main.tscn": '[gd_scene format=3]\n[ext_resource type="Script" path="res://main.gd" id="1"]\n'
    '[ext_resource type="Script" path="res://leaf.gd" id="2"]\n[node name="Main" type="Node"]\n'
    'script = ExtResource("1")\n[node name="A" type="Node" parent="."]\nscript = ExtResource("2")\n'
    '[node name="B" type="Node" parent="."]\nscript = ExtResource("2")\n',
    "lobby.tscn": '[gd_scene format=3]\n[ext_resource type="Script" path="res://leaf.gd" id="1"]\n'
    '[node name="L" type="Node"]\n[node name="Kid" type="Node" parent="."]\nscript = ExtResource("1")\n',
    "base.gd": 'class_name Base extends Node\n@rpc("any_peer") func shared(): print()\n',
    "main.gd": 'extends Base\n\n@rpc("any_peer")\nfunc add(): print()\n\n@rpc\nfunc move(to): print()\n\n'
    "@rpc\nfunc stop(): print()\n",
    "net.gd": "extends Base\n@rpc func an(): print()\n",
    "leaf.gd": "extends Node\n@rpc func leaf(): print()\n",
}
"""The files of the project, by their names."""

_B = '[node name="B" type="Node" parent="."]\n'

CHANGES = {
    "method removed": {"main": ("@rpc\nfunc move(to)", "func move(to)")},
    "method renamed": {"main": ("func move", "func mowe")},
    "method made authority": {"main": ('@rpc("any_peer")\nfunc add', "@rpc\nfunc add")},
    "argument given": {"main": ("func move(to)", "func move(to, fast)")},
    "method moved to a shared base": {
        "main": ("@rpc\nfunc stop(): print()\n", ""),
        "base": ("@rpc", "@rpc func stop(): print()\n@rpc"),
    },
    "autoload renamed": {"project": ('Net="*', 'Network="*')},
    "script removed": {"scene": (f'{_B}script = ExtResource("2")', f"{_B}script = null")},
}
"""Changes, by what they do: for each file (`scene` is `main.tscn`) an old text and its new text."""


def write_game(folder: Path, **changes: tuple[str, str]) -> None:
    """Writes the project, with texts of files replaced."""
    folder.mkdir(exist_ok=True)
    for name, text in FILES.items():
        old, new = changes.get("scene" if name == "main.tscn" else name.partition(".")[0], ("", ""))
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
