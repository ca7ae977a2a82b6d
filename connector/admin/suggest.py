"""Suggest: what a tenant calls our fields, proposed from its own descriptions.

Invariant: nothing is written here, and nothing is guessed in silence: each proposal says how sure it is and
why, and what cannot be told is named for a person to set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from connector.adapter import Crm, FieldInfo
from connector.errors import Halt
from connector.mapping.words import KINDS, LEADS_TO, OBJECTS, TEXTS, VALUES, field_words, normal
from connector.model import RECORD_TYPES, Stream

SURE, LIKELY, VAGUE = 0.9, 0.7, 0.5
# What 'suggest --write' takes over.
GOOD_ENOUGH = 0.8


@dataclass(frozen=True)
class Suggestion:
    """What ``place`` (``orders.amount``, ``orders.stage:LABEL``, ``orders.object``) is mapped to ``now`` and
    what is proposed; ``confidence`` 0…1, 1 for what stands as it is. Without a proposal a person has to say,
    if it is ``needed``."""

    place: str
    now: str
    proposed: str
    confidence: float
    why: str
    needed: bool = False

    @property
    def changes(self) -> bool:
        """Whether there is something to write."""
        return bool(self.proposed) and self.proposed != self.now

    @property
    def open(self) -> bool:
        """Whether a person has to say."""
        return self.needed and not self.proposed


def suggest(crm: Crm, content: Mapping[str, Any]) -> list[Suggestion]:
    """Proposals for all that ``content``, a mapping as it stands in its file, reads.

    Raises ``Halt`` when the CRM does not describe itself.
    """
    if not crm.describes:
        raise Halt(
            f"{crm.name} does not tell what its objects look like",
            where=crm.context.connection,
            todo="edit the mapping by hand and 'creditgate mapping check' it",
        )
    return list(_Tenant(crm, content).suggestions())


class _Tenant:
    """A tenant compared with a mapping."""

    def __init__(self, crm: Crm, content: Mapping[str, Any]) -> None:
        self._crm = crm
        self._read: Mapping[str, Any] = content["read"]
        self._objects = {one.api_name: one for one in crm.objects()}
        # The objects as they would be called with the proposals taken over.
        self._names: dict[str, str] = {}

    def suggestions(self) -> Iterator[Suggestion]:
        streams = [stream for stream in Stream if stream.value in self._read and stream is not Stream.VISITS]
        for stream in streams:
            found = self._object(stream)
            if found is not None:
                yield found
        for stream in streams:
            if stream.value in self._names:
                yield from self._fields(stream)

    def _object(self, stream: Stream) -> Suggestion | None:
        now = str(self._read[stream.value]["object"])
        place = f"{stream.value}.object"
        known = self._objects.get(now)
        if known is None and self._crm.fields_of(now):
            # Some lists leave out what can be read all the same.
            self._names[stream.value] = now
            return None
        if known is not None and known.active:
            self._names[stream.value] = now
            return None
        why = f"the tenant has no {now}" if known is None else f"{now} is switched off"
        words = {normal(word) for word in OBJECTS.get(stream.value, ())}
        taken = {str(node.get("object")) for node in self._read.values()}
        fitting = [
            one.api_name
            for one in self._objects.values()
            if one.active and normal(one.label) in words and one.api_name not in taken
        ]
        if len(fitting) == 1:
            self._names[stream.value] = fitting[0]
            label = self._objects[fitting[0]].label
            return Suggestion(place, now, fitting[0], LIKELY, f"{why}; {fitting[0]} is called {label}")
        return Suggestion(place, now, "", 0.0, f"{why}: the stream is skipped")

    def _fields(self, stream: Stream) -> Iterator[Suggestion]:
        infos = self._crm.fields_of(self._names[stream.value])
        by_name = {name: one for one in infos for name in (one.api_name, one.path)}
        columns: Mapping[str, Any] = self._read[stream.value]["fields"]
        model = RECORD_TYPES[stream].model_fields
        used = {_path(node) for node in columns.values()}
        for name, node in columns.items():
            now, place = _path(node), f"{stream.value}.{name}"
            found = by_name.get(now)
            if found is not None and found.active:
                yield Suggestion(place, now, now, 1.0, f"it is there: {found.label or now}")
                yield from self._values(place, node, found, now)
                continue
            required = model[name].is_required() if name in model else False
            needed = required and not (isinstance(node, Mapping) and "default" in node)
            why = "it is switched off" if found is not None else "there is no such field"
            free = [one for one in infos if one.active and one.path not in used and one.api_name not in used]
            best = self._best(stream.value, name, now, free)
            if best is None:
                yield Suggestion(place, now, "", 0.0, why, needed)
                continue
            info, confidence, reason = best
            proposed = info.api_name if name == "currency" else info.path
            used.add(info.path)
            yield Suggestion(place, now, proposed, confidence, f"{why}; {reason}", needed)
            yield from self._values(place, node, info, proposed)

    def _best(
        self, stream: str, name: str, now: str, infos: Sequence[FieldInfo]
    ) -> tuple[FieldInfo, float, str] | None:
        """The field that fits best, unless two fit equally well."""
        scored = [(*self._score(stream, name, now, one), one) for one in infos]
        scored = sorted((s for s in scored if s[0] >= VAGUE), key=lambda s: (-s[0], s[2].api_name))
        if not scored or (len(scored) > 1 and scored[0][0] == scored[1][0]):
            return None
        confidence, reason, info = scored[0]
        return info, confidence, reason

    def _score(self, stream: str, name: str, now: str, info: FieldInfo) -> tuple[float, str]:
        if info.type not in KINDS.get(name, TEXTS) and not (info.computed and not info.type):
            return 0.0, ""
        target = LEADS_TO.get(name)
        if target is not None:
            leads = bool(info.target) and info.target == self._names.get(target)
            if not leads:
                return 0.0, ""
        label, words = normal(info.label), [normal(word) for word in field_words(stream, name)]
        confidence, reason = 0.0, ""
        if label and label in words:
            # The words are in order: the first is the usual one.
            confidence, reason = SURE - 0.001 * words.index(label), f"it is called {info.label}"
        elif label and any(word in label or (len(label) > 1 and label in word) for word in words):
            confidence, reason = VAGUE, f"it is called {info.label}"
        elif target is not None:
            confidence, reason = LIKELY, f"it leads to {info.target}"
        if info.computed and not info.type:
            confidence -= 0.3
        if confidence:
            confidence += 0.0005 * SequenceMatcher(None, now, info.api_name).ratio()
        return round(confidence, 5), reason

    def _values(self, place: str, node: Any, info: FieldInfo, path: str) -> Iterator[Suggestion]:
        """Labels of options that the mapping does not know yet."""
        written = node.get("values") if isinstance(node, Mapping) else None
        if written is None or not info.labels or path != info.path or path == info.api_name:
            return
        stream, _, name = place.partition(".")
        words = VALUES.get(f"{stream}.{name}", {})
        for label in info.labels:
            if label in written:
                continue
            means = [value for value, said in words.items() if normal(label) in {normal(one) for one in said}]
            if len(means) == 1:
                yield Suggestion(f"{place}:{label}", "", means[0], SURE, "it is what people call that")
            else:
                yield Suggestion(f"{place}:{label}", "", "", 0.0, "nobody can tell", "else" not in node)


def _path(node: Any) -> str:
    return str(node["field"]) if isinstance(node, Mapping) else str(node)
