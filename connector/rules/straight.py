"""A program as one straight-line function: no loop over rules, nothing looked up that is known before.

Invariant: the text of the function is this module's alone. Names, texts and bounds of a policy are bound as
constants in its namespace; only its whole numbers are part of the text. It leaves to ``interpret`` what is
seldom (a limit set by a person, a hold, a new customer, rules with exclusions), and equals it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from decimal import Decimal
from math import ceil
from typing import Any

from connector.money import part_of
from connector.rules import interpret, limit, scorecard
from connector.rules.exposure import weighted
from connector.rules.grades import RANK, Grade, grade, told
from connector.rules.outcome import KNOCKS, Assessment, Gives, Ground, Params, Reason, Told, step
from connector.rules.program import Band, Compiled, Point, Rule
from connector.rules.snapshot import Snapshot, Unknown, Value
from connector.rules.source import Made, Text, add_rule, plain_rules
from connector.rules.straight_limit import add_effective, add_exposure, add_limit, add_terms

Run = Callable[[Snapshot], Assessment]

# The hundredths of every score, so that none is worked out as a decimal.
_SCORES = tuple(Decimal(n).scaleb(-2) for n in range(10_001))
# The facts of the outcome as the function has them.
_OUTCOME = {
    "score": "NO_SCORE if score is None else score",
    "risk_class": "c.name",
    "limit": "(UNLIMITED if state == 'unlimited' else NO_LIMIT) if limit is None else limit",
    "available": "(UNLIMITED if state == 'unlimited' else NO_LIMIT) if available is None else available",
    "utilisation": "used if used is not None else ZERO if limit is not None "
    "else UNLIMITED if state == 'unlimited' else NO_LIMIT",
    "dunning_level": "level",
    "segment": "SEGMENT",
}
# The values of the snapshot and the outcome together, for the reasons of status rules.
_ALL = (
    "{**%s, **outcome_of(score, c, Effective(state, limit, None, secured), available, used), "
    "'dunning_level': level, 'segment': SEGMENT}"
)
_COMMON: dict[str, Any] = {
    "AMOUNT": "amount",
    "Assessment": Assessment,
    "Basis": limit.Basis,
    "Calculated": limit.Calculated,
    "Decimal": Decimal,
    "Effective": limit.Effective,
    "NO_LIMIT": interpret.NO_LIMIT,
    "NO_SCORE": interpret.NO_SCORE,
    "SCORES": _SCORES,
    "SIX": interpret.SIX,
    "UNLIMITED": interpret.UNLIMITED,
    "Unknown": Unknown,
    "ZERO": interpret.ZERO,
    "bisect": bisect_right,
    "calculated": limit.calculated,
    "effective": limit.effective,
    "exposure_of": interpret.exposure_of,
    "knock_outs": scorecard.knock_outs,
    "need": limit.need,
    "new_customer": limit.new_customer_limit,
    "new_tuple": tuple.__new__,
    "outcome_of": interpret.outcome_of,
    "own_reasons_of": interpret.own_reasons_of,
    "part_of": part_of,
    "room_of": interpret.room_of,
    "KNOCKS": KNOCKS,
    "status_rules_of": interpret.status_rules_of,
    "terms_of": interpret.terms_of,
    "weighted": weighted,
}


def _place(told: list[Reason], ranked: tuple[list[Ground], ...]) -> None:
    """Put reasons to those of their status, in their order."""
    for reason in told:
        ranked[RANK[str(reason.params["status"])]].append(reason)


def straight(rules: Compiled) -> Run:
    """The function of a program; it takes a snapshot whose segment is that of ``rules``."""
    text = Text(rules)
    for part in (_start, _score, _class, add_terms, add_limit, add_effective, add_exposure, _status, _end):
        part(text)
    body = "\n".join(f"    {line}" for line in text.lines)
    names = {**_COMMON, "place": _place, **text.names}
    exec(compile(f"def run(snapshot):\n{body}\n", "<policy>", "exec"), names)  # noqa: S102 - see above
    run: Run = names["run"]
    return run


def _start(text: Text) -> None:
    rules = text.rules
    # ``r0`` to ``r3`` are the grounds by the rank of their status; what is left to ``interpret`` tells
    # reasons, which are placed among them.
    text.add(
        """
v = snapshot.values; gaps = snapshot.gaps
R = {rules}
r0 = []; r1 = []; r2 = []; r3 = []
u = e = 0
""",
        rules=rules,
    )


def _score(text: Text) -> None:
    rules = text.rules
    segment = step("score", "segment", segment=rules.segment)
    told_points = [text.bind(segment)] if rules.segment != "default" else []
    for place, point in enumerate(rules.points):
        fact, step_name = f"f{text.fact(point.fact)}", f"s{place}"
        told_points.append(step_name)
        text.add(
            f"if n{fact[1:]}:\n    {step_name} = {{untold}}[{fact}.reason]; u += {{weight}}"
            f"{_earned(text, point.weight * point.unknown)}\nelse:",
            untold=_untold(point),
            weight=point.weight,
        )
        if point.lookup is None:
            edges = [text.bind(edge) for edge in point.edges]
            chosen = [_band(text, band, point.weight, step_name, fact) for band in point.bands]
            text.lines += _halved(fact, edges, chosen, "    ")
        else:
            text.add(
                f"    b = {{listed}}[{fact}]; {step_name} = (b[0], {fact}); e += b[1]", listed=_listed(point)
            )
    text.add(f"trace = [{', '.join(told_points)}]")


def _band(text: Text, band: Band, weight: int, step_name: str, fact: str) -> str:
    """The line for a value in a bin."""
    told_point = text.bind(told("score", "point", ("value",), **band.params))
    return f"{step_name} = ({told_point}, {fact}){_earned(text, band.points * weight)}"


def _earned(text: Text, points: int) -> str:
    """What is added to the points earned; nothing for none."""
    return f"; e += {text.bind(points)}" if points else ""


def _halved(fact: str, edges: list[str], chosen: list[str], indent: str) -> list[str]:
    """The lines that choose a bin: each question halves those that are left, as ``bisect_right`` does."""
    if not edges:
        return [indent + chosen[0]]
    half = len(edges) // 2
    return [
        f"{indent}if {fact} < {edges[half]}:",
        *_halved(fact, edges[:half], chosen[: half + 1], indent + "    "),
        f"{indent}else:",
        *_halved(fact, edges[half + 1 :], chosen[half + 1 :], indent + "    "),
    ]


def _listed(point: Point) -> Made:
    def listed(value: Value) -> tuple[Told, int]:
        band = scorecard.listed(point, point.lookup or {}, value)
        return told("score", "point", ("value",), **band.params), band.points * point.weight

    return Made(listed)


def _untold(point: Point) -> Made:
    return Made(lambda why: scorecard.untold(point, why))


def _class(text: Text) -> None:
    rules = text.rules
    newcomer = rules.policy.limit.new_customer
    spare = rules.classes[-1] if newcomer is None else rules.by_name[newcomer.risk_class]
    code = "class_lowest" if newcomer is None else "class_new_customer"
    total, needed = rules.total_weight, rules.needed_weight
    grades = tuple(grade(rules, item) for item in rules.classes)
    floors, reached = _reached(rules, grades)
    text.add(
        """
known = {total} - u
if known < {needed}:
    score = None; g = {spare}
    trace += ({little}, known), {spare_step}
else:
    h = (200 * e + {total}) // {twice}
    score = SCORES[h]
    g = {reached}[bisect({floors}, h)]
    trace += ({told_score}, score, known), (g.by_score, score)
c = g.risk_class; add = trace.append
""",
        total=total,
        needed=needed,
        twice=2 * total,
        little=told("score", "score_too_little", ("known",), total=total, needed=needed),
        told_score=told("score", "score", ("score", "known"), total=total),
        spare=grades[spare.rank],
        spare_step=step("class", code, risk_class=spare.name),
        reached=reached,
        floors=floors,
    )
    text.names["GRADES"] = grades
    if not plain_rules(rules.knock_outs):
        text.add(
            "told = []; c = knock_outs(R, c, v, trace, told); g = GRADES[c.rank]\n"
            "place(told, (r0, r1, r2, r3))"
        )
        return
    text.lines.append("hit = []")
    for rule in rules.knock_outs:
        add_rule(text, rule, "class", _gives(text, rule, {}))
    text.add(
        """
for x in hit:
    i = x[0].rank
    if i > c.rank: g = GRADES[i]; c = g.risk_class
    add((KNOCKS, x, c.name))
"""
    )


def _gives(text: Text, rule: Rule, outcome: Mapping[str, str]) -> str:
    """The line for a rule that acts: what makes its reason, kept among the hits and by its status.
    ``outcome`` is how the function reads the facts that it has found by then."""
    fixed: Params = {"status": rule.status, "currency": text.rules.currency, **rule.texts}
    gives = text.bind(Gives(rule.reason, fixed, rule.shows, rule.rank))
    shown = [
        f"f{text.facts[name]}, "
        if name in text.facts
        else f"({outcome[name]}), "
        if name in outcome
        else f"v.get({text.bind(name)}), "
        for name in rule.shows
    ]
    return f"x = ({gives}, {''.join(shown)}); hit.append(x); r{RANK[rule.status]}.append(x)"


def _reached(rules: Compiled, grades: tuple[Grade, ...]) -> tuple[tuple[int, ...], tuple[Grade, ...]]:
    """Hundredths from which another class is reached, and the classes below, between and above them."""
    edges = sorted({max(0, ceil(one.floor * 100)) for one in rules.classes} - {0})
    found = [
        next(made for made in grades if Decimal(edge) / 100 >= made.risk_class.floor) for edge in (0, *edges)
    ]
    return tuple(edges), tuple(found)


def _status(text: Text) -> None:
    rules = text.rules
    text.names["SEGMENT"] = rules.segment
    plain = plain_rules(rules.rules)
    _ladder(text, rules.rules[: len(rules.ladder)] if plain else ())
    if not plain:
        text.lines += [
            f"told = []; status_rules_of(R, {_ALL % 'v'}, trace, told)",
            "place(told, (r0, r1, r2, r3))",
        ]
        return
    for name in sorted({test.fact for rule in rules.rules for test in rule.all} & set(_OUTCOME)):
        number = text.facts[name] = str(len(text.facts))
        text.lines.append(f"f{number} = {_OUTCOME[name]}; n{number} = type(f{number}) is Unknown")
    for rule in rules.rules[len(rules.ladder) :]:
        add_rule(text, rule, "status", _gives(text, rule, _OUTCOME))
    text.lines.append("trace += hit")


def _ladder(text: Text, rungs: tuple[Rule, ...]) -> None:
    """The dunning level, and the reason of the highest rung that is reached (``rungs`` may be left to
    ``interpret``). What is not known leaves each rung untested."""
    rules = text.rules
    late, days = text.fact("overdue_amount"), text.fact("overdue_days_max")
    text.lines += ["level = 0; hit = []", f"if n{late} or n{days}:"]
    start = len(text.lines)
    for rung in rungs:
        add_rule(text, rung, "status", _gives(text, rung, _OUTCOME))
    text.lines[start:] = [f"    {line}" for line in text.lines[start:]] or ["    pass"]
    text.add(f"elif f{late} > {{least}}:", least=rules.ladder_least)
    word = "if"
    for place in range(len(rules.ladder) - 1, -1, -1):
        reached = f"f{days} >= {text.bind(rules.ladder[place])}"
        text.lines.append(f"    {word} {reached}: level = {text.bind(rules.levels[place + 1])}")
        if rungs:
            text.lines[-1] += f"; {_gives(text, rungs[place], _OUTCOME)}"
        word = "elif"
    if not rules.ladder:
        text.lines.append("    pass")


def _end(text: Text) -> None:
    rules = text.rules
    late, days = text.fact("overdue_amount"), text.fact("overdue_days_max")
    text.add(
        f"""
if own or gaps:
    held = Effective(state, limit, why, secured)
    told = []; own_reasons_of(R, snapshot, held, Calculated(amount, new), trace, told)
    place(told, (r0, r1, r2, r3))
if r1 or r3 or r2 or r0:
    grounds = (*r3, *r2, *r1, *r0)
    status = "stop" if r3 else "hold" if r2 else "watch" if r1 else "ok"
    decided = ({{told}}, status, len(grounds))
else:
    grounds = (); status = "ok"; decided = {{fine}}
following, review_step, visit_days, visit_why, visit_step, hold = g.calendar[status]
today = snapshot.today
review, due = following[snapshot.reviewed_on or today]
trace += decided, (review_step, review)
if visit_step is not None: add(visit_step)
change = snapshot.next_change
if review > today and (change is None or due < change): change = due
x = v[{{interest}}]
return new_tuple(Assessment, (
    snapshot.customer_id, {{title}}, {{hash}}, snapshot.as_of, {{currency}}, score, c.name, status, hold,
    state, limit, days, exposed, True if gaps else False, available, used,
    0 if n{late} else f{late}, 0 if n{days} else f{days}, grounds, trace, review,
    visit_days, visit_why, change, SEGMENT, level, 0 if type(x) is Unknown else x, secured,
))
""",
        told=told("status", "status", ("status", "reasons")),
        fine=step("status", "status", status="ok", reasons=0),
        interest="late_interest",
        title=rules.title,
        hash=rules.hash,
        currency=rules.currency,
    )
