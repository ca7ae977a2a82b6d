"""What is wrong with a scorecard.

Invariant: without error findings each known value of a data point falls in exactly one bin, no data
point outweighs the cap, and an unknown value earns no more than the worst bin.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from connector.policy.catalogue import FACTS
from connector.policy.findings import Finding, finding, shown, unknown_fact
from connector.policy.ranges import Range, faults
from connector.policy.schema import DataPoint, Path, Policy, Scorecard
from connector.policy.values import bound


def cards(policy: Policy) -> Iterator[tuple[Path, Scorecard]]:
    """Every scorecard of the policy, with where it stands."""
    yield ("scorecard",), policy.scorecard
    for index, segment in enumerate(policy.segments):
        if segment.scorecard is not None:
            yield ("segments", index, "scorecard"), segment.scorecard


def weights(policy: Policy) -> Iterator[Finding]:
    """In every scorecard more than one data point, none too heavy, none twice."""
    for path, card in cards(policy):
        yield from _weights(policy, (*path, "data_points"), card)


def _weights(policy: Policy, at: Path, card: Scorecard) -> Iterator[Finding]:
    points = card.data_points
    telling = {point.fact for point in points if len({b.points for b in point.bins}) > 1}
    if len(telling) < 2:
        yield finding(
            policy,
            at,
            "single_ratio",
            "the score hangs on fewer than two facts",
            "add data points on other facts, whose bins earn different points",
        )
    total = sum(point.weight for point in points)
    cap = card.max_weight
    seen: set[str] = set()
    for index, point in enumerate(points):
        if point.fact in seen:
            yield finding(
                policy,
                (*at, index, "fact"),
                "fact_twice",
                f"`{point.fact}` is scored twice",
                "keep one data point for a fact",
            )
        seen.add(point.fact)
        if len(points) > 1 and Decimal(point.weight) > cap * total:
            yield finding(
                policy,
                (*at, index, "weight"),
                "weight_cap",
                f"`{point.fact}` has {point.weight} of {total} of the weight, more than the cap of {cap:.0%}",
                f"write at most {int(cap * (total - point.weight) / (1 - cap)) if cap < 1 else total}"
                " or give other data points more weight",
            )


def bins(policy: Policy) -> Iterator[Finding]:
    """Every value in exactly one bin; unknown never better than the worst bin."""
    found = [
        ((*path, "data_points", index), point)
        for path, card in cards(policy)
        for index, point in enumerate(card.data_points)
    ]
    for at, point in found:
        spec = FACTS.get(point.fact)
        if spec is None:
            yield unknown_fact(policy, (*at, "fact"), point.fact)
            continue
        if spec.source in ("outcome", "order"):
            when = "after scoring" if spec.source == "outcome" else "at the order check"
            yield finding(
                policy,
                (*at, "fact"),
                f"{spec.source}_fact",
                f"`{point.fact}` is known only {when}",
                "use it in status rules alone",
            )
            continue
        worst = min(b.points for b in point.bins)
        if point.unknown > worst:
            yield finding(
                policy,
                (*at, "unknown"),
                "unknown_beats_known",
                f"an unknown `{point.fact}` earns more than its worst bin",
                f"write at most {worst}",
            )
        if spec.kind in ("text", "flag"):
            yield from _lists(policy, at, point)
        else:
            yield from _numbers(policy, at, point)


def _lists(policy: Policy, at: Path, point: DataPoint) -> Iterator[Finding]:
    spec = FACTS[point.fact]
    seen: set[object] = set()
    rest = 0
    for index, item in enumerate(point.bins):
        here = (*at, "bins", index)
        if item.from_ is not None or item.below is not None:
            yield finding(
                policy,
                here,
                "bad_value",
                f"`{point.fact}` has no order",
                "write `is: [VALUE, …]` instead of `from` and `below`",
            )
        rest += item.is_ is None
        for value in item.is_ or ():
            try:
                known = bound(spec, value, policy.currency)
            except ValueError as error:
                yield finding(policy, here, "bad_value", f"{value!r} does not fit `{point.fact}`", str(error))
                continue
            if known in seen:
                yield finding(policy, here, "bin_overlap", f"{value!r} is in two bins", "keep it in one bin")
            seen.add(known)
    complete = spec.kind == "flag" and seen == {True, False}
    if rest > 1 or (rest and complete):
        yield finding(
            policy,
            (*at, "bins"),
            "bin_unreachable",
            "a bin without `is` is never reached",
            "keep one bin for the rest",
        )
    if not rest and not complete:
        yield finding(
            policy,
            (*at, "bins"),
            "bin_gap",
            f"some values of `{point.fact}` are in no bin",
            "add a bin without `is` for the rest",
        )


def _numbers(policy: Policy, at: Path, point: DataPoint) -> Iterator[Finding]:
    spec = FACTS[point.fact]
    ranges: list[Range] = []
    for index, item in enumerate(point.bins):
        here = (*at, "bins", index)
        if item.is_ is not None:
            yield finding(
                policy,
                here,
                "bad_value",
                f"`{point.fact}` is a number",
                "write `from` and `below` instead of `is`",
            )
            return
        edges: list[int | Decimal | None] = []
        for key, raw in (("from", item.from_), ("below", item.below)):
            try:
                edge = None if raw is None else bound(spec, raw, policy.currency)
            except ValueError as error:
                yield finding(
                    policy,
                    (*here, key),
                    "bad_value",
                    f"{raw!r} does not fit `{point.fact}`",
                    str(error),
                )
                return
            if spec.kind == "money":  # told as the policy writes them
                edge = raw
            edges.append(edge if isinstance(edge, int | Decimal) else None)
        ranges.append(Range(edges[0], edges[1], index))
    found = False
    for fault in faults(ranges, spec.low, spec.high):
        found = True
        edges_of = (point.bins[fault.at].from_, point.bins[fault.at].below)
        yield finding(
            policy,
            (*at, "bins", fault.at),
            f"bin_{fault.kind}",
            f"bin {shown(*edges_of)} of `{point.fact}` {fault.what}",
            fault.todo,
        )
    if found or spec.better is None:
        return
    ordered = sorted(ranges, key=lambda r: Decimal("-Infinity") if r.low is None else Decimal(r.low))
    earned = [point.bins[r.at].points for r in ordered]
    if earned != sorted(earned, reverse=spec.better == "lower"):
        yield finding(
            policy,
            (*at, "bins"),
            "not_monotone",
            f"a better `{point.fact}` can earn fewer points",
            f"let the points rise as the value gets {spec.better}",
            "warning",
        )
