"""Every kind of policy error that lint knows: its file, its line, and its advice.

Each case changes one place of a small, clean policy; ``# <-`` marks the line that must be named.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from connector.errors import Halt
from connector.policy.findings import Finding
from connector.policy.lint import lint
from connector.policy.load import load
from tests.responsibility_cases import RESPONSIBILITY

CLEAN = """\
policy: trial
version: 1
currency: CNY
scorecard:
  max_weight: 60%
  data_points:
    - fact: late_share_12m
      weight: 10
      unknown: 0
      bins:
        - {below: 20%, points: 100}
        - {from: 20%, points: 0}
    - fact: debt_ratio
      weight: 10
      unknown: 10
      bins:
        - {below: 50%, points: 100}
        - {from: 50%, points: 10}
classes:
  - {name: A, from: 70, factor: 1, cap: 1000, terms_days: 60, review_days: 365}
  - {name: B, from: 40, below: 70, factor: 0.5, cap: 500, terms_days: 30, review_days: 90}
  - {name: C, below: 40, factor: 0, cap: 0, terms_days: 0, review_days: 30}
sizes:
  - {name: large, from: 400}
  - {name: small}
segments:
  - name: foreign
    all:
      - {fact: country, op: "!=", value: CN}
knock_outs:
  - reason: insolvent
    risk_class: C
    all:
      - {fact: insolvent, op: "==", value: true}
limit:
  step: 100
  terms:
    need: {}
  secured: {insured: 90%}
approvals:
  excess:
    - {up_to: 1000, role: sales manager}
    - {role: board}
terms: {default_days: 30}
overdue:
  grace_days: 5
  ladder:
    rungs:
      - {level: 1, days: 6, status: watch}
      - {level: 2, days: 30, status: hold}
status:
  rules:
    - reason: overdue_share_high
      status: hold
      scope: {customers: [1, 2]}
      all:
        - {fact: overdue_share, op: ">", value: 50%}
      except:
        - scope: {customers: [2]}
        - all:
            - {fact: overdue_amount, op: "<", value: 100}
financial:
  altman:
    z2: {distress: 1.1, safe: 2.6}
visits: {by_status: {hold: 14}}
"""

POINT = "    - fact: debt_ratio\n      weight: 10\n"
BINS = "        - {below: 50%, points: 100}\n        - {from: 50%, points: 10}\n"
RULE = '        - {fact: overdue_share, op: ">", value: 50%}\n'
LADDER = "      - {level: 2, days: 30, status: hold}\n"
REASON = "    - reason: overdue_share_high\n      status: hold\n"
MORE = "visits:"
SHADOW = (
    "    - reason: overdue_hold # <-\n      status: watch\n      scope: {customers: [1]}\n"
    '      all:\n        - {fact: overdue_share, op: ">=", value: 80%}\n'
    "    - reason: overdue_stop\n      status: stop\n      all:\n"
    '        - {fact: overdue_share, op: ">", value: 70%}\n'
)

# Code, what is replaced, what it becomes, what to write instead.
CASES: list[tuple[str, str, str, str]] = [
    *RESPONSIBILITY,
    (
        "single_ratio",
        "  data_points:\n    - fact: late_share_12m\n      weight: 10\n      unknown: 0\n      bins:\n"
        "        - {below: 20%, points: 100}\n        - {from: 20%, points: 0}\n",
        "  data_points: # <-\n",
        "add data points on other facts",
    ),
    (
        "single_ratio",
        BINS + "classes",
        "        - {below: 50%, points: 10}\n        - {from: 50%, points: 10}\nclasses",
        "whose bins earn different points",
    ),
    ("fact_twice", "fact: debt_ratio", "fact: late_share_12m # <-", "keep one data point for a fact"),
    ("weight_cap", POINT, "    - fact: debt_ratio\n      weight: 30 # <-\n", "write at most 15 "),
    ("unknown_fact", "fact: debt_ratio", "fact: dept_ratio # <-", "write `debt_ratio`"),
    ("unknown_fact", "fact: overdue_share,", "fact: overdue_shares,", "write `overdue_share`"),
    ("outcome_fact", "fact: debt_ratio", "fact: utilisation # <-", "use it in status rules alone"),
    (
        "order_fact",
        'fact: insolvent, op: "==", value: true}',
        'fact: order_amount, op: ">", value: 9} # <-',
        "use it in status rules alone",
    ),
    ("order_fact", "fact: debt_ratio", "fact: order_terms_days # <-", "use it in status rules alone"),
    ("unknown_beats_known", "      unknown: 10\n", "      unknown: 11 # <-\n", "write at most 10"),
    (
        "bad_value",
        "{from: 50%, points: 10}",
        "{from: half, points: 10} # <-",
        "write a share, such as 30% or 0.3",
    ),
    ("bad_value", "value: 50%}", "value: lots} # <-", "write a share, such as 30% or 0.3"),
    ("bad_operator", 'op: "==", value: true', 'op: ">", value: true', "write `==`, `!=` or `in`"),
    ("bin_gap", "{from: 50%, points: 10}", "{from: 60%, points: 10} # <-", "write `from: 0.5`"),
    ("bin_overlap", "{from: 50%, points: 10}", "{from: 40%, points: 10} # <-", "write `from: 0.5`"),
    (
        "bin_unreachable",
        "        - {from: 20%, points: 0}\n",
        "        - {from: 20%, points: 0}\n        - {from: 30%, below: 30%, points: 0} # <-\n",
        "correct or remove it",
    ),
    (
        "not_monotone",
        "      unknown: 10\n      bins:\n" + BINS,
        "      unknown: 10\n      bins: # <-\n"
        "        - {below: 50%, points: 10}\n        - {from: 50%, points: 100}\n",
        "let the points rise as the value gets lower",
    ),
    ("class_gap", "from: 40, below: 70", "from: 40, below: 60", "write `from: 60`"),
    ("class_overlap", "from: 40, below: 70", "from: 40, below: 75", "write `from: 75`"),
    ("class_unreachable", "from: 40, below: 70", "from: 70, below: 70", "correct or remove it"),
    (
        "class_order",
        "{name: B, from: 40, below: 70, factor: 0.5, cap: 500, terms_days: 30, review_days: 90}\n"
        "  - {name: C, below: 40,",
        "{name: B, below: 40, factor: 0.5, cap: 500, terms_days: 30, review_days: 90}\n"
        "  - {name: C, from: 40, below: 70,",
        "list the classes from best to worst",
    ),
    (
        "class_not_monotone",
        "factor: 0.5, cap: 500",
        "factor: 0.5, cap: 5000",
        "let factor, cap and terms_days fall from class to class",
    ),
    ("factor_above_one", "factor: 1, cap", "factor: 1.2, cap", "write a factor of at most 1"),
    ("class_twice", "name: B", "name: A", "give it another name"),
    ("unknown_class", "risk_class: C", "risk_class: D # <-", "write one of A, B, C"),
    ("size_twice", "name: small", "name: large", "rename it"),
    ("size_gap", "{name: small}", "{name: small, from: 20} # <-", "add a last size without `from`"),
    (
        "size_order",
        "{name: large, from: 400}",
        "{name: large} # <-",
        "from the largest `from` to the smallest",
    ),
    ("segment_twice", "name: foreign", "name: default # <-", "give it another name"),
    ("segment_empty", '    all:\n      - {fact: country, op: "!=", value: CN}\n', "", "add `all:` or `any:`"),
    (
        "segment_unreachable",
        "value: CN}\n",
        'value: CN}\n      - {fact: country, op: "==", value: CN}\n',
        "correct the values or remove the segment",
    ),
    (
        "segment_unreachable",
        "knock_outs:",
        '  - name: german # <-\n    all:\n      - {fact: country, op: "==", value: DE}\nknock_outs:',
        "put german before foreign",
    ),
    (
        "unknown_segment",
        "scope: {customers: [1, 2]}",
        "scope: {segments: [home]} # <-",
        "write one of default, foreign",
    ),
    ("limit_without_terms", "  terms:\n    need: {}\n", "  terms: {} # <-\n", "add one of need, capacity"),
    ("secured_above_one", "secured: {insured: 90%}", "secured: {insured: 110%} # <-", "at most 100%"),
    (
        "approval_unreachable",
        "    - {role: board}",
        "    - {up_to: 500, role: board} # <-",
        "let `up_to` rise from band to band",
    ),
    (
        "step_order",
        "terms: {default_days: 30}\n",
        "terms: {default_days: 30}\nsignals:\n  overdue_worsened:\n    steps:\n      - {days: 30}\n"
        "      - {days: 30} # <-\n",
        "let the steps rise",
    ),
    (
        "step_milder",
        "terms: {default_days: 30}\n",
        "terms: {default_days: 30}\nsignals:\n  utilisation:\n    steps:\n"
        "      - {share: 90%, severity: alarm}\n      - {share: 100%, severity: info} # <-\n",
        "write `alarm` or worse",
    ),
    (
        "not_a_change",
        "terms: {default_days: 30}\n",
        "terms: {default_days: 30}\nsignals:\n  ratio_worsened:\n    by:\n      debt_ratio: 5% # <-\n",
        "use one of: debt_ratio_change",
    ),
    (
        "within_grace",
        "terms: {default_days: 30}\n",
        "terms: {default_days: 30}\nsignals:\n  overdue_started: {days: 2} # <-\n",
        "write 6 or leave it out",
    ),
    (
        "lowering_raises",
        "terms: {default_days: 30}\n",
        "terms: {default_days: 30}\nsignals:\n  lowering: {share: 120%} # <-\n",
        "write a share below 100%",
    ),
    ("rung_order", LADDER, "      - {level: 2, days: 6, status: hold} # <-\n", "let days and level rise"),
    (
        "rung_unreachable",
        "      - {level: 1, days: 6, status: watch}\n      - {level: 2, days: 30, status: hold}\n",
        "      - {level: 1, days: 1, status: watch} # <-\n      - {level: 2, days: 6, status: hold}\n",
        "write more than 5 days for level 2",
    ),
    (
        "dunning_order",
        "terms: {default_days: 30}",
        "dunning:\n  levels:\n    - {days: 9, letter: reminder}\n    - {days: 9, letter: final} # <-\n"
        "terms: {default_days: 30}",
        "let the days rise",
    ),
    (
        "dunning_in_grace",
        "terms: {default_days: 30}",
        "dunning:\n  levels:\n    - {days: 5, letter: reminder} # <-\nterms: {default_days: 30}",
        "write 6 days or more",
    ),
    (
        "dunning_without_rate",
        "terms: {default_days: 30}",
        "dunning:\n  levels:\n    - {days: 9, letter: reminder, interest: true} # <-\n"
        "terms: {default_days: 30}",
        "add `overdue: interest",
    ),
    (
        "dunning_never",
        "terms: {default_days: 30}",
        "dunning:\n  quiet:\n    weekdays: "
        "[monday, tuesday, wednesday, thursday, friday, saturday, sunday] # <-\n"
        "terms: {default_days: 30}",
        "leave one weekday out",
    ),
    (
        "dunning_span",
        "terms: {default_days: 30}",
        "dunning:\n  quiet:\n    days:\n      - {from: 2026-10-08, to: 2026-10-01} # <-\n"
        "terms: {default_days: 30}",
        "write the earlier day",
    ),
    ("rung_not_monotone", LADDER, "      - {level: 2, days: 30} # <-\n", "write `watch` or a worse status"),
    (
        "reason_without_text",
        LADDER,
        "      - {level: 2, days: 30, status: hold, reason: my_own} # <-\n",
        "use a reason that has a text",
    ),
    ("reason_without_text", "reason: overdue_share_high", "reason: my_own # <-", "add `say: {zh: …, en: …}`"),
    ("text_missing", REASON, REASON + "      say: {zh: 甲} # <-\n", "write both `zh` and `en`"),
    ("text_broken", REASON, REASON + '      say: {zh: 甲, en: "{nonsense}"} # <-\n', "show facts alone"),
    ("rule_empty", "      all:\n" + RULE, "", "add `all:` or `any:`"),
    ("rule_never_acts", "value: 50%}", "value: 150%}", "correct the values or remove the rule"),
    (
        "rule_shadowed",
        "financial:",
        SHADOW + "financial:",
        "make it more severe, narrow the other one, or remove it",
    ),
    (
        "exclusion_never_acts",
        "scope: {customers: [2]}",
        "scope: {customers: [3]} # <-",
        "correct its scope or conditions",
    ),
    (
        "exclusion_never_acts",
        '{fact: overdue_amount, op: "<", value: 100}',
        '{fact: overdue_share, op: "<", value: 40%}',
        "correct its scope or conditions",
    ),
    (
        "rule_always_lifted",
        "scope: {customers: [2]}",
        "scope: {customers: [1, 2, 3]} # <-",
        "narrow its scope",
    ),
    (
        "rule_always_lifted",
        '{fact: overdue_amount, op: "<", value: 100}',
        '{fact: overdue_share, op: ">=", value: 10%}',
        "narrow its scope or add conditions",
    ),
    ("zone_order", "z2: {distress: 1.1", "z2: {distress: 3.1", "let `distress` be at most `safe`"),
    ("blacklist_unused", MORE, "blacklist: {customers: [9]} # <-\nvisits:", "add a knock-out or status rule"),
    (
        "expiry_unused",
        "  step: 100\n",
        "  step: 100\n  valid_days: 365 # <-\n",
        "add a status rule on `limit_expired`",
    ),
]


# Where a finding is about a whole, it names the line where that begins; else the line that was changed.
BEGINS = {
    "single_ratio": "data_points:",
    "class_gap": "- {name: A",
    "class_overlap": "- {name: A",
    "class_order": "- {name: C",
    "segment_empty": "- name: foreign",
    "segment_unreachable": "- name: foreign",
    "rule_empty": "- reason: overdue_share_high",
    "rule_never_acts": "- reason: overdue_share_high",
    "exclusion_never_acts": "- all:",
    "rule_always_lifted": "- all:",
}


def line_to_be_named(code: str, text: str) -> str:
    """The line of ``text`` that the finding is to name."""
    lines = text.splitlines()
    marked = [line for line in lines if "# <-" in line]
    if marked:
        return marked[0]
    if code in BEGINS:
        return next(line for line in lines if line.strip().startswith(BEGINS[code]))
    return next(line for line, before in zip(lines, CLEAN.splitlines(), strict=False) if line != before)


def findings(text: str) -> list[Finding]:
    return lint(load(text, "mine.yaml", strict=False))


def test_the_policy_that_the_cases_change_is_clean() -> None:
    assert findings(CLEAN) == []


@pytest.mark.parametrize(("code", "old", "new", "advice"), CASES, ids=[case[0] for case in CASES])
def test_each_kind_of_error_names_line_and_advice(code: str, old: str, new: str, advice: str) -> None:
    assert old in CLEAN
    text = CLEAN.replace(old, new, 1)
    found = [one for one in findings(text) if one.code == code]
    assert found, [one.code for one in findings(text)]
    assert advice in found[0].todo
    assert text.splitlines()[found[0].line - 1] == line_to_be_named(code, text)
    if found[0].severity == "error":
        with pytest.raises(Halt) as caught:
            load(text, "mine.yaml")
        assert re.match(r"mine\.yaml:\d+$", str(caught.value.where))


def test_every_code_that_lint_knows_has_a_case() -> None:
    """Codes are read from the calls that make findings; one that is put together stands for its family."""
    known: set[str] = set()
    folder = Path(__file__).parents[2] / "connector" / "policy"
    for path in (*folder.glob("lint*.py"), folder / "findings.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "finding":
                known.add(ast.unparse(node.args[2]))
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                known.add(ast.unparse(node.value.elts[0]))  # what is wrong with a condition
    made = {"f'bin_{fault.kind}'", "f'class_{fault.kind}'", "f'{spec.source}_fact'"}
    assert made <= known
    families = [f"{what}_{kind}" for what in ("bin", "class") for kind in ("gap", "overlap", "unreachable")]
    codes = {name.strip("'") for name in known - made if re.fullmatch(r"'[a-z]+_[a-z_]+'", name)}
    assert len(codes) > 30
    assert codes | {*families, "outcome_fact", "order_fact"} <= {case[0] for case in CASES}
