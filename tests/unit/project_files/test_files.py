"""Files of a project, and where their uids stand."""

from __future__ import annotations

import os
from pathlib import Path

from gdpeer.project_files.files import ProjectFiles


def test_uids_stand_in_first_lines_and_in_files_beside(tmp_path: Path) -> None:
    texts = {
        "a.tscn": '\ufeff[gd_scene load_steps=2 format=3 uid="uid://a1"]\n',
        "b.tres": '[gd_resource type="SceneReplicationConfig" format=3 uid="uid://b1"]\n',
        "c.gd": "extends Node\n",
        "c.gd.uid": "uid://c1\n",
        "d.glb": "",
        "d.glb.import": '[remap]\n\nimporter="scene"\nuid="uid://d1"\n\n[deps]\nuid="uid://other"\n',
        "e.tscn": '[gd_scene format=3]\n[ext_resource uid="uid://no" path="res://a.tscn" id="1"]\n',
        "f.uid": "no uid\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    files = ProjectFiles(tmp_path)
    files.read_uids(files.all())
    assert files.uids == {
        "uid://a1": "res://a.tscn",
        "uid://b1": "res://b.tres",
        "uid://c1": "res://c.gd",
        "uid://d1": "res://d.glb",
    }


def test_a_pipe_in_the_project_is_not_waited_for(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        return
    os.mkfifo(tmp_path / "a.tscn")
    files = ProjectFiles(tmp_path)
    files.read_uids(files.all())
    assert files.text(tmp_path / "a.tscn") is None
    assert str(files.problems[0]) == "res://a.tscn: cannot be read: it is no file"
