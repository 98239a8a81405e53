"""Reads the text files of a Godot project: settings, scenes and resources.

Layer: `project_files`, below `multiplayer`, so that `multiplayer` and `contract` share one reader. Pure, except for
`files`, which reads from the disk.
"""
