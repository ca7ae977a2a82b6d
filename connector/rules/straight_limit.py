"""Terms, limit and exposure of the straight-line function.

Invariant: the text is this module's alone; see ``straight``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connector.rules import limit
from connector.rules.grades import share, told
from connector.rules.outcome import step
from connector.rules.source import Made, Text

# The fact that a term is a share of.
SHARE_OF = {
    "net_worth": "net_worth",
    "agency": "agency_limit",
    "advice": "advice_limit",
    "references": "reference_limit",
}


def add_terms(text: Text) -> None:
    """Payment terms in days."""
    watched = text.rules.policy.terms.longer_than_class == "watch"
    text.add(
        f"""
days = snapshot.terms_days
if score is None:
    told = []; days = terms_of(R, snapshot, c, True, trace, told)
    place(told, (r0, r1, r2, r3))
elif days is None:
    days = g.longest; add(g.terms_class)
elif days <= g.longest:
    add((g.terms_agreed, days))
else:
    add((g.terms_cut, days)){"; r1.append((g.terms_longer, days))" if watched else ""}; days = g.longest
"""
    )


def add_limit(text: Text) -> None:
    """The calculated limit."""
    rules = text.rules
    if rules.policy.limit.combine != "min" or not rules.terms:
        text.add("amount, new = calculated(Basis(R, v, c, days), trace)")
        return
    text.add("m = None")
    for name, term in rules.terms:
        text.names[f"W_{name}"] = name
        if name == "need":
            _need(text, term)
        elif name == "capacity":
            text.add("p = None")
            _share(text, "capacity", "tangible_net_worth", "g.worth", "if p is None or a < p: p = a")
            _share(text, "capacity", "revenue_level", "g.revenue", "if p is None or a < p: p = a")
            text.add("if p is not None and (m is None or p < m): m = p; w = W_capacity")
        else:
            fact = SHARE_OF[name]
            part = text.bind(share(name, fact, term.share))
            _share(text, name, fact, part, f"if m is None or a < m: m = a; w = W_{name}")
    text.add("if m is None:\n    amount, new = new_customer(Basis(R, v, c, days), trace)\nelse:")
    if rules.policy.limit.terms.class_cap:
        text.names["W_cap"] = "class_cap"
        text.add("    add(g.cap_step)\n    if g.cap < m: m = g.cap; w = W_cap")
    if rules.portfolio is not None:
        text.add(
            "    add({told})\n    if {most} < m: m = {most}; w = {name}",
            told=limit.concentration_step(rules.portfolio, rules.concentration_text, rules.concentration),
            most=rules.concentration,
            name="concentration",
        )
    text.add(
        """
    add(({least}, w, m))
    t, i, j, k = g.factor; m = (m * i + j) // k; add((t, m))
    amount = m // {step} * {step}; add(({rounded}, amount)); new = False
""",
        least=told("limit", "limit_min", ("term", "amount")),
        step=rules.step,
        rounded=told("limit", "limit_rounded", ("amount",), step=rules.step),
    )


def _need(text: Text, term: Any) -> None:
    rules = text.rules
    numerator, denominator = rules.need_ratio
    least = term.annualise_from_months
    young = "False"
    if least is not None:
        months = text.fact("relation_months")
        young = f"not n{months} and f{months} < 12 and {text.bind(least)} < 12"
    sales = text.fact("sales_12m")
    text.add(
        f"if n{sales}:\n    add({{unknown}}[f{sales}.reason])\nelse:\n    if {young}:\n"
        f"        a = need(Basis(R, v, c, days), {{term}}, trace)\n    else:\n"
        f"        d = days + {{extra}}\n"
        f"        if f{sales} > 0 and d > 0: a = (f{sales} * {{double}} * d + {{denominator}}) // {{twice}}\n"
        f"        else: a = part_of(f{sales}, {{numerator}} * d, {{denominator}})\n"
        f"        add(({{told}}, f{sales}, d, a))\n"
        f"        if a < {{least}}: a = {{least}}; add({{told_least}})\n"
        f"    if m is None or a < m: m = a; w = W_need",
        unknown=Made(lambda why: limit.untold("need", "sales_12m", why)),
        term=term,
        extra=term.extra_days,
        numerator=numerator,
        double=2 * numerator,
        denominator=denominator * limit.YEAR_DAYS,
        twice=2 * denominator * limit.YEAR_DAYS,
        told=told("limit", "limit_need", ("sales", "days", "amount"), factor=rules.need_factor_text),
        least=rules.need_at_least,
        told_least=step("limit", "limit_need_least", amount=rules.need_at_least),
    )


def _share(text: Text, term: str, fact: str, part: str, then: str) -> None:
    number = text.fact(fact)
    text.add(
        f"if n{number}:\n    add({{unknown}}[f{number}.reason])\nelse:\n"
        f"    t, i, j, k = {part}; a = (f{number} * i + j) // k if f{number} > 0 else 0\n"
        f"    add((t, f{number}, a))\n    {then}",
        unknown=Made(lambda why: limit.untold(term, fact, why)),
    )


def add_effective(text: Text) -> None:
    """The limit that holds."""
    shares = text.rules.policy.limit.secured
    bare = ["snapshot.limit_set is None", "amount is not None"]
    for fact, part in (("insured_amount", shares.insured), ("guaranteed_amount", shares.guaranteed)):
        if part:
            number = text.fact(fact)
            bare.append(f"(n{number} or not f{number})")
    text.add(
        f"""
if {" and ".join(bare)}:
    state = AMOUNT; limit = amount; secured = 0; why = None; own = snapshot.hold_placed is not None or new
else:
    settled = effective(snapshot.limit_set, Calculated(amount, new), Basis(R, v, c, days), trace)
    state, limit, why, secured = settled; own = True
"""
    )


def add_exposure(text: Text) -> None:
    """The exposure, what is left of the limit, and how much of it is used."""
    stages = []
    for stage in text.rules.weights:
        fact = text.bind(stage.fact)
        made = told(
            "exposure", "exposure_stage", ("amount", "counted"), stage=stage.name, weight=stage.weight_text
        )
        counted = "x" if stage.weight == 1 else f"weighted(x, {text.bind(stage.weight)})"
        stages.append(
            f"    x = v[{fact}]\n    if x and type(x) is not Unknown: add(({text.bind(made)}, x, {counted}))"
        )
    text.add("if gaps or snapshot.rates:\n    exposed = exposure_of(R, snapshot, trace)\nelse:")
    text.lines += "\n".join(stages).split("\n") if stages else []
    text.add(
        """
    exposed = v[{fact}]
    if type(exposed) is Unknown: exposed = 0
    add(({total}, exposed))
if limit:
    available = limit - exposed
    used = (Decimal(exposed) / limit).quantize(SIX) if exposed or limit < 0 else {unused}
    add(({told}, limit, exposed, available, used))
elif limit == 0:
    available = -exposed; used = None
    add(({told}, limit, exposed, available, used))
else:
    available, used = room_of(Effective(state, limit, None, secured), exposed, trace)
""",
        fact="exposure",
        unused=Decimal("0.000000"),
        total=told("exposure", "exposure_total", ("amount",)),
        told=told("exposure", "available", ("limit", "exposure", "available", "utilisation")),
    )
