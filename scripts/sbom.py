"""Write the software bill of materials of the image, CycloneDX JSON, from its lock; no network is needed.

The same lock gives the same file, byte for byte: neither a moment nor a random serial number stands in it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements-image.lock"


def sbom() -> str:
    """The bill of what the lock names, with versions, package URLs and hashes."""
    options = ["--output-reproducible", "--of", "JSON", "--sv", "1.6", "--validate"]
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", *options]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application", str(LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the bill cannot be made: {done.stderr.strip()}")
    return json.dumps(json.loads(done.stdout), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(sbom(), encoding="utf-8")
    print(f"wrote {target}")
