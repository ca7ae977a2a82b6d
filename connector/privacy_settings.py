"""What the law and the house say about personal data: one YAML file, ``privacy.yaml``.

Invariant: every value has a stated default, and a missing file means the defaults; a file that is there
is checked whole when it is read, so that no purge runs on a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from connector.people.roles import Role
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

# Which roles may read an agency's answer word by word ('creditgate bureau show --raw'). Who has which role
# stands under [[roles]] in the configuration; while nobody has one, nobody reads them.
raw_readers: [controller, auditor]
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
    """The whole file. ``raw_readers`` are the roles that may read an agency's own words."""

    default: Retention = Retention()
    countries: Mapping[str, Retention] = field(default_factory=lambda: {"DE": Retention(insolvency_months=6)})
    raw_readers: frozenset[Role] = frozenset({Role.CONTROLLER, Role.AUDITOR})

    def retention(self, country: str | None) -> Retention:
        """What holds for a country (ISO code), ``None`` for an unknown one."""
        return self.countries.get(country or "", self.default)


def load(path: Path) -> Privacy:
    """The settings in ``path``, the defaults when there is no such file; ``Halt`` with file and line."""
    if not path.is_file():
        return Privacy()
    source, content = Source(str(path)), read(path)
    whole = source.mapping(content, content, "privacy")
    source.known(whole, ("privacy", "retention", "raw_readers"))
    retention = source.mapping(whole.get("retention") or {}, whole, "retention")
    default = _retention(source, retention, "default", Retention())
    countries = {
        str(name): _retention(source, retention, name, default) for name in retention if name != "default"
    }
    for name in countries:
        if len(name) != 2 or not name.isascii() or not name.isupper():
            source.fail(f"{name!r} is no country", retention, name, todo="write an ISO code like DE")
    readers = whole.get("raw_readers", sorted(Privacy().raw_readers))
    known = [role.value for role in Role]
    if not isinstance(readers, list) or not set(map(str, readers)) <= set(known):
        todo = f"write some of {', '.join(known)}, like [auditor]"
        source.fail("'raw_readers' is no list of roles", whole, "raw_readers", todo=todo)
    return Privacy(default, countries, frozenset(Role(str(role)) for role in readers))


def _retention(source: Source, node: Mapping[str, Any], name: str, base: Retention) -> Retention:
    given = source.mapping(node.get(name) or {}, node, name)
    source.known(given, [one.name for one in fields(Retention)])
    for key, months in given.items():
        if isinstance(months, bool) or not isinstance(months, int) or not 0 <= months <= LONGEST:
            source.fail(f"{key!r} is no number of months", given, key, todo="write a whole number like 60")
    return replace(base, **{str(key): int(months) for key, months in given.items()})
