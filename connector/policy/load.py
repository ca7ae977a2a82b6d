"""Reading a policy file.

Invariant: what ``load`` returns is well formed and, unless read leniently, free of lint errors;
every complaint names file and line and says what to write instead.
"""

from __future__ import annotations

from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from connector.errors import Halt
from connector.policy.lint import lint
from connector.policy.schema import Path, Policy


class _Constructor(RoundTripConstructor):
    """Numbers with a point become ``Decimal``: a float would already have lost digits."""


def _decimal(self: _Constructor, node: Any) -> Any:
    text = str(self.construct_scalar(node)).replace("_", "")
    try:
        return Decimal(text)
    except ArithmeticError:  # .inf and .nan: no field takes a text there, so the schema refuses it
        return text


_Constructor.add_constructor("tag:yaml.org,2002:float", _decimal)


def load(source: FilePath | str, name: str = "", *, strict: bool = True) -> Policy:
    """The policy in the file or YAML text ``source``; ``name`` is what errors call it.

    Raises ``Halt`` for a file that cannot be read, is no YAML or no policy, and, if ``strict``, for
    every lint finding that is an error. ``strict=False`` is for showing the findings themselves.
    """
    text, name = _text(source, name)
    tree = _parse(text, name)
    lines: dict[Path, int] = {}
    content = _plain(tree, (), lines)
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        raise _halt([_fault(item, lines) for item in error.errors()], name) from None
    policy._lines.update(lines)
    policy._file = name
    if strict:
        errors = [(f.line, f.message, f.todo) for f in lint(policy) if f.severity == "error"]
        if errors:
            raise _halt(errors, name)
    return policy


def _text(source: FilePath | str, name: str) -> tuple[str, str]:
    if isinstance(source, str) and "\n" in source:
        return source, name or "policy"
    try:
        return FilePath(source).read_text(encoding="utf-8"), name or str(source)
    except (OSError, UnicodeDecodeError) as error:
        raise Halt(
            f"the policy cannot be read ({type(error).__name__})",
            where=name or str(source),
            todo="name an existing YAML file in UTF-8",
        ) from None


def _parse(text: str, name: str) -> CommentedMap:
    try:
        tree = _tree(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _halt(
            [(line, f"no valid YAML: {error.problem}", "correct this line or the one before")], name
        ) from None
    except YAMLError as error:
        raise _halt([(1, f"no valid YAML: {error}", "correct the file")], name) from None
    if not isinstance(tree, CommentedMap):
        raise _halt([(1, "this is no policy", "begin with `policy: NAME`")], name)
    return tree


@lru_cache(maxsize=8)
def _tree(text: str) -> Any:
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = _Constructor
    return yaml.load(text)


def _plain(node: Any, path: Path, lines: dict[Path, int]) -> Any:
    """The tree in plain types; ``lines`` learns where every part of it stands."""
    lines.setdefault(path, node.lc.line + 1 if hasattr(node, "lc") else 1)
    if isinstance(node, CommentedMap):
        for key in node:
            lines[(*path, str(key))] = node.lc.key(key)[0] + 1
        return {str(key): _plain(value, (*path, str(key)), lines) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        for index in range(len(node)):
            lines[(*path, index)] = node.lc.item(index)[0] + 1
        return [_plain(value, (*path, index), lines) for index, value in enumerate(node)]
    if isinstance(node, bool) or node is None or isinstance(node, Decimal):
        return node
    return int(node) if isinstance(node, int) else str(node)


def _fault(item: Any, lines: dict[Path, int]) -> tuple[int, str, str]:
    """Line, what is wrong and what to write, of one pydantic error."""
    path: Path = tuple(item["loc"])
    known = path
    while known and known not in lines:
        known = known[:-1]
    place = ".".join(str(part) for part in path)
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        keys = _keys(path[:-1])
        near = get_close_matches(str(path[-1]), keys, 1)
        todo = f"write `{near[0]}`" if near else f"remove it or write one of {', '.join(keys)}"
        return lines.get(known, 1), f"`{place}` is not known", todo
    if kind == "missing":
        return lines.get(known, 1), f"`{place}` is missing", f"add `{path[-1]}: …`"
    if kind == "literal_error":
        return (
            lines.get(known, 1),
            f"`{place}` is {item['input']!r}",
            f"write {context['expected']}",
        )
    if kind == "value_error":
        return lines.get(known, 1), f"`{place}` is {item['input']!r}", str(context["error"])
    message = item["msg"][0].lower() + item["msg"][1:]
    return (
        lines.get(known, 1),
        f"`{place}` does not fit",
        f"{message}, found {_short(item['input'])}",
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"


def _keys(path: Path) -> list[str]:
    """The keys that the schema knows at ``path``."""
    model: Any = Policy
    for part in path:
        if isinstance(part, int) or model is None:
            continue
        by_key = {f.alias or n: f.annotation for n, f in model.model_fields.items()}
        model = _model_in(by_key[part]) if part in by_key else model
    return [f.alias or n for n, f in model.model_fields.items()] if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in found if model), None)


def _halt(faults: list[tuple[int, str, str]], name: str) -> Halt:
    """One error for all faults: the first as such, the others line by line behind it."""
    faults = sorted(faults)
    (line, what, todo), rest = faults[0], faults[1:]
    more = "".join(f"\n{name}:{at}: {wrong} – {way}" for at, wrong, way in rest)
    return Halt(what, where=f"{name}:{line}", todo=todo + more)
