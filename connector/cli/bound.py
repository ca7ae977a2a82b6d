"""A command that ends with whoever started it: what the daemon runs.

Invariant: when the other end of stdin is gone, so is this process, at whatever line: every verb bears that.
"""

from __future__ import annotations

import os
import threading

from connector.cli import main

KILLED = 143


def run() -> None:
    """Run the command of ``sys.argv``."""
    threading.Thread(target=_end_with_the_other, daemon=True).start()
    main()


def _end_with_the_other() -> None:
    while os.read(0, 1):
        pass
    os._exit(KILLED)


if __name__ == "__main__":
    run()
