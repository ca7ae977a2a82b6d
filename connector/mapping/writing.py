"""Writing fields: from our values to the tenant's field names and the labels of its options.

Invariant: exactly the fields that are mapped and given are written, under the names that this tenant
really has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from connector.adapter import FieldSpec

WRITE_TYPES = frozenset(
    "text long_text money number integer boolean date datetime option owner reference".split()
)


@dataclass(frozen=True)
class WriteField:
    """One field that is written. ``standard`` fields exist in every tenant; ``shared`` ones are edited
    by people too, so that a write must not undo what they did meanwhile."""

    name: str
    vendor_field: str
    type: str
    standard: bool = False
    label: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    shared: bool = False


@dataclass(frozen=True)
class Target:
    """What is written to one object. ``key`` is the field with our unique key; ``section`` the title, by
    language, of the section of its pages; ``lock`` the boolean field that locks a row while it is true."""

    object: str
    fields: tuple[WriteField, ...]
    key: str = ""
    section: Mapping[str, str] = field(default_factory=dict)
    lock: str = ""


class Writer:
    """Turns our values into fields of the tenant.

    ``names`` maps our field names to the tenant's real ones, where the vendor generated others than
    the mapping wished.
    """

    def __init__(self, name: str, target: Target, names: Mapping[str, str]) -> None:
        self.target = name
        self.object = target.object
        self.fields = target.fields
        self._key = target.key
        self._section = target.section
        self._lock = target.lock
        self._names = names

    @property
    def key_field(self) -> str:
        """The tenant's field that carries our unique key, or an empty text."""
        return self._name(self._key) if self._key else ""

    @property
    def lock(self) -> str:
        """Our name of the field that locks a row, or an empty text."""
        return self._lock

    @property
    def lock_field(self) -> str:
        """The tenant's field that locks a row, or an empty text."""
        return self._name(self._lock) if self._lock else ""

    @property
    def shared(self) -> bool:
        """Whether people edit any of these fields too."""
        return any(f.shared for f in self.fields)

    def section(self, language: str) -> str:
        """The title of the section that gathers the fields, or an empty text."""
        return _label(self._section, language)

    @cached_property
    def digest(self) -> str:
        """Of what is written where: object, fields, the tenant's names and types."""
        parts = [self.object, *(f"{f.name}={self._name(f.name)}:{f.type}" for f in self.fields)]
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()

    def specs(self, language: str) -> list[FieldSpec]:
        """The fields that must be provisioned, labelled in ``language``."""
        return [
            FieldSpec(
                name=f.name,
                api_name=f.vendor_field,
                label=_label(f.label, language) or f.name,
                type=f.type,
                options=tuple((value, _label(text, language)) for value, text in f.options.items()),
                unique=f.name == self._key,
            )
            for f in self.fields
            if not f.standard
        ]

    def write(self, values: Mapping[str, Any], language: str) -> dict[str, Any]:
        """``values`` by our names → values by the tenant's names; options become their labels, and of a
        text that comes in several languages (a mapping) the one in ``language`` is taken."""
        written: dict[str, Any] = {}
        for f in self.fields:
            if f.name not in values:
                continue
            value = values[f.name]
            if f.type == "option" and value is not None:
                value = _label(f.options[str(value)], language)
            elif isinstance(value, Mapping):
                value = _label(value, language)
            written[self._name(f.name)] = value
        return written

    @cached_property
    def types(self) -> dict[str, str]:
        """Type of each field by the tenant's name."""
        return {self._name(f.name): f.type for f in self.fields}

    def _name(self, name: str) -> str:
        if name in self._names:
            return self._names[name]
        return next(f.vendor_field for f in self.fields if f.name == name)


def _label(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts.get("en") or next(iter(texts.values()), "")
