"""`Node` and `SceneTree`: the parts of the engine's tree that calls between sides need: names, paths and authority.

    class Main(Node):
        @rpc("any_peer")
        def greet(self, name: str) -> None: ...

    tree = SceneTree()
    tree.root.add_child(Main(name="Main"))  # /root/Main
    while True:
        tree.poll(timeout=0.05)

The sides find the same node by its path: use the names of the other side's scene.

Differs from the engine: a name that is taken or not allowed raises ValueError. The engine changes the name, and then no
other side knows the path. `get_node` raises LookupError if there is no node at the path.

Layer: `multiplayer`. Source: reference godot-api section 7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

from gdpeer.arguments import BOOL, CALLABLE, INT, NUMBER, STR, a, check_id, checked, optional, seconds_of, wrong_type
from gdpeer.attributes import Guarded
from gdpeer.clock import MONOTONIC
from gdpeer.errors import Error
from gdpeer.idle import Idle, SceneTreeTimer
from gdpeer.logs import describe, get_logger, report
from gdpeer.multiplayer.api import NO_TREE, MultiplayerAPI, not_sent
from gdpeer.multiplayer.rpc.async_methods import run_result
from gdpeer.multiplayer.rpc.decorator import (
    RpcConfig,
    check_callable,
    check_name,
    class_table,
    collect_methods,
    node_table,
)
from gdpeer.multiplayer.rpc.method_table import MethodTable
from gdpeer.platform import pause
from gdpeer.signals import Signal
from gdpeer.tree_text import draw, list_paths, show
from gdpeer.variant.names import NodePath

if TYPE_CHECKING:
    from gdpeer.multiplayer.godot4.scene import SceneMultiplayer
    from gdpeer.multiplayer.replication.scenes import Scenes
    from gdpeer.multiplayer.replication.spawner import MultiplayerSpawner

__all__ = ["Node", "SceneTree"]

logger = get_logger("gdpeer.multiplayer")

_CONFIG = optional(a("an RpcConfig or a dictionary", RpcConfig, Mapping))
_PATH = a("a string or a NodePath", str, NodePath)

_FORBIDDEN = '.:@/"%\0'
_OF_THE_ENGINE = re.compile(r"@[^.:/\"%\0]*@[0-9]+")
"""Names that the engine gives to nodes without a name: `@Node@2`, in Godot 3 also `@@2` and `@Bullet@2@3`."""
_MISTAKE = "_gdpeer_mistake"
"""The attribute of a new class that holds what `note_mistake` has noted."""
_NO_GROUPS: frozenset[str] = frozenset()
_SLICE = 0.01
"""The most seconds that one poll of several networks waits, for all of them together: less than a frame."""


class _NodeSignal:
    """A signal of a node that is made at its first use: most nodes need none of their signals.

    A game may use the name for a method or a variable of its own; then it has no such signal.
    """

    __slots__ = ("_name",)

    def __set_name__(self, owner: type[Node], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, node: None, owner: type[Node]) -> Self: ...
    @overload
    def __get__(self, node: Node, owner: type[Node]) -> Signal: ...
    def __get__(self, node: Node | None, owner: type[Node]) -> Self | Signal:
        if node is None:
            return self
        if node._gdpeer_signals is None:
            node._gdpeer_signals = {}
        found = node._gdpeer_signals.get(self._name)
        if found is None:
            found = node._gdpeer_signals[self._name] = Signal(self._name)
        return found


class Node(Guarded):
    """A named place in a tree, with methods that other sides may call (`gdpeer.rpc`).

    You can override `_enter_tree()`, `_ready()` (called once, after that of all children) and `_exit_tree()`, as in the
    engine. An exception there is logged. These methods may be async in a tree of `gdpeer.aio`.

    Args:
        name: the node's name, without `. : @ / " %`. A name that the engine made (`@Node@2`) is allowed. None: the
            class's name.

    Attributes:
        scene_file_path: the scene that the node is made from, as `res://player.tscn`; "" at first. `Scenes.register`
            sets this for a class. A MultiplayerSpawner spawns nodes whose scene is in its list.
        synchronizer_name: for classes with `replicated()` attributes: the name of their MultiplayerSynchronizer in the
            scene.
        ready: signal (): the node and its children are in the tree, after `_ready()`.
        tree_entered: signal (): the node has entered the tree, after `_enter_tree()`.
        tree_exiting: signal (): the node is about to leave the tree, after `_exit_tree()`.
        child_entered_tree: signal (node): a child has entered the tree.
        child_exiting_tree: signal (node): a child is about to leave the tree.
        synchronized: signal (): values of the node's `replicated()` attributes were received.
        changed: signal (names): received values have changed the attributes with these names.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ()
    _gdpeer_furnish: ClassVar[Callable[[Any], None] | None] = None
    """Adds the children that every new node of the class has; called at the end of `Node.__init__`."""
    _gdpeer_signals: dict[str, Signal] | None = None
    _gdpeer_spawners: tuple[MultiplayerSpawner, ...] = ()
    """The spawners whose spawn node this is."""
    _gdpeer_is_doomed = False

    scene_file_path: str = ""
    synchronizer_name: str = "MultiplayerSynchronizer"
    ready = _NodeSignal()
    tree_entered = _NodeSignal()
    tree_exiting = _NodeSignal()
    child_entered_tree = _NodeSignal()
    child_exiting_tree = _NodeSignal()
    synchronized = _NodeSignal()
    changed = _NodeSignal()
    _gdpeer_calls_api: ClassVar[bool] = True
    """Whether `node.method.rpc_id` may call the API directly: the class has not changed `rpc_id` or `multiplayer`."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if _MISTAKE in vars(cls):
            raise vars(cls)[_MISTAKE]
        collect_methods(cls)  # raises for a mistake now, instead of at the first call
        cls._gdpeer_calls_api = cls.rpc_id is Node.rpc_id and cls.multiplayer is Node.multiplayer

    def __init__(self, name: str | None = None) -> None:
        self._gdpeer_name = _check_name(type(self).__name__ if name is None else name)
        self._gdpeer_parent: Node | None = None
        self._gdpeer_children: dict[str, Node] = {}
        self._gdpeer_tree: SceneTree | None = None
        self._gdpeer_authority = 1
        self._gdpeer_groups: frozenset[str] = _NO_GROUPS
        self._gdpeer_was_ready = False
        self._gdpeer_api: MultiplayerAPI[Any] | None = None
        self._gdpeer_own_config: dict[str, RpcConfig | None] = {}
        self._gdpeer_table: MethodTable | None = None
        if self._gdpeer_furnish is not None:
            self._gdpeer_furnish()

    # ------------------------------------------------------------------------------------------ the tree

    @property
    def name(self) -> str:
        """The node's name. A new name also changes the paths of the node and its children."""
        return self._gdpeer_name

    @name.setter
    def name(self, name: str) -> None:
        _check_name(name)
        if name == self._gdpeer_name:
            return
        if self._gdpeer_parent is not None:
            self._gdpeer_parent._gdpeer_check_free(name)
            siblings = self._gdpeer_parent._gdpeer_children
            renamed = {name if node is self else old: node for old, node in siblings.items()}
            siblings.clear()
            siblings.update(renamed)
        self._gdpeer_name = name
        if self._gdpeer_tree is not None:
            self._gdpeer_tree._gdpeer_node_renamed(self)

    @checked(force_readable_name=BOOL)
    def add_child(self, node: Node, force_readable_name: bool = False) -> None:
        """Adds `node`, with all nodes below it, as a child of this node.

        Args:
            node: a node without a parent.
            force_readable_name: True gives the node another name if its name is taken: `Bomb2` for `Bomb`.

        Raises:
            ValueError: the node has a parent, is this node or above it, or another child has its name.
        """
        if not isinstance(node, Node):
            raise wrong_type("add_child", "node", "a Node", node)
        if node._gdpeer_parent is not None:
            raise ValueError(f"{node!r} already has a parent: {node._gdpeer_parent!r}")
        if node is self or node in self._gdpeer_ancestors():
            raise ValueError("a node cannot be below itself")
        if force_readable_name:
            node._gdpeer_name = self._gdpeer_free_name(node._gdpeer_name)
        self._gdpeer_check_free(node._gdpeer_name)
        self._gdpeer_children[node._gdpeer_name] = node
        node._gdpeer_parent = self
        if self._gdpeer_tree is not None:
            self._gdpeer_tree._gdpeer_add(node)

    def _gdpeer_check_free(self, name: str) -> None:
        if name in self._gdpeer_children:
            raise ValueError(f"{self!r} already has a child named {name!r}")

    def _gdpeer_free_name(self, name: str) -> str:
        """Returns `name`, or the next number behind its text that gives a name that is not taken."""
        if name not in self._gdpeer_children:
            return name
        text = name.rstrip("0123456789")
        number = int(name[len(text) :] or 1)
        while f"{text}{number}" in self._gdpeer_children or number == 1:
            number += 1
        return f"{text}{number}"

    def remove_child(self, node: Node) -> None:
        """Removes `node`, with all nodes below it, from the tree. The node can be added again.

        Raises:
            ValueError: the node is not a child of this node.
        """
        if not isinstance(node, Node):
            raise wrong_type("remove_child", "node", "a Node", node)
        if node._gdpeer_parent is not self:
            raise ValueError(f"{node!r} is no child of {self!r}")
        if node._gdpeer_tree is not None:
            node._gdpeer_leave()
        del self._gdpeer_children[node._gdpeer_name]
        node._gdpeer_parent = None

    def free(self) -> None:
        """Removes this node from its parent."""
        if self._gdpeer_parent is not None:
            self._gdpeer_parent.remove_child(self)

    def queue_free(self) -> None:
        """Removes this node from its parent at the end of the next `SceneTree.poll`; at once outside a tree."""
        if self._gdpeer_tree is None:
            self.free()
        elif not self._gdpeer_is_doomed:
            self._gdpeer_is_doomed = True
            self._gdpeer_tree._gdpeer_doomed.append(self)
            self._gdpeer_tree._gdpeer_idle_work()  # without this, the poll would not look for doomed nodes

    @checked(method=STR)
    def call_deferred(self, method: str, *arguments: Any) -> None:
        """Calls a method of this node at the end of the tree's poll, as `SceneTree.call_deferred` does.

        Raises:
            AttributeError: the node has no such method. The engine logs this when it makes the call.
            ValueError: the node is not in a tree.
        """
        self.get_tree().call_deferred(getattr(self, method), *arguments)

    def is_queued_for_deletion(self) -> bool:
        """Whether `queue_free` was called, and the node is still there."""
        return self._gdpeer_is_doomed

    def _gdpeer_enter(self, tree: SceneTree) -> None:
        self._gdpeer_tree = tree
        for group in self._gdpeer_groups:
            tree._gdpeer_join_group(group, self)
        for problem in self._gdpeer_made_table().inspect():
            logger.error("no call from elsewhere will reach %s", problem)
        self._gdpeer_tell(self._enter_tree)
        if self._gdpeer_tree is not tree:
            return
        self._gdpeer_entered()
        if self._gdpeer_signals is not None:
            self.emit_signal("tree_entered")
        parent = self._gdpeer_parent
        if parent is not None:
            for spawner in parent._gdpeer_spawners:
                spawner.child_entered(self)
            if parent._gdpeer_signals is not None:
                parent.emit_signal("child_entered_tree", self)
        for child in list(self._gdpeer_children.values()):
            if (
                self._gdpeer_tree is tree and child._gdpeer_tree is None
            ):  # else a hook freed this node, or has already added the child
                child._gdpeer_enter(tree)

    def _gdpeer_tell(self, hook: Callable[[], None]) -> None:
        """Calls a hook of the game. An exception is logged, because it must not leave the tree half changed."""
        # A hook with @rpc is no function and has no name of its own.
        name = getattr(hook, "__name__", hook)
        try:
            result: object = hook()  # type: ignore[func-returns-value]  # an async hook returns a coroutine
            if result is not None and self._gdpeer_tree is not None:
                self._gdpeer_tree._gdpeer_take_result(f"{name} of {describe(self)}", result)
        except Exception:
            report(logger, "%s of %s raised", name, describe(self))

    def _gdpeer_get_ready(self) -> None:
        for child in list(self._gdpeer_children.values()):
            child._gdpeer_get_ready()
        if self._gdpeer_tree is not None:
            self._gdpeer_became_ready()
        if not self._gdpeer_was_ready and self._gdpeer_tree is not None:
            self._gdpeer_was_ready = True
            self._gdpeer_tell(self._ready)
            if self._gdpeer_signals is not None:
                self.emit_signal("ready")

    def _gdpeer_leave(self) -> None:
        for child in list(self._gdpeer_children.values()):
            if child._gdpeer_tree is not None:
                child._gdpeer_leave()
        self._gdpeer_tell(self._exit_tree)
        if self._gdpeer_signals is not None:
            self.emit_signal("tree_exiting")
        parent = self._gdpeer_parent
        if parent is not None and parent._gdpeer_signals is not None:
            parent.emit_signal("child_exiting_tree", self)
        self._gdpeer_exits()
        self._gdpeer_is_doomed = False
        tree, self._gdpeer_tree, self._gdpeer_api = self._gdpeer_tree, None, None
        if tree is not None:
            tree._gdpeer_node_left(self)

    @checked(signal=STR)
    def emit_signal(self, signal: str, *arguments: Any) -> None:
        """Emits one of the signals that every node has, as `ready`, by its name."""
        found = None if self._gdpeer_signals is None else self._gdpeer_signals.get(signal)
        if found is not None:
            found.emit(*arguments)

    def _gdpeer_entered(self) -> None:
        """Begins the work of a spawner or synchronizer; called after `_enter_tree`."""

    def _gdpeer_became_ready(self) -> None:
        """Begins what needs the other nodes; called each time when the node and its children are in the tree."""

    def _gdpeer_exits(self) -> None:
        """Ends the work of a spawner or synchronizer; the node is still in the tree."""

    def _enter_tree(self) -> None:
        """Override this: the node has entered the tree, its children not yet."""

    def _ready(self) -> None:
        """Override this: the node and its children are in the tree. Called once."""

    def _exit_tree(self) -> None:
        """Override this: the node is about to leave the tree; its children have left."""

    def is_inside_tree(self) -> bool:
        """Whether the node is below a tree's root, or the root itself."""
        return self._gdpeer_tree is not None

    def get_tree(self) -> SceneTree:
        """Returns the tree that the node is in.

        Raises:
            ValueError: the node is not in a tree.
        """
        if self._gdpeer_tree is None:
            raise ValueError(f"{self!r} is not in a tree")
        return self._gdpeer_tree

    def get_parent(self) -> Node | None:
        """Returns the node above; None for a root, and for a node without a parent."""
        return self._gdpeer_parent

    def get_children(self) -> list[Node]:
        """Returns the nodes directly below, in the order in which they were added."""
        return list(self._gdpeer_children.values())

    def get_index(self) -> int:
        """Returns the node's place among the children of its parent; 0 without a parent."""
        parent = self._gdpeer_parent
        return 0 if parent is None else list(parent._gdpeer_children).index(self._gdpeer_name)

    def get_path(self) -> NodePath:
        """Returns the node's path, as `/root/Main/Child`; outside a tree the path from the topmost node on."""
        return NodePath.of(self._gdpeer_names(), (), self._gdpeer_tree is not None)

    def _gdpeer_names(self) -> tuple[str, ...]:
        """Returns the names of the node's path."""
        names, node = [self._gdpeer_name], self._gdpeer_parent
        while node is not None:
            names.append(node._gdpeer_name)
            node = node._gdpeer_parent
        return tuple(names[::-1])

    def _gdpeer_ancestors(self) -> Iterator[Node]:
        node = self._gdpeer_parent
        while node is not None:
            yield node
            node = node._gdpeer_parent

    @checked(path=_PATH)
    def get_node(self, path: str | NodePath) -> Node:
        """Returns the node at `path`: absolute (`/root/Main`) or from here (`Child`, `../Sibling`, `.`).

        Raises:
            LookupError: there is no such node.
        """
        node = self.get_node_or_null(path)
        if node is None:
            raise LookupError(f"there is no node {str(path)!r} from {str(self.get_path())!r}")
        return node

    @checked(path=_PATH)
    def get_node_or_null(self, path: str | NodePath) -> Node | None:
        """Returns the node at `path` as `get_node` does; None if there is no such node."""
        text = str(path)
        if text.startswith("/"):
            return None if self._gdpeer_tree is None else self._gdpeer_tree.get_node_or_null(text)
        return walk(self, text)

    @checked(path=_PATH)
    def has_node(self, path: str | NodePath) -> bool:
        """Whether there is a node at `path`."""
        return self.get_node_or_null(path) is not None

    def get_tree_string(self) -> str:
        """Returns the paths of this node and all nodes below, from here on, each in a line of its own."""
        return list_paths(self)

    def get_tree_string_pretty(self) -> str:
        """Returns a drawing of this node and all nodes below."""
        return draw(self)

    def print_tree(self) -> None:
        """Prints `get_tree_string()`, in the form of the engine."""
        show(self.get_tree_string())

    def print_tree_pretty(self) -> None:
        """Prints `get_tree_string_pretty()`, in the form of the engine."""
        show(self.get_tree_string_pretty())

    # ------------------------------------------------------------------------------------------ groups

    @checked(group=STR)
    def add_to_group(self, group: str) -> None:
        """Adds the node to a group, for `SceneTree.get_nodes_in_group`."""
        self._gdpeer_groups |= {group}
        if self._gdpeer_tree is not None:
            self._gdpeer_tree._gdpeer_join_group(group, self)

    @checked(group=STR)
    def remove_from_group(self, group: str) -> None:
        """Removes the node from a group. Has no effect if the node is not in the group."""
        self._gdpeer_groups -= {group}
        if self._gdpeer_tree is not None:
            self._gdpeer_tree._gdpeer_leave_group(group, self)

    @checked(group=STR)
    def is_in_group(self, group: str) -> bool:
        """Whether the node is in the group."""
        return group in self._gdpeer_groups

    # ------------------------------------------------------------------------------------------ multiplayer

    @property
    def multiplayer(self) -> SceneMultiplayer:
        """The API of this branch of the tree.

        Raises:
            ValueError: the node is not in a tree.
        """
        if self._gdpeer_api is None:
            self._gdpeer_api = self.get_tree().get_multiplayer(self.get_path())
        return self._gdpeer_api  # type: ignore[return-value]  # a tree of Godot 3's API has that

    @checked(peer_id=INT, recursive=BOOL)
    def set_multiplayer_authority(self, peer_id: int, recursive: bool = True) -> None:
        """Sets the peer whose calls are allowed for methods with the mode "authority".

        Args:
            peer_id: at first 1, the server. Set the same id on every side.
            recursive: True also sets the authority of all nodes below.
        """
        self._gdpeer_authority = peer_id
        if recursive:
            for child in self._gdpeer_children.values():
                child.set_multiplayer_authority(peer_id)

    def get_multiplayer_authority(self) -> int:
        """Returns the id of the peer that is the authority of this node; 1 at first."""
        return self._gdpeer_authority

    def is_multiplayer_authority(self) -> bool:
        """Whether this side is the authority of the node."""
        return self.multiplayer.get_unique_id() == self._gdpeer_authority

    def rpc(self, method: str, *arguments: Any) -> Error:
        """Calls `method` of this node on every other side, as `node.method.rpc(...)` does.

        Returns:
            The codes of `rpc_id`.
        """
        return self.rpc_id(0, method, *arguments)

    def rpc_id(self, peer_id: int, method: str, *arguments: Any) -> Error:
        """Calls `method` of this node on other sides, as `node.method.rpc_id(peer_id, ...)` does.

        Args:
            peer_id: positive: this peer; 0: all peers; negative: all but that peer, which must be connected.
            method: the name of a method with `@rpc`, or configured by `rpc_config`.
            arguments: at most 255 engine values.

        Returns:
            OK: the call was sent.
            ERR_UNCONFIGURED: there is no peer.
            ERR_CONNECTION_ERROR: the peer is not connected.
            ERR_INVALID_PARAMETER: the node is not in a tree, the method cannot be called there, or `peer_id` is this
                side's id and the method has no `call_local`.
            FAILED: the method was also called here, and raised.
            ERR_OUT_OF_MEMORY: the send queue of a peer (`outbound_buffer_size`) is full. All others got the call.

        Raises:
            VariantError: an argument is not an engine value. Nothing was sent.
            ValueError: there are more than 255 arguments.
        """
        if type(peer_id) is not int:
            check_id("rpc_id", peer_id)
        if not isinstance(method, str):
            raise wrong_type("rpc_id", "method", "a string", method)
        if self._gdpeer_tree is None:
            return not_sent(Error.ERR_INVALID_PARAMETER, self, method, NO_TREE)
        return self.multiplayer.rpc(peer_id, self, method, arguments)

    @checked(method=STR, config=_CONFIG)
    def rpc_config(self, method: str, config: RpcConfig | Mapping[str, Any] | None) -> None:
        """Lets other sides call a method without `@rpc`, on this node only.

        Args:
            method: the method's name. Both sides must configure the same names before the first call.
            config: an `RpcConfig`, or a dictionary with `rpc_mode`, `transfer_mode`, `call_local` and `channel`; what
                is missing is as in the engine. None takes the configuration back.

        Raises:
            ValueError: there is no such method, or the configuration is not valid.
            TypeError: the method is a generator.
        """
        if config is None:
            self._gdpeer_own_config.pop(method, None)
        else:
            function = getattr(self, method, None)
            if not callable(function):
                check_name(method)
                raise ValueError(f"{self!r} has no method {method!r}")
            check_callable(function)
            found: RpcConfig | None = config if isinstance(config, RpcConfig) else RpcConfig.of(config)
            if not isinstance(config, RpcConfig) and "rpc_mode" not in config:
                logger.error("rpc_config of %s, %s: it cannot be called, as no rpc_mode is given", self, method)
                found = None
            self._gdpeer_own_config[method] = found
        if self._gdpeer_table is not None and self._gdpeer_api is not None and self._gdpeer_api._keeps_methods:
            logger.warning("rpc_config of %s, %s: too late, calls of this node have numbers already", self, method)
        else:
            self._gdpeer_table = None

    def _gdpeer_methods(self) -> MethodTable:
        """Returns the methods that other sides may call. The table is kept from the first use on."""
        if self._gdpeer_table is None:
            self._gdpeer_table = self._gdpeer_made_table()
        return self._gdpeer_table

    def _gdpeer_made_table(self) -> MethodTable:
        shared = class_table(type(self))
        return node_table(self, self._gdpeer_own_config, shared) if self._gdpeer_own_config else shared

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self.get_path())!r}>"


class SceneTree(Guarded):
    """The root of all nodes, whose `poll` drives the networks.

    Args:
        multiplayer: the API of the whole tree. None makes a `SceneMultiplayer`.
        scenes: the classes of scenes that a MultiplayerSpawner makes. None: no scenes.

    Attributes:
        root: the node `/root`, above all other nodes.
        scenes: as given.
        on_news: called when a timer or a deferred call gives the tree something to do outside of `poll`, for programs
            that poll only when there is news. At first None.
    """

    _gdpeer_attributes: ClassVar[tuple[str, ...]] = ("on_news", "root", "scenes")

    def __init__(self, multiplayer: MultiplayerAPI[Any] | None = None, *, scenes: Scenes | None = None) -> None:
        self.scenes = scenes
        self.on_news: Callable[[], object] | None = None
        self._gdpeer_idle: Idle | None = None
        self._gdpeer_doomed: list[Node] = []
        self._gdpeer_depth = 0
        self._gdpeer_unsettled: list[Callable[[], None]] = []
        self._gdpeer_apis: dict[tuple[str, ...], MultiplayerAPI[Any]] = {}
        self._gdpeer_groups: dict[str, dict[Node, None]] = {}
        self.root = Node("root")
        self.root._gdpeer_tree = self
        self.set_multiplayer(MultiplayerAPI._default() if multiplayer is None else multiplayer)

    @property
    def multiplayer(self) -> SceneMultiplayer:
        """The API of the whole tree."""
        return self._gdpeer_apis[("root",)]  # type: ignore[return-value]

    @checked(path=_PATH)
    def get_multiplayer(self, path: str | NodePath = "") -> MultiplayerAPI[Any]:
        """Returns the API of the branch that `path` is in; "" returns the API of the whole tree."""
        names = NodePath(str(path)).names or ("root",)
        while names not in self._gdpeer_apis:
            names = names[:-1] or ("root",)
        return self._gdpeer_apis[names]

    @checked(root_path=_PATH)
    def set_multiplayer(self, api: MultiplayerAPI[Any] | None, root_path: str | NodePath = "") -> None:
        """Gives a branch of the tree its own API.

        Args:
            api: the API. None takes the API of the branch away.
            root_path: an absolute path; there need not be a node yet. "" means the whole tree. Paths in packets are
                relative to this path.

        Raises:
            ValueError: the path is not below `/root`, the API is in use elsewhere, or `api` is None for the whole tree.
        """
        if api is not None and not hasattr(api, "_tree"):
            raise wrong_type("set_multiplayer", "api", "a MultiplayerAPI or None", api)
        names = NodePath(str(root_path) or "/root").names
        if not names or names[0] != "root" or (root_path and not str(root_path).startswith("/")):
            raise ValueError(f"not a path below /root: {str(root_path)!r}")
        if api is None and names == ("root",):
            raise ValueError("the tree needs an API")
        if api is not None and api._tree is not None and self._gdpeer_apis.get(names) is not api:
            raise ValueError("this API is in use already")
        old = self._gdpeer_apis.pop(names, None)
        if old is not None:
            old._enter(None, "")
        if api is not None:
            self._gdpeer_apis[names] = api
            api._enter(self, "/" + "/".join(names))
        self._gdpeer_forget_apis()

    def _gdpeer_forget_apis(self) -> None:
        """Makes every node look up its API again."""
        pending = [self.root]
        while pending:
            node = pending.pop()
            node._gdpeer_api = None
            pending.extend(node._gdpeer_children.values())

    def poll(self, timeout: float = 0.0) -> None:
        """Polls every network in the tree: reads bytes, emits signals, runs calls, and sends bytes.

        Args:
            timeout: the most seconds to wait for an event. 0 does not wait. With several networks the wait is at most
                10 ms, which they share.
        """
        if type(timeout) is not float:
            timeout = seconds_of("poll", "timeout", timeout)
        if timeout > 0 and self._gdpeer_idle is not None:
            timeout = self._gdpeer_idle.time_left(timeout)
        apis = list(self._gdpeer_apis.values())
        waiting = sum(api.can_wait() for api in apis) if timeout > 0 else 0
        share = timeout if waiting == 1 else min(timeout, _SLICE) / max(waiting, 1)
        for api in apis:
            api.poll(share if waiting and api.can_wait() else 0.0)
        if not waiting and timeout > 0:
            pause(timeout)
        if self._gdpeer_idle is not None:
            self._gdpeer_idle.run()

    def time_left(self, most: float) -> float:
        """Returns the seconds until a timer ends, 0.0 if there are deferred calls; at most `most`."""
        return most if self._gdpeer_idle is None else self._gdpeer_idle.time_left(most)

    def _gdpeer_idle_work(self) -> Idle:
        """Returns the work at the end of a poll; makes the object at its first use."""
        if self._gdpeer_idle is None:
            self._gdpeer_idle = Idle(self, getattr(self.multiplayer, "_clock", MONOTONIC))
        return self._gdpeer_idle

    @checked(time_sec=NUMBER)
    def create_timer(self, time_sec: float) -> SceneTreeTimer:
        """Returns a timer whose signal `timeout` is emitted once, by the first `poll` after `time_sec` seconds.

        The time is that of the clock of `multiplayer`: a `ManualClock` in tests. `poll` waits no longer than until the
        next timer ends. Timers of one poll end in the order in which they were made.

        Raises:
            ValueError: `time_sec` is not a number (NaN).
        """
        return self._gdpeer_idle_work().create_timer(float(time_sec))

    @checked(function=CALLABLE)
    def call_deferred(self, function: Callable[..., object], *arguments: Any) -> None:
        """Calls a function at the end of the current `poll`; outside of a poll, at the end of the next.

        Calls run in the order in which they were deferred. Those that a deferred call defers run in the same poll. An
        exception is logged, and the other calls still run. The function may be async in a tree of `gdpeer.aio`.
        """
        name = getattr(function, "__qualname__", None) or describe(function)
        self._gdpeer_idle_work().defer(name, function, arguments)

    def _gdpeer_take_result(self, name: str, result: object) -> None:
        """Starts a task for what an async method of the game has returned.

        Args:
            name: of the method.
            result: anything; only awaitable objects need a task.

        Raises:
            RuntimeError: the result is awaitable, and the tree does not run in asyncio.
        """
        if result is not None:
            run_result(self, name, result)

    def _gdpeer_free_doomed(self) -> None:
        doomed, self._gdpeer_doomed = self._gdpeer_doomed, []
        for node in doomed:
            if node._gdpeer_is_doomed and node._gdpeer_tree is self:
                node.free()

    def _gdpeer_add(self, node: Node) -> None:
        """Has a new child enter the tree. Work that waits for whole branches runs when the outermost one is ready."""
        self._gdpeer_depth += 1
        try:
            node._gdpeer_enter(self)
            node._gdpeer_get_ready()
        finally:
            self._gdpeer_depth -= 1
            if not self._gdpeer_depth and self._gdpeer_unsettled:
                unsettled, self._gdpeer_unsettled = self._gdpeer_unsettled, []
                for work in unsettled:
                    work()

    def when_settled(self, work: Callable[[], None]) -> None:
        """Calls `work` when the branch that is being added is complete; at once while no branch is being added."""
        if self._gdpeer_depth:
            self._gdpeer_unsettled.append(work)
        else:
            work()

    @checked(path=_PATH)
    def get_node(self, path: str | NodePath) -> Node:
        """Returns the node at an absolute path, as `/root/Main`.

        Raises:
            LookupError: there is no such node.
        """
        node = self.get_node_or_null(path)
        if node is None:
            raise LookupError(f"there is no node {str(path)!r}")
        return node

    @checked(path=_PATH)
    def get_node_or_null(self, path: str | NodePath) -> Node | None:
        """Returns the node at `path` as `get_node` does; None if there is no such node."""
        first, _, rest = str(path).strip("/").partition("/")
        return walk(self.root, rest) if first == "root" else None

    @checked(path=_PATH, create=BOOL)
    def node_at(self, path: str | NodePath, create: bool = False) -> Node:
        """Returns the node at a path.

        Args:
            path: absolute (`/root/Main`), or from the root on (`Main`).
            create: True makes the nodes of the path that are missing: plain nodes.

        Raises:
            LookupError: there is no such node, and `create` is False or the path leads above the root.
            ValueError: a name in the path is not allowed for a node. No node was made.
        """
        first, _, rest = str(path).strip("/").partition("/")
        if str(path).startswith("/") and first != "root":
            return self.get_node(path)
        below = rest if first == "root" else str(path)
        node = walk_on(self.root, below) if create else walk(self.root, below)
        if node is None:
            raise LookupError(f"there is no node {str(path)!r}")
        return node

    @checked(group=STR)
    def get_nodes_in_group(self, group: str) -> list[Node]:
        """Returns the nodes of a group, in the order in which they joined."""
        return list(self._gdpeer_groups.get(group, ()))

    @checked(group=STR, method=STR)
    def call_group(self, group: str, method: str, *arguments: Any) -> None:
        """Calls a method of every node of a group. The method may be async in a tree of `gdpeer.aio`."""
        for node in self.get_nodes_in_group(group):
            self._gdpeer_take_result(method, getattr(node, method)(*arguments))

    def _gdpeer_join_group(self, group: str, node: Node) -> None:
        self._gdpeer_groups.setdefault(group, {})[node] = None

    def _gdpeer_leave_group(self, group: str, node: Node) -> None:
        members = self._gdpeer_groups.get(group)
        if members is not None:
            members.pop(node, None)
            if not members:
                del self._gdpeer_groups[group]

    def _gdpeer_node_renamed(self, node: Node) -> None:
        self._gdpeer_forget_apis()
        for api in self._gdpeer_apis.values():
            api._node_renamed(node)

    def _gdpeer_node_left(self, node: Node) -> None:
        for group in node._gdpeer_groups:
            self._gdpeer_leave_group(group, node)
        for api in self._gdpeer_apis.values():
            api._node_left(node)


def _check_name(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a name is a string, not {type(name).__name__}")
    is_plain = bool(name) and not any(character in _FORBIDDEN for character in name)
    if not is_plain and not _OF_THE_ENGINE.fullmatch(name):
        raise ValueError(f"not a node's name: {name!r} (empty, or with one of {_FORBIDDEN[:-1]} or a zero)")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"not a node's name: {name!r} (half a surrogate pair)") from None
    return name


def furnish(kind: type[Node], function: Callable[[Any], None], replace: bool = True) -> None:
    """Makes a function add the children that every new node of a class has.

    Args:
        kind: the class; its subclasses inherit the function.
        function: gets the new node.
        replace: False keeps a function that the class has.
    """
    if replace or kind._gdpeer_furnish is None:
        kind._gdpeer_furnish = function


def note_mistake(kind: type[Node], mistake: Exception) -> None:
    """Makes a class that is being defined raise, as soon as all its attributes have their names.

    Python 3.11 replaces an error of `__set_name__` by a RuntimeError without the text.
    """
    if _MISTAKE not in vars(kind):
        setattr(kind, _MISTAKE, mistake)


def attach(spawner: MultiplayerSpawner, node: Node) -> None:
    """Makes a spawner hear of each new child of a node."""
    node._gdpeer_spawners = (*node._gdpeer_spawners, spawner)


def detach(spawner: MultiplayerSpawner, node: Node) -> None:
    """Makes a spawner no longer hear of new children of a node."""
    node._gdpeer_spawners = tuple(one for one in node._gdpeer_spawners if one is not spawner)


def walk(node: Node, path: str) -> Node | None:
    """Returns the node at a path that is relative to `node`; None if there is no such node."""
    found: Node | None = node
    for name in path.split("/"):
        if found is None:
            return None
        if name == "..":
            found = found._gdpeer_parent
        elif name not in ("", "."):
            found = found._gdpeer_children.get(name)
    return found


def walk_on(node: Node, path: str) -> Node | None:
    """Returns the node at a path that is relative to `node`; makes nodes that are missing. None: above a root.

    Raises:
        ValueError: a name is not allowed. No node was made.
    """
    names = [name for name in path.split("/") if name not in ("", ".")]
    found: Node | None = node
    while names and (found := walk(node, names[0])) is not None:
        node, names = found, names[1:]
    if not names or ".." in names:
        return found
    # The branch is complete before it enters the tree: the hooks of the game then find the nodes below.
    branch = [Node(name) for name in names]
    for above, below in pairwise(branch):
        above.add_child(below)
    node.add_child(branch[0])
    return branch[-1]
