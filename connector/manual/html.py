"""A manual as one HTML page that also prints well; no script, nothing loaded from elsewhere.

Invariant: every text is escaped: names and reasons are other people's words.
"""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from connector.manual.form import Chapter, Manual, Table


def html(made: Manual) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("connector.manual", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["chapter"] = lambda block: isinstance(block, Chapter)
    environment.tests["table"] = lambda block: isinstance(block, Table)
    return environment.get_template("manual.html").render(manual=made)
