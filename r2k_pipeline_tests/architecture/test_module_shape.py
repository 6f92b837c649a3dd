"""The style rules that a linter cannot say: borders, budgets, names, and calls that are never made.

Read from the syntax tree, so nothing is imported. A rule on names or sizes
belongs here; a rule on who imports whom belongs to `test_imports.py`.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
TREES = ("r2k_pipeline", "r2k_pipeline_tests", "benchmarks")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
NEVER_IMPORTED = {"pickle", "cPickle", "cloudpickle", "dill", "marshal", "shelve"}
NEVER_CALLED = {"eval", "exec"}
SAFE_LOADERS = {"SafeLoader", "CSafeLoader"}


class Module(NamedTuple):
    """One source file, parsed."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Where it lies, from the project's root."""
        return self.path.relative_to(ROOT).as_posix()


def parsed(*folders: str) -> list[Module]:
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return [Module(p, t, ast.parse(t, filename=str(p))) for p, t in zip(paths, texts, strict=True)]


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    return parsed(*TREES)


def test_the_rules_are_asked_of_real_modules(modules: list[Module]) -> None:
    assert "r2k_pipeline/errors.py" in {module.name for module in modules}


def test_every_module_opens_with_its_border(modules: list[Module]) -> None:
    assert [m.name for m in modules if not ast.get_docstring(m.tree)] == []
    said = {
        m.name: ast.get_docstring(m.tree) or ""
        for m in modules
        if m.name.startswith("r2k_pipeline/") and m.path.name != "__init__.py"
    }
    # One sentence says what it holds; a second paragraph says what to add or keep out.
    assert [name for name, text in said.items() if "\n\n" not in text] == []


def test_no_module_is_too_long(modules: list[Module]) -> None:
    lengths = {module.name: len(module.text.splitlines()) for module in modules}
    assert {name: n for name, n in lengths.items() if n > LONGEST_MODULE} == {}


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, less the docstring: a long explanation is no fault."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return total
    said = function.body[0]
    return total - ((said.end_lineno or said.lineno) - said.lineno + 1)


def test_a_docstring_does_not_count_as_code() -> None:
    (function,) = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n').body
    assert isinstance(function, ast.FunctionDef)
    assert code_lines(function) == 2


def test_no_function_is_too_long(modules: list[Module]) -> None:
    lengths = {
        f"{module.name}:{node.lineno} {node.name}": code_lines(node)
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}


def test_no_module_is_named_after_nothing(modules: list[Module]) -> None:
    parts = {part for m in modules for part in m.path.relative_to(ROOT).with_suffix("").parts}
    assert parts & NAMELESS == set()


def forbidden_calls(module: Module) -> list[str]:
    """What reads code out of data, by line: unpickling, evaluating, loading YAML with objects."""
    safe = SAFE_LOADERS | {
        node.name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).rpartition(".")[2] in SAFE_LOADERS for base in node.bases)
    }
    found = []
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                found += [n.name for n in names if n.name.partition(".")[0] in NEVER_IMPORTED]
            case ast.ImportFrom(module=str(name)) if name.partition(".")[0] in NEVER_IMPORTED:
                found.append(name)
            case ast.Call(func=ast.Name(id=name)) if name in NEVER_CALLED:
                found.append(name)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="yaml"), attr=("load" | "load_all"))
            ):
                loaders = [ast.unparse(k.value) for k in node.keywords if k.arg == "Loader"]
                found += (
                    [] if {name.rpartition(".")[2] for name in loaders} & safe else ["yaml.load"]
                )
    return [f"{module.name}: {name}" for name in found]


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "eval('1')",
        "import yaml\nyaml.load(text, Loader=yaml.Loader)",
        "import yaml\nyaml.load(text)",
    ],
)
def test_a_forbidden_call_is_found(code: str) -> None:
    assert len(forbidden_calls(Module(ROOT / "planted.py", code, ast.parse(code)))) == 1


def test_no_module_reads_code_out_of_data(modules: list[Module]) -> None:
    assert [found for module in modules for found in forbidden_calls(module)] == []


def test_public_functions_of_the_index_show_an_example() -> None:
    bare = [
        f"{module.name}: {node.name}"
        for module in parsed("r2k_pipeline/methodology", "r2k_pipeline/rulebook")
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and ">>>" not in (ast.get_docstring(node) or "")
    ]
    assert bare == []
