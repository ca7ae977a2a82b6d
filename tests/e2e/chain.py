"""Pull, assess, plan visits and push, in one process that a test may kill at any moment.

Prints ``go`` when the work begins, and ``end`` when all of it is done.
"""

from __future__ import annotations

import sys

from connector.cli import cli

COMMANDS = (["pull"], ["assess"], ["visit", "plan"], ["push"])


def main() -> int:
    """Run the commands; the worst exit code."""
    import connector.assess
    import connector.pull
    import connector.push  # noqa: F401 - imports belong to the start, not to the work

    sys.stdout.write("go\n")
    sys.stdout.flush()
    worst = 0
    for command in COMMANDS:
        code = cli.main([*command], standalone_mode=False)
        worst = max(worst, code if isinstance(code, int) else 0)
    sys.stdout.write("end\n")
    sys.stdout.flush()
    return worst


if __name__ == "__main__":
    sys.exit(main())
