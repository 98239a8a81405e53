"""Nodes: names, paths, coming and going, groups, authority."""

from __future__ import annotations

import pytest

from gdpeer import NodePath
from gdpeer.multiplayer.godot4.scene import SceneMultiplayer
from gdpeer.multiplayer.rpc.decorator import rpc
from gdpeer.multiplayer.tree import Node, SceneTree


class Recorder(Node):
    def __init__(self, name: str, events: list[str]) -> None:
        super().__init__(name)
        self.events = events

    def _enter_tree(self) -> None:
        self.events.append(f"enter {self.name}")

    def _ready(self) -> None:
        self.events.append(f"ready {self.name}")

    def _exit_tree(self) -> None:
        self.events.append(f"exit {self.name}")


@pytest.fixture
def tree() -> SceneTree:
    return SceneTree()


def family(tree: SceneTree) -> tuple[Node, Node, Node]:
    main, child, grandchild = Node("Main"), Node("Child"), Node("Grandchild")
    tree.root.add_child(main)
    main.add_child(child)
    child.add_child(grandchild)
    return main, child, grandchild


def test_a_node_is_named_after_its_class_unless_it_is_given_a_name() -> None:
    assert Recorder("x", []).name == "x"
    assert Node().name == "Node"


@pytest.mark.parametrize("name", ["", "a.b", "a:b", "a@b", "a/b", 'a"b', "a%b"])
def test_a_name_that_the_engine_would_change_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a node's name"):
        Node(name)


def test_a_name_is_a_string() -> None:
    with pytest.raises(TypeError, match="not int"):
        Node(7)  # type: ignore[arg-type]


def test_paths(tree: SceneTree) -> None:
    main, child, grandchild = family(tree)
    assert grandchild.get_path() == NodePath("/root/Main/Child/Grandchild")
    assert str(tree.root.get_path()) == "/root"
    assert tree.get_node("/root/Main/Child") is child
    assert tree.get_node("/root") is tree.root
    assert main.get_node("Child/Grandchild") is grandchild
    assert grandchild.get_node("../..") is main
    assert grandchild.get_node(".") is grandchild
    assert grandchild.get_node(NodePath("/root/Main")) is main
    assert child.get_parent() is main
    assert main.get_children() == [child]
    assert main.has_node("Child")
    assert not main.has_node("Nobody/Child")
    assert repr(child) == "<Node '/root/Main/Child'>"


def test_a_path_outside_a_tree_is_relative() -> None:
    parent, child = Node("Parent"), Node("Child")
    parent.add_child(child)
    assert str(child.get_path()) == "Parent/Child"
    assert child.get_node_or_null("/root") is None
    assert child.get_node("../Child") is child


def test_a_node_that_is_not_there_is_a_lookup_error(tree: SceneTree) -> None:
    main, _, _ = family(tree)
    with pytest.raises(LookupError, match="'Nobody' from '/root/Main'"):
        main.get_node("Nobody")
    with pytest.raises(LookupError, match="/other/Main"):
        tree.get_node("/other/Main")
    assert main.get_node_or_null("../../..") is None
    assert main.get_node_or_null("../../../..") is None


def test_children_are_ready_before_their_parents_and_only_once(tree: SceneTree) -> None:
    events: list[str] = []
    parent, child = Recorder("parent", events), Recorder("child", events)
    parent.add_child(child)
    assert events == []
    tree.root.add_child(parent)
    assert events == ["enter parent", "enter child", "ready child", "ready parent"]
    events.clear()
    parent.free()
    assert events == ["exit child", "exit parent"]
    assert not child.is_inside_tree()
    events.clear()
    tree.root.add_child(parent)
    assert events == ["enter parent", "enter child"]


def test_a_child_that_removes_itself_while_it_enters_is_not_ready(tree: SceneTree) -> None:
    events: list[str] = []

    class Shy(Recorder):
        def _enter_tree(self) -> None:
            self.free()

    shy = Shy("shy", events)
    tree.root.add_child(shy)
    assert events == ["exit shy"]
    assert not tree.root.has_node("shy")


def test_misuse_of_add_child(tree: SceneTree) -> None:
    main, child, _ = family(tree)
    with pytest.raises(ValueError, match="already has a parent"):
        tree.root.add_child(child)
    with pytest.raises(ValueError, match="below itself"):
        child.add_child(tree.root)
    alone = Node("alone")
    with pytest.raises(ValueError, match="below itself"):
        alone.add_child(alone)
    with pytest.raises(ValueError, match="already has a child named 'Child'"):
        main.add_child(Node("Child"))
    with pytest.raises(ValueError, match="no child"):
        main.remove_child(alone)
    alone.free()  # nothing to do


def test_a_node_can_be_renamed(tree: SceneTree) -> None:
    main, child, _ = family(tree)
    sibling = Node("Sibling")
    main.add_child(sibling)
    child.name = "Renamed"
    assert str(child.get_path()) == "/root/Main/Renamed"
    assert [one.name for one in main.get_children()] == ["Renamed", "Sibling"]
    child.name = "Renamed"
    with pytest.raises(ValueError, match="already has a child"):
        child.name = "Sibling"
    alone = Node("alone")
    alone.name = "other"
    assert alone.name == "other"


def test_groups(tree: SceneTree) -> None:
    main, child, _ = family(tree)
    child.add_to_group("enemies")
    late = Node("Late")
    late.add_to_group("enemies")
    assert tree.get_nodes_in_group("enemies") == [child]
    main.add_child(late)
    assert tree.get_nodes_in_group("enemies") == [child, late]
    tree.call_group("enemies", "add_to_group", "called")
    assert tree.get_nodes_in_group("called") == [child, late]
    late.free()
    assert tree.get_nodes_in_group("enemies") == [child]
    child.remove_from_group("enemies")
    assert not child.is_in_group("enemies")
    assert tree.get_nodes_in_group("enemies") == []
    child.remove_from_group("never joined")
    late.remove_from_group("enemies")
    assert late.is_in_group("called")


def test_authority_goes_down_the_tree_unless_told_otherwise(tree: SceneTree) -> None:
    main, child, grandchild = family(tree)
    assert main.get_multiplayer_authority() == 1
    assert main.is_multiplayer_authority()
    main.set_multiplayer_authority(7)
    assert grandchild.get_multiplayer_authority() == 7
    child.set_multiplayer_authority(8, recursive=False)
    assert (child.get_multiplayer_authority(), grandchild.get_multiplayer_authority()) == (8, 7)
    assert not main.is_multiplayer_authority()


def test_each_branch_has_the_nearest_api(tree: SceneTree) -> None:
    main, child, grandchild = family(tree)
    assert grandchild.multiplayer is tree.multiplayer is tree.get_multiplayer()
    own = SceneMultiplayer()
    tree.set_multiplayer(own, "/root/Main/Child")
    assert main.multiplayer is tree.multiplayer
    assert child.multiplayer is grandchild.multiplayer is own
    assert tree.get_multiplayer("/root/Main/Child/Grandchild") is own
    assert tree.get_multiplayer(NodePath("/root/Main")) is tree.multiplayer
    assert str(own.root_path) == "/root/Main/Child"
    child.name = "Moved"
    assert child.multiplayer is tree.multiplayer
    child.name = "Child"
    tree.set_multiplayer(None, "/root/Main/Child")
    assert child.multiplayer is tree.multiplayer
    tree.set_multiplayer(own, NodePath("/root/Main"))  # free again
    assert main.multiplayer is own


def test_misuse_of_set_multiplayer(tree: SceneTree) -> None:
    with pytest.raises(ValueError, match="not a path below /root"):
        tree.set_multiplayer(SceneMultiplayer(), "Main")
    with pytest.raises(ValueError, match="not a path below /root"):
        tree.set_multiplayer(SceneMultiplayer(), "/other")
    with pytest.raises(ValueError, match="not a path below /root"):
        tree.set_multiplayer(SceneMultiplayer(), "root")
    with pytest.raises(ValueError, match="needs an API"):
        tree.set_multiplayer(None)
    with pytest.raises(ValueError, match="in use already"):
        tree.set_multiplayer(tree.multiplayer, "/root/Main")
    tree.set_multiplayer(tree.multiplayer)  # the same again is no change
    assert tree.multiplayer.root_path == NodePath("/root")


def test_a_node_without_a_tree_has_no_api() -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        _ = Node("alone").multiplayer
    with pytest.raises(ValueError, match="not in a tree"):
        Node("alone").get_tree()


def test_a_child_that_is_added_while_its_parent_enters_enters_once(tree: SceneTree) -> None:
    events: list[str] = []

    class Parent(Recorder):
        def _enter_tree(self) -> None:
            super()._enter_tree()
            self.add_child(Recorder("child", events))

    tree.root.add_child(Parent("parent", events))
    assert events == ["enter parent", "enter child", "ready child", "ready parent"]


def test_a_node_that_frees_itself_while_it_enters_takes_its_children_along(tree: SceneTree) -> None:
    class Shy(Node):
        def _enter_tree(self) -> None:
            self.free()

    shy, child = Shy(), Node("child")
    shy.add_child(child)
    tree.root.add_child(shy)
    assert not shy.is_inside_tree()
    assert not child.is_inside_tree()


def test_a_child_that_is_freed_while_its_sibling_leaves(tree: SceneTree) -> None:
    main = Node("Main")

    class Grumpy(Node):
        def _exit_tree(self) -> None:
            main.get_node("Other").free()

    main.add_child(Grumpy())
    main.add_child(Node("Other"))
    tree.root.add_child(main)
    main.free()
    assert [one.name for one in main.get_children()] == ["Grumpy"]


def test_a_hook_that_raises_leaves_no_half_tree(tree: SceneTree, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Node):
        def _enter_tree(self) -> None:
            raise RuntimeError("entering")

        def _ready(self) -> None:
            raise RuntimeError("getting ready")

        def _exit_tree(self) -> None:
            raise RuntimeError("leaving")

    broken = Broken()
    tree.root.add_child(broken)
    assert broken.is_inside_tree()
    broken.free()
    assert not broken.is_inside_tree()
    assert not tree.root.has_node("Broken")
    for word in ("_enter_tree of", "_ready of", "_exit_tree of"):
        assert word in caplog.text


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_packet_holds_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a node's name"):
        Node(name)


def test_an_annotation_that_cannot_be_checked_is_told_when_the_first_node_enters(
    tree: SceneTree, caplog: pytest.LogCaptureFixture
) -> None:
    class Wrong(Node):
        @rpc("any_peer")
        def say(self, what: set[int]) -> None: ...

        @rpc("any_peer")
        def hear(self, what: int) -> None: ...

    for name in ("one", "two"):
        tree.root.add_child(Wrong(name))
    assert caplog.text.count("no call from elsewhere will reach") == 1
    assert "Wrong.say" in caplog.text


def test_exception_in_a_hook_with_rpc_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Loud(Node):
        @rpc
        def _ready(self) -> None:
            raise RuntimeError("not yet")

    tree = SceneTree()
    tree.root.add_child(Loud("Loud"))
    assert "_ready" in caplog.text
    assert tree.get_node("/root/Loud").is_inside_tree()


def test_node_at_finds_and_makes_nodes(tree: SceneTree) -> None:
    main, child, _ = family(tree)
    assert tree.node_at("Main/Child") is tree.node_at("/root/Main/Child") is tree.node_at("root/Main/Child") is child
    assert tree.node_at("/root", create=True) is tree.root
    made = tree.node_at("Main/./Panel/VBox/Game", create=True)
    assert str(made.get_path()) == "/root/Main/Panel/VBox/Game"
    assert made.is_inside_tree()
    assert type(made) is Node
    assert tree.node_at("/root/Main/../New", create=True) is tree.root.get_node("New")
    assert tree.node_at("Main", create=True) is main


def test_node_at_refuses_paths_and_then_makes_nothing(tree: SceneTree) -> None:
    for path in ("Main", "../x", "New/../x", "/other/x", "../../x"):
        with pytest.raises(LookupError):
            tree.node_at(path, create=path != "Main")
    with pytest.raises(ValueError, match="not a node's name"):
        tree.node_at("New/a%b", create=True)
    with pytest.raises(TypeError, match="create"):
        tree.node_at("Main", create="yes")  # type: ignore[arg-type]
    assert tree.root.get_children() == []


def test_an_async_hook_outside_of_asyncio_says_what_to_do(tree: SceneTree, caplog: pytest.LogCaptureFixture) -> None:
    class Late(Node):
        async def _ready(self) -> None: ...  # type: ignore[override]

        async def go(self) -> None: ...

    late = Late()
    late.add_to_group("late")
    tree.root.add_child(late)
    assert "_ready of <Late '/root/Late'> is an async method, and this tree does not run in asyncio" in caplog.text
    with pytest.raises(RuntimeError, match="go is an async method"):
        tree.call_group("late", "go")


def test_a_node_of_queue_free_leaves_at_the_end_of_the_next_poll(tree: SceneTree) -> None:
    main, child, _ = family(tree)
    child.queue_free()
    assert child.is_queued_for_deletion()
    assert child.is_inside_tree()
    tree.poll()
    assert main.get_children() == []
    assert not child.is_queued_for_deletion()
