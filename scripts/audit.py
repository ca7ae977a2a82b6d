"""Look the locked dependencies up in the advisories (``make audit``).

Exit code 0: none has a known weakness; 1: some have, and which version mends them; 3: the advisories cannot
be reached from here, or do not know some of the packages, so that nothing is said of these.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements-image.lock", "requirements.lock")
OPTIONS = ("--progress-spinner", "off", "--disable-pip", "--require-hashes", "--format", "json")


def judged(dependencies: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """The exit code for what was found about each dependency, and a line for each that matters."""
    weak = [
        f"{one['name']} {one['version']}: {flaw['id']}, mended in {flaw['fix_versions'] or 'none yet'}"
        for one in dependencies
        for flaw in one.get("vulns", ())
    ]
    unknown = sum("skip_reason" in one for one in dependencies)
    if unknown:
        weak.append(f"{unknown} of {len(dependencies)} packages are not known to the advisories that answer")
    return (1 if len(weak) > bool(unknown) else 3 if unknown else 0), weak


def main() -> int:
    """Audit every lock; the code of the worst."""
    codes = []
    for lock in LOCKS:
        command = [sys.executable, "-m", "pip_audit", *OPTIONS, "--requirement", str(ROOT / lock)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            code, lines = judged(json.loads(done.stdout)["dependencies"])
        except (ValueError, KeyError):
            code, lines = 3, ["the advisories cannot be reached from here"]
        codes.append(code)
        print(f"{lock}: {('no known weakness', 'known weaknesses', '', 'nothing can be said')[code]}")
        for line in lines:
            print(f"  {line}")
    return 1 if 1 in codes else max(codes)


if __name__ == "__main__":
    sys.exit(main())
