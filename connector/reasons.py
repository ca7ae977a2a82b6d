"""What may be said of an error where nobody's data may be: the text of its source, not of its values.

Invariant: a ``Constant`` consists of string literals of the program alone; whatever an f-string puts between
them is an ellipsis.
"""

from __future__ import annotations

import ast
import re
import threading
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from connector.errors import CreditGateError

GAP = "…"
ROOT = Path(__file__).resolve().parents[1]
# Python 3.11 counts how deep it is in a syntax tree once for all threads.
_parsing = threading.Lock()


class Constant(str):
    """Text that stands in the source; only this module makes it."""

    __slots__ = ()


def made(fault: BaseException) -> str:
    """``file.py:line`` where an error of ours was made, or where another one was raised; empty if unknown."""
    if isinstance(fault, CreditGateError):
        return _short(*fault.made)
    frames = traceback.extract_tb(fault.__traceback__)
    folders = ROOT / "connector", ROOT / "adapters"
    ours = [one for one in frames if any(Path(one.filename).is_relative_to(folder) for folder in folders)]
    last = ours[-1:] or frames[-1:]
    return _short(last[0].filename, last[0].lineno or 0) if last else ""


def constant(fault: CreditGateError) -> Constant:
    """The literals of an error's text, with an ellipsis for each value; one ellipsis when they are not in its
    source, as for words of a vendor."""
    for template in _templates(*fault.made, type(fault).__name__):
        pattern = ".*".join(re.escape(part) for part in template.split(GAP))
        if re.fullmatch(pattern, fault.what, re.DOTALL):
            return Constant(template)
    return Constant(GAP)


def _short(file: str, line: int) -> str:
    path = Path(file)
    inside = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(*path.parts[-2:])
    return f"{inside}:{line}" if line else ""


@cache
def _templates(file: str, line: int, name: str) -> tuple[str, ...]:
    """The texts that the call of class ``name`` in this line may give an error."""
    found: list[str] = []
    for node in ast.walk(_tree(file)):
        if (
            not isinstance(node, ast.Call)
            or not node.args
            or not node.lineno <= line <= (node.end_lineno or 0)
        ):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called == name:
            found += _texts(node.args[0])
    return tuple(found)


@cache
def _tree(file: str) -> ast.AST:
    try:
        with _parsing:
            return ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    else:
        yield GAP
