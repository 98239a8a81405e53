"""Reads one GDScript file: its classes, their bases, their functions, and the constants that name other scripts.

The bodies of functions are skipped, so nothing in them can mislead the parser.

Layer: `contract`; pure. Source: reference godot4-contract 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gdpeer.contract.annotations import Rpc, parse_rpc
from gdpeer.contract.tokens import Kind, Line, SyntaxProblem, Token, logical_lines
from gdpeer.project_files.strings import string_value

__all__ = ["ClassSyntax", "Function", "Reference", "Script", "parse_script"]

DECLARATIONS = frozenset(("func", "var", "const", "signal", "class", "enum"))

KEYWORDS = re.compile(
    "if|elif|else|for|while|break|continue|pass|return|class|class_name|extends|is|in|as|self|super|signal|func|static|"
    "const|enum|var|breakpoint|preload|await|yield|assert|and|or|not|true|false|null|void|namespace|trait"
)
"""Names that no function can have."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An expression that names a class: `"res://base.gd".Inner`, `Base`, `Global.Inner`.

    Attributes:
        path: of a script; "" if the expression begins with a name.
        names: the names, the outermost first.
    """

    path: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join((f'"{self.path}"', *self.names) if self.path else self.names)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a class.

    Attributes:
        line: from 1 on.
        rpc: the settings of its `@rpc`; None without.
    """

    line: int
    rpc: Rpc | None


@dataclass(eq=False, slots=True)
class ClassSyntax:
    """A class as the file describes it: the script's own, or an inner class.

    Attributes:
        script: the path of the file.
        name: of an inner class, or the script's `class_name`.
        outer: the class around it; None for the script's own.
        base: the class that it extends; None without `extends`.
        line: where it begins.
    """

    script: str
    name: str = ""
    outer: ClassSyntax | None = None
    base: Reference | None = None
    line: int = 1
    functions: dict[str, Function] = field(default_factory=dict)
    constants: dict[str, Reference] = field(default_factory=dict)
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
    problems: tuple[SyntaxProblem, ...]


def parse_script(text: str, path: str) -> Script:
    """Reads the text of a script.

    Args:
        text: of the file.
        path: of the file, as `res://`.
    """
    problems: list[SyntaxProblem] = []
    parser = _Parser(path, problems)
    for line in logical_lines(text.removeprefix("\ufeff"), problems):
        parser.take(line)
    parser.finish()
    return Script(parser.classes[0], tuple(parser.classes), tuple(problems))


@dataclass(slots=True)
class _Block:
    """The lines deeper than `indent`: the body of a class, or text that does not count (None)."""

    indent: int
    inside: ClassSyntax | None
    pending: list[tuple[Token, list[Token]]] = field(default_factory=list)


class _Parser:
    def __init__(self, path: str, problems: list[SyntaxProblem]) -> None:
        root = ClassSyntax(path)
        self.classes = [root]
        self._problems = problems
        self._blocks = [_Block(-1, root)]

    def take(self, line: Line) -> None:
        """Parses the next line of the file."""
        blocks = self._blocks
        # A line that is not deeper ends all blocks that began at its depth or deeper.
        while line.indent <= blocks[-1].indent:
            self._refuse_rpc(blocks.pop(), "@rpc stands before nothing")
        block = blocks[-1]
        if block.inside is None:
            self._check_body(line)
            return
        cursor = _Cursor(line.tokens)
        inner: ClassSyntax | None = None
        while not cursor.is_over():
            inner = self._statement(cursor, block)
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

    def _check_body(self, line: Line) -> None:
        for token in line.tokens:
            if token.kind is Kind.ANNOTATION and token.text == "@rpc":
                self._problem(token, "@rpc stands inside a function")

    # ---------------------------------------------------------------------------------------- statements

    def _statement(self, cursor: _Cursor, block: _Block) -> ClassSyntax | None:
        """Parses one statement. Returns an inner class if its body begins behind the statement."""
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
        if token.text in DECLARATIONS and not cursor.is_over():
            self._declare(cursor.peek(), block.inside)
        match token.text:
            case "func":
                self._function(cursor, block, block.inside)
                return None
            case "class":
                self._refuse_rpc(block, "@rpc stands before a class")
                return self._class(cursor, block.inside)
            case "class_name":
                self._check_head(token, block.inside)
                if block.inside.outer is None and not cursor.is_over():
                    block.inside.name = cursor.next().text
            case "extends":
                self._check_head(token, block.inside)
                block.inside.base = cursor.reference()
            case "const":
                self._constant(cursor, block.inside)
                self._refuse_rpc(block, "@rpc stands before a constant")
                cursor.skip_statement()
            case "enum" if cursor.sees("{"):
                self._refuse_rpc(block, "@rpc stands before an enumeration")
                for name in cursor.enumerated():
                    self._declare(name, block.inside)
            case "pass":
                # Counts as a member: `class_name` and `extends` may not follow.
                block.inside.members.add(token.text)
            case _:
                self._refuse_rpc(block, f"@rpc stands before {token.text}")
                cursor.skip_statement()
        block.pending.clear()
        return None

    def _check_head(self, token: Token, inside: ClassSyntax) -> None:
        is_second = inside.base is not None if token.text == "extends" else bool(inside.name and inside.outer is None)
        if inside.members or is_second:
            self._problem(token, f"{token.text} must stand before everything else, and once")

    def _declare(self, name: Token, inside: ClassSyntax) -> None:
        if name.kind is Kind.WORD and name.text in inside.members:
            self._problem(name, f"{name.text} is the name of two members")
        inside.members.add(name.text)

    def _function(self, cursor: _Cursor, block: _Block, inside: ClassSyntax) -> None:
        if cursor.is_over():
            return
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
        inside.functions[name.text] = Function(name.line, rpc)
        cursor.skip_statement(is_function=True)

    def _class(self, cursor: _Cursor, outer: ClassSyntax) -> ClassSyntax | None:
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

    def _constant(self, cursor: _Cursor, inside: ClassSyntax) -> None:
        """Parses `const P = preload("res://x.gd").Inner`, or a constant that names a class."""
        if cursor.is_over():
            return
        name = cursor.next().text
        if cursor.sees(":"):
            cursor.next()
        if cursor.sees("="):  # a constant with a type, `const P: GDScript = ...`, names no class
            cursor.next()
            found = cursor.reference()
            if found is not None and (cursor.is_over() or cursor.sees(";")):
                inside.constants[name] = found


class _Cursor:
    """Steps through the tokens of one line."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def is_over(self) -> bool:
        return self._at >= len(self._tokens)

    def next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def peek(self) -> Token:
        return self._tokens[self._at]

    def sees(self, text: str) -> bool:
        return not self.is_over() and self._tokens[self._at].text == text

    def brackets(self) -> list[Token]:
        """Returns the tokens in the brackets that begin here, and steps behind the brackets."""
        depth, begin = 0, self._at + 1
        while not self.is_over():
            token = self.next()
            depth += token.depth
            if depth == 0:
                return list(self._tokens[begin : self._at - 1])
        return list(self._tokens[begin:])

    def enumerated(self) -> list[Token]:
        """Returns the names in the braces of an enumeration, and steps behind them."""
        tokens = self.brackets()
        return [
            token
            for at, token in enumerate(tokens)
            if token.kind is Kind.WORD and (at == 0 or tokens[at - 1].text == ",")
        ]

    def skip_statement(self, *, is_function: bool = False) -> None:
        """Steps to the semicolon that ends the statement, or to the end of the line.

        A function's body that follows on the same line takes the whole line.
        """
        depth = 0
        while not self.is_over() and not (depth == 0 and self.sees(";")):
            token = self.next()
            depth += token.depth
            if is_function and depth == 0 and token.text == ":":
                self._at = len(self._tokens)

    def reference(self) -> Reference | None:
        """Parses `"path".A.B`, `preload("path").A` or `A.B`; None for any other expression."""
        path = ""
        if self.sees("preload") or self.sees("load"):
            self.next()
            inside = self.brackets() if self.sees("(") else []
            if len(inside) != 1 or inside[0].kind is not Kind.STRING:
                return None
            path = string_value(inside[0].text)
        elif not self.is_over() and self._tokens[self._at].kind is Kind.STRING:
            path = string_value(self.next().text)
        elif not self.is_over() and self._tokens[self._at].kind is Kind.WORD:
            return Reference("", (self.next().text, *self._names()))
        return Reference(path, tuple(self._names())) if path else None

    def _names(self) -> list[str]:
        names = []
        while self.sees("."):
            self.next()
            if self.is_over() or self._tokens[self._at].kind is not Kind.WORD:
                break
            names.append(self.next().text)
        return names
