"""No value ever becomes part of a statement's text: it is bound."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What takes a statement's text, and the place of that text among its arguments.
TAKES_TEXT = {"exec_driver_sql", "text", "literal_column", "copy", "executescript", "DDL"}
# Functions that compose a text of names that stand in the schema, or that repeat a compiled one.
COMPOSED = {
    (
        "connector/store/migrations/versions/v0053_kpi.py",
        "upgrade",
    ): "the present moment as each database says it",
    ("connector/store/upsert.py", "_copy"): "names of tables and columns of the schema",
    ("connector/store/upsert.py", "upsert"): "a compiled statement, with its values bound",
    ("connector/store/upsert.py", "insert"): "a compiled statement, with its values bound",
    ("connector/store/engine.py", "_prepare"): "settings of the driver, constants of the module",
    ("connector/store/engine.py", "_begin"): "one of two constants",
    ("connector/store/copying.py", "_put"): "names of tables and columns of the schema",
    ("connector/store/copying.py", "_original_rows"): "names of tables and columns of the schema",
    ("connector/store/copying.py", "_target_rows"): "names of tables and columns of the schema",
    ("connector/store/copying.py", "finish"): "names of tables and columns of the schema",
    ("connector/store/moved.py", "write"): "nought or one",
}


def composed(source: str, file: str) -> Iterator[tuple[str, str, int]]:
    """Calls whose statement is not one literal: file, function, line."""
    tree = ast.parse(source)
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.Module)):
            continue
        for node in _own(function):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            executes = name in ("execute", "executemany") and _is_text(node.args[0])
            if (name in TAKES_TEXT or executes) and not isinstance(node.args[0], ast.Constant):
                if name in ("text", "copy") and not _is_sql(node):
                    continue
                yield file, getattr(function, "name", "<module>"), node.lineno


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions in it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _own(child)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.BinOp)
        and any(isinstance(one, (ast.JoinedStr, ast.Constant)) for one in (node.left, node.right))
    )


def _is_sql(node: ast.Call) -> bool:
    """``sa.text`` and a cursor's ``copy``, not functions of ours with those names."""
    owner = getattr(node.func, "value", None)
    return isinstance(owner, ast.Name) and owner.id in ("sa", "sqlalchemy", "cursor", "op")


def test_statements_are_composed_of_names_only_and_only_where_it_is_listed() -> None:
    found = {
        (file, function)
        for path in sorted((ROOT / "connector").rglob("*.py"))
        for file, function, _ in composed(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    }
    assert found == set(COMPOSED)


@pytest.mark.parametrize(
    "statement",
    [
        'tx.execute(f"SELECT * FROM t WHERE name = {name}")',
        'tx.execute("SELECT * FROM t WHERE name = \'" + name + "\'")',
        'tx.execute(sa.text(f"SELECT {name}"))',
        'tx.execute(sa.text("SELECT %s" % name))',
        'tx.exec_driver_sql(f"SELECT {name}")',
        'op.execute(f"DELETE FROM t WHERE name = {name}")',
        "tx.execute(sa.select(sa.literal_column(name)))",
    ],
)
def test_the_search_finds_values_in_a_text(statement: str) -> None:
    assert list(composed(f"def f(tx, name):\n    {statement}\n", "x.py")) == [("x.py", "f", 2)]


def test_ruff_looks_for_it_too() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    ignored = settings.partition("ignore = [")[2].partition("\n]")[0]
    assert '"S608"' not in ignored
