"""Checks that each `.pxd` file agrees with the module beside it: `python -m tools.check_pxd`.

A compiled module is a `.py` file; the `.pxd` file of the same name repeats its fields and signatures with C types.
This check fails where one of the two was changed alone:

* The first line of the `.pxd` file names the module.
* A class has the same base class and the same fields in both. In the module, the fields are the `__slots__`, or the
  attributes that methods set where the class has no `__slots__`. Fields of C types that Python lacks, such as
  pointers, may stand in the `.pxd` file alone. The comment `# Uncompiled only: NAME` names a field that it leaves out.
* A method or function has the same parameters, and the same of them have defaults.
* `@cython.locals` names local variables of its function.
* The variables of the `.pxd` file are global names of the module.
* The module or the `.pxd` file uses each name that the `.pxd` file imports.

Files that have no module beside them hold C code and are left out.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src"

FUNCTION = re.compile(
    r"(?P<kind>cdef|cpdef) (?P<type>.*?)\b(?P<name>\w+)\((?P<parameters>.*)\)(?: (?:except|noexcept).*)?$"
)
CLASS = re.compile(r"cdef class (?P<name>\w+)(?:\((?P<base>[\w.]*)\))?:$")
VARIABLES = re.compile(
    r"cdef (?:public |readonly )?(?P<type>(?:const )?(?:(?:unsigned|long) )*[\w.]+\**) (?P<names>[^(]+)$"
)
UNCOMPILED = re.compile(r"^ +# Uncompiled only: (\w+)$", re.MULTILINE)
LOCALS = re.compile(r"@cython\.locals\((?P<types>.*)\)$")
IMPORT = re.compile(r"from [\w.]+ cimport (?P<names>.+)$")
PYTHON_TYPES = {"object", "bytes", "bytearray", "str", "list", "dict", "tuple", "set", "bint", "int", "double", "long"}
PYTHON_TYPES |= {"Py_ssize_t", "unsigned int", "long long"}
"""Types of fields that Python has too; names of classes begin with a capital letter or an underscore."""


@dataclass
class Function:
    """A signature. A parameter's value is True if it has a default."""

    name: str
    parameters: dict[str, bool]
    locals: set[str] = field(default_factory=set)


@dataclass
class Class:
    """A class; `of_c` holds the fields of C types that Python lacks."""

    name: str
    base: str
    fields: set[str] = field(default_factory=set)
    of_c: set[str] = field(default_factory=set)
    methods: dict[str, Function] = field(default_factory=dict)


@dataclass
class Declarations:
    """What a `.pxd` file declares."""

    title: str = ""
    uncompiled: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, Class] = field(default_factory=dict)
    not_read: list[str] = field(default_factory=list)


# -- reading a .pxd file ----------------------------------------------------------------------------------------------


def statements(text: str) -> Iterator[tuple[bool, str]]:
    """The statements, each on one line without its comment; True for those that are indented."""
    waiting = ""
    for line in text.splitlines():
        code = line.partition("#")[0].rstrip()
        waiting = f"{waiting}{code.strip()} " if waiting else code
        if waiting.count("(") > waiting.count(")"):
            continue
        if waiting.strip():
            yield waiting.startswith(" "), " ".join(waiting.split()).replace("( ", "(").replace(" )", ")")
        waiting = ""


def declarations(text: str) -> Declarations:
    """Reads a `.pxd` file. A line of another form than those known ends up in `not_read`."""
    found = Declarations(title=text.partition("\n")[0], uncompiled=set(UNCOMPILED.findall(text)))
    owner: Class | None = None
    named: set[str] = set()
    for indented, line in statements(text):
        owner = owner if indented else None
        if match := LOCALS.match(line):
            named = set(re.findall(r"(\w+)=", match["types"]))
        elif match := CLASS.match(line):
            owner = found.classes[match["name"]] = Class(match["name"], match["base"] or "")
        elif match := FUNCTION.match(line):
            functions = owner.methods if owner else found.functions
            functions[match["name"]] = Function(match["name"], parameters(match["parameters"]), named)
            named = set()
        elif match := VARIABLES.match(line):
            read_variables(match, owner, found)
        elif match := IMPORT.match(line):
            found.imported.update(re.findall(r"\w+", match["names"]))
        elif not line.startswith(("cimport cython", "@cython.", "ctypedef ")):
            found.not_read.append(line)
    return found


def parameters(text: str) -> dict[str, bool]:
    """The names in a list of parameters such as `self, bytes data, int size=*`."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        declared, _, default = part.partition("=")
        found[re.findall(r"\w+", declared)[-1]] = bool(default)
    return found


def read_variables(match: re.Match[str], owner: Class | None, found: Declarations) -> None:
    """Takes a line such as `cdef public Py_ssize_t at, end`."""
    names = {name.strip() for name in match["names"].split(",")}
    if owner is None:
        found.variables |= names
        return
    plain = {name.partition("[")[0] for name in names}
    owner.fields |= plain
    if plain != names or not is_of_python(match["type"]):
        owner.of_c |= plain


def is_of_python(kind: str) -> bool:
    return kind in PYTHON_TYPES or bool(re.fullmatch(r"_?[A-Z]\w*", kind))


# -- reading the module -----------------------------------------------------------------------------------------------


def fields_of(node: ast.ClassDef) -> tuple[set[str], set[str]]:
    """The fields that the `.pxd` file must have, and those that it may have.

    These are the `__slots__`. In a class without them these are the attributes of `self` that its methods set.
    """
    for statement in node.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__slots__":
            value = ast.literal_eval(statement.value)
            return ({value} if isinstance(value, str) else set(value)), set()
    attributes = {found.attr for found in ast.walk(node) if isinstance(found, ast.Attribute) and is_set_on_self(found)}
    return attributes, {"__dict__", "__weakref__"}


def is_set_on_self(node: ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self"


def signature_of(node: ast.FunctionDef) -> dict[str, bool]:
    """The parameters, and which of them have defaults."""
    places = [argument.arg for argument in [*node.args.posonlyargs, *node.args.args]]
    required = len(places) - len(node.args.defaults)
    found = {name: index >= required for index, name in enumerate(places)}
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        found[argument.arg] = default is not None
    return found


def stored_names(node: ast.AST) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}


def global_names(tree: ast.Module) -> set[str]:
    """What the module assigns, imports or defines outside its functions, also within `if` and `try`."""
    found: set[str] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
            continue
        if isinstance(node, ast.alias):
            found.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        waiting.extend(ast.iter_child_nodes(node))
    return found


def functions_in(body: list[ast.stmt]) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


# -- comparing --------------------------------------------------------------------------------------------------------


def compare(name: str, source: str, text: str) -> Iterator[str]:
    """The faults of a module `name` with this source and this `.pxd` text."""
    found, tree = declarations(text), ast.parse(source)
    if found.title != f"# C types of {name}.py (Cython's pure-Python mode).":
        yield f"the first line must be: # C types of {name}.py (Cython's pure-Python mode)."
    yield from (f"this check cannot read: {line}" for line in found.not_read)
    yield from (f"the module has no global variable {missing}" for missing in found.variables - global_names(tree))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used.update(re.findall(r"\w+", re.sub(r".* cimport .*", "", text)))
    yield from (f"imports {unused} without a use" for unused in found.imported - used)
    yield from compare_functions("", found.functions, functions_in(tree.body))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for declared in found.classes.values():
        if declared.name in classes:
            yield from compare_class(declared, classes[declared.name], found.uncompiled)
        else:
            yield f"the module has no class {declared.name}"


def compare_class(declared: Class, node: ast.ClassDef, uncompiled: set[str]) -> Iterator[str]:
    base = ", ".join(ast.unparse(base) for base in node.bases)
    if base != declared.base:
        yield f"class {node.name} has the base {base or 'object'} in the module"
    fields, optional = fields_of(node)
    only_declared = declared.fields - fields - optional - declared.of_c
    yield from (f"the module has no field {node.name}.{name}" for name in only_declared)
    yield from (f"the .pxd file has no field {node.name}.{name}" for name in fields - declared.fields - uncompiled)
    yield from compare_functions(f"{node.name}.", declared.methods, functions_in(node.body))


def compare_functions(
    owner: str, declared: dict[str, Function], functions: dict[str, ast.FunctionDef]
) -> Iterator[str]:
    for name, function in declared.items():
        node = functions.get(name)
        if node is None:
            yield f"the module has no function {owner}{name}"
            continue
        wanted = signature_of(node)
        if list(function.parameters.items()) != list(wanted.items()):
            yield f"{owner}{name} has the parameters ({described(wanted)}) in the module"
        yield from (f"{owner}{name} has no local variable {local}" for local in function.locals - stored_names(node))


def described(parameters: dict[str, bool]) -> str:
    return ", ".join(f"{name}=*" if has_default else name for name, has_default in parameters.items())


def faults() -> Iterator[str]:
    """The faults of all modules that have a `.pxd` file, each with the file's path."""
    for path in sorted(SOURCES.rglob("*.pxd")):
        module = path.with_suffix(".py")
        if module.exists():
            for fault in compare(module.stem, module.read_text(), path.read_text()):
                yield f"{path.relative_to(ROOT)}: {fault}"


def main() -> int:
    found = sorted(faults())
    print("\n".join(found) or "each .pxd file agrees with its module")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
