"""``creditgate demo``: ends well, says what a credit manager wants to know, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.installation import COMMAND


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Credit status", "Exposure", "saved", "refused", "on hold")),
        ("zh", ("信用状态", "信用占用", "已保存", "被拦截", "冻结")),
    ],
)
def test_the_demo_tells_three_stories_and_cleans_up(
    language: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CREDITGATE_")}
    environment |= {"TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [*COMMAND, "demo", "--accounts", "80", "--language", language],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for word in words:
        assert word in done.stdout
    assert list(tmp_path.iterdir()) == []
