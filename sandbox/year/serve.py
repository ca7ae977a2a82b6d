"""The simulated year as servers: one for each vendor, and a door that moves the time of all of them.

As a program – ``python -m sandbox.year.serve PLAN``, the plan as JSON – it prints the base URLs as one line
of JSON and serves until its standard input ends. The door: ``POST /_sandbox/moment`` with ``{"at": …}``, an
ISO moment with its offset; the answer comes when everything until then has happened.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.doors import posted
from sandbox.run import serving
from sandbox.year.economy import Plan, build
from sandbox.year.living import Living

DOOR = "year"


def apps(plan: Plan) -> dict[str, ASGIApp]:
    """All servers of the year by name; ``DOOR`` is the one that moves the time."""
    living = Living(build(plan))

    def move(body: dict[str, Any]) -> dict[str, Any]:
        at = dt.datetime.fromisoformat(str(body.get("at")))
        if at.tzinfo is None:
            raise ValueError("at needs an offset from UTC")
        return {"day": living.reach(at.astimezone(dt.UTC)).isoformat()}

    door = Starlette(routes=[Route("/_sandbox/moment", posted(move), methods=["POST"])])
    return {**living.apps, DOOR: door}


def written(plan: Plan) -> str:
    """The plan as the program takes it."""
    return json.dumps({**vars(plan), "start": plan.start.isoformat()})


def _plan(text: str) -> Plan:
    given = json.loads(text)
    start, onset = dt.date.fromisoformat(given["start"]), tuple(given["onset"])
    return Plan(**{**given, "start": start, "onset": onset})


def main() -> None:
    """Build and serve."""
    made = apps(_plan(sys.argv[1]))
    with serving(made, dict.fromkeys(made, 0)) as bases:
        print(json.dumps(bases), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
