"""Reads one GDScript file: its classes, their bases, their functions, and the constants that name other scripts.

The bodies of functions are skipped, so nothing in them can mislead the parser.

Layer: `contract`; pure. Source: reference godot4-contract 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gdpeer.contract.annotations import Rpc, parse_rpc
from gdpeer.contract.constants import MOST_TOKENS
from gdpeer.contract.cursor import Cursor, Reference, split
from gdpeer.contract.tokens import Kind, Line, SyntaxProblem, Token, logical_lines

__all__ = ["ClassSyntax", "Configuration", "Function", "Reference", "Script", "VariableSyntax", "parse_script"]

DECLARATIONS = frozenset(("func", "var", "const", "signal", "class", "enum"))

_MODES = {
    "remote": "remote",
    "master": "master",
    "puppet": "puppet",
    "slave": "puppet",
    "remotesync": "remotesync",
    "sync": "remotesync",
    "mastersync": "mastersync",
    "puppetsync": "puppetsync",
}
"""Godot 3's keywords, each with its present name."""

MOST_CONFIGURATIONS = 1000
"""Most calls of `rpc_config` in a class that are read."""

_CONFIGURE = frozenset(("rpc_config", "rset_config"))

KEYWORDS = re.compile(
    "if|elif|else|for|while|break|continue|pass|return|class|class_name|extends|is|in|as|self|super|signal|func|static|"
    "const|enum|var|breakpoint|preload|await|yield|assert|and|or|not|true|false|null|void|namespace|trait"
)
"""Names that no function can have."""


@dataclass(slots=True)
class Function:
    """A function of a class.

    Attributes:
        line: from 1 on.
        rpc: the settings of its `@rpc`; None without.
        mode: the keyword before it, in Godot 3; "" without.
        head: the tokens between the parentheses.
        is_empty: whether the body does nothing.
    """

    line: int
    rpc: Rpc | None
    mode: str = ""
    head: list[Token] = field(default_factory=list)
    is_empty: bool = True


@dataclass(frozen=True, slots=True)
class VariableSyntax:
    """A variable that has a keyword before it, in Godot 3."""

    line: int
    mode: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """A call of `rpc_config` or `rset_config` in the body of a function.

    Attributes:
        line: of the call.
        function: `rpc_config` or `rset_config`.
        arguments: the tokens of each argument.
        is_own: False: the call is to another node, as in `$Player.rpc_config(...)`.
    """

    line: int
    function: str
    arguments: tuple[tuple[Token, ...], ...]
    is_own: bool


@dataclass(eq=False, slots=True)
class ClassSyntax:
    """A class as the file describes it: the script's own, or an inner class.

    Attributes:
        script: the path of the file.
        name: of an inner class, or the script's `class_name`.
        outer: the class around it; None for the script's own.
        base: the class that it extends; None without `extends`.
        line: where it begins.
        functions: by name.
        constants: those that name a class.
        values: the expressions of all constants.
        enumerations: the members of each, with their expressions, if they have any; "" holds those without a name.
        variables: those with a keyword, in Godot 3.
        configurations: calls that add methods by code.
        classes: inner classes.
        members: all names of the class.
    """

    script: str
    name: str = ""
    outer: ClassSyntax | None = None
    base: Reference | None = None
    line: int = 1
    functions: dict[str, Function] = field(default_factory=dict)
    constants: dict[str, Reference] = field(default_factory=dict)
    values: dict[str, list[Token]] = field(default_factory=dict)
    enumerations: dict[str, list[tuple[str, list[Token]]]] = field(default_factory=dict)
    variables: dict[str, VariableSyntax] = field(default_factory=dict)
    configurations: list[Configuration] = field(default_factory=list)
    classes: dict[str, ClassSyntax] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        """The path of the script, and the names of inner classes."""
        names = []
        class_: ClassSyntax = self
        while class_.outer is not None:
            names.append(class_.name)
            class_ = class_.outer
        return "::".join((self.script, *reversed(names)))


@dataclass(frozen=True, slots=True)
class Script:
    """The content of one file.

    Attributes:
        root: the script's own class.
        classes: the script's own class and all inner classes.
        problems: the reasons why the engine would not load the file; empty if the declarations show none.
    """

    root: ClassSyntax
    classes: tuple[ClassSyntax, ...]
    problems: list[SyntaxProblem]


def parse_script(text: str, path: str, engine: int = 4) -> Script:
    """Reads the text of a script.

    Args:
        text: of the file.
        path: of the file, as `res://`.
        engine: 4 or 3.
    """
    problems: list[SyntaxProblem] = []
    parser = _Parser(path, problems, engine)
    for line in logical_lines(text.removeprefix("\ufeff"), problems):
        parser.take(line)
    parser.finish()
    return Script(parser.classes[0], tuple(parser.classes), problems)


@dataclass(slots=True)
class _Block:
    """The lines deeper than `indent`: the body of a class, or of a function, or text that does not count.

    Attributes:
        indent: of the line that begins the block.
        inside: the class; None in other blocks.
        pending: annotations that wait for their function.
        function: whose body it is; None in other blocks.
        owner: the class of the function.
        mode: Godot 3's keyword that waits for its function or variable.
    """

    indent: int
    inside: ClassSyntax | None
    pending: list[tuple[Token, list[Token]]] = field(default_factory=list)
    function: Function | None = None
    owner: ClassSyntax | None = None
    mode: str = ""


class _Parser:
    def __init__(self, path: str, problems: list[SyntaxProblem], engine: int) -> None:
        root = ClassSyntax(path)
        self._modes = _MODES if engine == 3 else {}
        self.classes = [root]
        self._problems = problems
        self._blocks = [_Block(-1, root)]
        self._open: tuple[ClassSyntax, str] | None = None

    def take(self, line: Line) -> None:
        """Parses the next line of the file."""
        blocks = self._blocks
        # A line that is not deeper ends all blocks that began at its depth or deeper.
        while line.indent <= blocks[-1].indent:
            self._refuse_rpc(blocks.pop(), "@rpc stands before nothing")
        block = blocks[-1]
        if block.inside is None:
            self._body(line.tokens, block)
            return
        cursor = Cursor(line.tokens)
        if self._open is not None and cursor.sees("{"):
            self._members(cursor, *self._open)
        self._open = None
        inner: ClassSyntax | Function | None = None
        # The body of a function takes the rest of the line.
        while not cursor.is_over() and not isinstance(inner, Function):
            inner = self._statement(cursor, block)
        if isinstance(inner, Function):
            blocks.append(_Block(line.indent, None, function=inner, owner=block.inside))
            self._body(cursor.rest(), blocks[-1])
        else:
            # Statements behind `class Inner:` on the same line belong to the class around it, as in the engine.
            blocks.append(_Block(line.indent, inner))

    def finish(self) -> None:
        """Ends all blocks at the end of the file."""
        for block in reversed(self._blocks):
            self._refuse_rpc(block, "@rpc stands before nothing")

    def _refuse_rpc(self, block: _Block, why: str) -> None:
        for token, _ in block.pending:
            if token.text == "@rpc":
                self._problem(token, why)
        block.pending.clear()

    def _problem(self, token: Token, text: str) -> None:
        self._problems.append(SyntaxProblem(token.line, text))

    def _body(self, tokens: Sequence[Token], block: _Block) -> None:
        """Parses a line of a function's body, as far as it counts."""
        function = block.function
        if function is not None and function.is_empty:
            function.is_empty = _is_empty(tokens)
        for at, token in enumerate(tokens):
            if token.kind is Kind.ANNOTATION and token.text == "@rpc":
                self._problem(token, "@rpc stands inside a function")
            if token.text in _CONFIGURE and block.owner is not None:
                self._configuration(tokens, at, block.owner)

    def _configuration(self, tokens: Sequence[Token], at: int, owner: ClassSyntax) -> None:
        """Keeps a call of `rpc_config`."""
        # Bounded: a text can have very many calls within each other.
        cursor = Cursor(tokens[at + 1 : at + MOST_TOKENS])
        before = tokens[at - 1].text if at else ""
        if not cursor.sees("(") or before == "func" or len(owner.configurations) >= MOST_CONFIGURATIONS:
            return
        is_own = before != "." or (at > 1 and tokens[at - 2].text == "self")
        arguments = tuple(tuple(argument) for argument in split(cursor.brackets()))
        owner.configurations.append(Configuration(tokens[at].line, tokens[at].text, arguments, is_own))

    # ---------------------------------------------------------------------------------------- statements

    def _statement(self, cursor: Cursor, block: _Block) -> ClassSyntax | Function | None:
        """Parses one statement. Returns the inner class or function whose body begins behind the statement."""
        token = cursor.next()
        assert block.inside is not None
        if token.kind is Kind.ANNOTATION:
            arguments = cursor.brackets() if cursor.sees("(") else []
            block.pending.append((token, arguments))
            return None
        if token.kind is not Kind.WORD or token.text == "static":
            if token.kind is Kind.MARK and token.text != ";":
                self._problem(token, f"{token.text} begins nothing that a class can have")
                cursor.skip_statement()
            return None
        if token.text in self._modes:
            block.mode = self._modes[token.text]
            return None
        if token.text in DECLARATIONS and not cursor.is_over():
            self._declare(cursor.peek(), block.inside)
        match token.text:
            case "func":
                return self._function(cursor, block, block.inside)
            case "export" | "onready" if self._modes:
                if cursor.sees("("):
                    cursor.brackets()
                return None
            case "var" if block.mode and not cursor.is_over():
                block.inside.variables[cursor.peek().text] = VariableSyntax(token.line, block.mode)
                cursor.skip_statement()
            case "class":
                self._refuse_rpc(block, "@rpc stands before a class")
                return self._class(cursor, block.inside)
            case "class_name":
                self._check_head(token, block.inside)
                if block.inside.outer is None and not cursor.is_over():
                    block.inside.name = cursor.next().text
                if self._modes:
                    cursor.skip_statement()  # Godot 3 has the path of an icon behind the name
            case "extends":
                self._check_head(token, block.inside)
                block.inside.base = cursor.reference()
            case "const":
                self._constant(cursor, block.inside)
                self._refuse_rpc(block, "@rpc stands before a constant")
                cursor.skip_statement()
            case "enum":
                self._refuse_rpc(block, "@rpc stands before an enumeration")
                self._enumeration(cursor, block.inside)
            case "pass":
                # Counts as a member: `class_name` and `extends` may not follow.
                block.inside.members.add(token.text)
            case _:
                self._refuse_rpc(block, f"@rpc stands before {token.text}")
                cursor.skip_statement()
        block.pending.clear()
        block.mode = ""
        return None

    def _check_head(self, token: Token, inside: ClassSyntax) -> None:
        is_second = inside.base is not None if token.text == "extends" else bool(inside.name and inside.outer is None)
        if inside.members or is_second:
            self._problem(token, f"{token.text} must stand before everything else, and once")

    def _declare(self, name: Token, inside: ClassSyntax) -> None:
        if name.kind is Kind.WORD and name.text in inside.members:
            self._problem(name, f"{name.text} is the name of two members")
        inside.members.add(name.text)

    def _enumeration(self, cursor: Cursor, inside: ClassSyntax) -> None:
        name = "" if cursor.is_over() or cursor.sees("{") else cursor.next().text
        if cursor.sees("{"):
            self._members(cursor, inside, name)
        else:
            self._open = (inside, name)  # the brace may stand on the next line

    def _members(self, cursor: Cursor, inside: ClassSyntax, name: str) -> None:
        members = inside.enumerations.setdefault(name, [])
        for member, value in cursor.enumerated():
            members.append((member.text, value))
            if not name:
                self._declare(member, inside)

    def _function(self, cursor: Cursor, block: _Block, inside: ClassSyntax) -> Function | None:
        if cursor.is_over():
            return None
        name = cursor.next()
        if name.kind is not Kind.WORD or KEYWORDS.fullmatch(name.text):
            self._problem(name, f"{name.text} cannot be the name of a function")
        marks = [(token, arguments) for token, arguments in block.pending if token.text == "@rpc"]
        block.pending.clear()
        rpc: Rpc | None = None
        if len(marks) > 1:
            self._problem(marks[1][0], "@rpc stands twice before one function")
        for token, arguments in marks[:1]:
            try:
                rpc = parse_rpc(arguments)
            except ValueError as error:
                self._problem(token, str(error))
        head = cursor.brackets() if cursor.sees("(") else []
        function = inside.functions[name.text] = Function(name.line, rpc, block.mode, head)
        block.mode = ""
        return function if cursor.skip_head() else None

    def _class(self, cursor: Cursor, outer: ClassSyntax) -> ClassSyntax | None:
        if cursor.is_over():
            return None
        name = cursor.next()
        made = ClassSyntax(outer.script, name.text, outer, None, name.line)
        if cursor.sees("extends"):
            cursor.next()
            made.base = cursor.reference()
        if cursor.sees(":"):
            cursor.next()
        # Of two classes with one name the first counts; the name was reported as a problem before.
        outer.classes.setdefault(name.text, made)
        self.classes.append(made)
        return made

    def _constant(self, cursor: Cursor, inside: ClassSyntax) -> None:
        """Parses `const P = preload("res://x.gd").Inner`, or a constant that names a class."""
        if cursor.is_over():
            return
        name = cursor.next().text
        if cursor.sees(":"):
            cursor.next()
        is_typed = not (cursor.is_over() or cursor.sees("="))
        while is_typed and not (cursor.is_over() or cursor.sees("=") or cursor.sees(";")):
            cursor.next()
        if not cursor.sees("="):
            return
        cursor.next()
        inside.values[name] = cursor.statement()
        # A constant with a type, `const P: GDScript = ...`, names no class.
        found = None if is_typed else Cursor(inside.values[name]).whole_reference()
        if found is not None:
            inside.constants[name] = found


def _is_empty(tokens: Sequence[Token]) -> bool:
    """Tells whether the statements of a line do nothing."""
    texts = [[token.text for token in part] for part in split(tokens, ";")]
    return all(
        part in ([], ["pass"], ["return"], [".", ".", "."]) or (len(part) == 1 and part[0].endswith(("'", '"')))
        for part in texts
    )
