"""What the law and the house say about personal data: one YAML file, ``privacy.yaml``.

Invariant: every value has a stated default, and a missing file means the defaults; a file that is there
is checked whole when it is read, so that no purge runs on a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from connector.yamlfile import Source, read

LONGEST = 1200

TEXT = """\
# Personal data: how long what is kept, and who may read it. 'creditgate bureau purge' and
# 'creditgate consent purge' act on it; without --apply they only say what they would do.
privacy: 1

# Months after the end of an event, of a report's fetching or of a consent. 'default' holds for every
# country that is not named; a country takes from it what it does not say itself. The defaults:
#   negatives_months   60  a negative record about a natural person, after its end (China, Credit
#                          Reporting Regulation, State Council order 631, article 16: five years)
#   insolvency_months  60  the same for insolvencies
#   raw_months         24  the agency's answer word by word, after it was fetched (our choice)
#   consents_months    36  a consent after it ended or was revoked, as proof (our choice)
retention:
  default: {negatives_months: 60, insolvency_months: 60, raw_months: 24, consents_months: 36}
  # Court of Justice of the EU, C-26/22: not longer than the public register keeps it, six months there.
  DE: {insolvency_months: 6}

# Which roles may read an agency's answer word by word ('creditgate bureau show --raw'), and who has
# which role: the name given as --actor. Nobody has one until it is written here, like 'lin: auditor'.
raw_readers: [credit_manager, auditor]
roles: {}
"""


@dataclass(frozen=True)
class Retention:
    """How many months what is kept; see ``TEXT``."""

    negatives_months: int = 60
    insolvency_months: int = 60
    raw_months: int = 24
    consents_months: int = 36


@dataclass(frozen=True)
class Privacy:
    """The whole file. ``roles`` is by the actor's name."""

    default: Retention = Retention()
    countries: Mapping[str, Retention] = field(default_factory=lambda: {"DE": Retention(insolvency_months=6)})
    raw_readers: frozenset[str] = frozenset({"credit_manager", "auditor"})
    roles: Mapping[str, str] = field(default_factory=dict)

    def retention(self, country: str | None) -> Retention:
        """What holds for a country (ISO code), ``None`` for an unknown one."""
        return self.countries.get(country or "", self.default)

    def may_read_raw(self, actor: str) -> bool:
        """Whether this actor may read an agency's own words."""
        return self.roles.get(actor) in self.raw_readers


def load(path: Path) -> Privacy:
    """The settings in ``path``, the defaults when there is no such file; ``Halt`` with file and line."""
    if not path.is_file():
        return Privacy()
    source, content = Source(str(path)), read(path)
    whole = source.mapping(content, content, "privacy")
    source.known(whole, ("privacy", "retention", "raw_readers", "roles"))
    retention = source.mapping(whole.get("retention") or {}, whole, "retention")
    default = _retention(source, retention, "default", Retention())
    countries = {
        str(name): _retention(source, retention, name, default) for name in retention if name != "default"
    }
    for name in countries:
        if len(name) != 2 or not name.isascii() or not name.isupper():
            source.fail(f"{name!r} is no country", retention, name, todo="write an ISO code like DE")
    readers = whole.get("raw_readers", sorted(Privacy().raw_readers))
    if not isinstance(readers, list):
        source.fail("'raw_readers' is no list", whole, "raw_readers", todo="write roles like [auditor]")
    roles = source.mapping(whole.get("roles") or {}, whole, "roles")
    return Privacy(
        default,
        countries,
        frozenset(str(role) for role in readers),
        {str(name): str(role) for name, role in roles.items()},
    )


def _retention(source: Source, node: Mapping[str, Any], name: str, base: Retention) -> Retention:
    given = source.mapping(node.get(name) or {}, node, name)
    source.known(given, [one.name for one in fields(Retention)])
    for key, months in given.items():
        if isinstance(months, bool) or not isinstance(months, int) or not 0 <= months <= LONGEST:
            source.fail(f"{key!r} is no number of months", given, key, todo="write a whole number like 60")
    return replace(base, **{str(key): int(months) for key, months in given.items()})
