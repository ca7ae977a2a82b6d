"""The steps of the Dockerfile, carried out one by one without a container engine.

Executed as written, in a folder that stands for the root: COPY (of what .dockerignore lets through), WORKDIR,
ENV, venv, building and installing the wheel, removing pip, ENTRYPOINT with CMD, HEALTHCHECK. Not executed:
what needs the network (installing the locked dependencies, which are taken from the environment of the tests;
that the locks name them all is tested in test_containers) and what needs root (groupadd and useradd, which
are recorded).
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import container_rules as rules

ROOT = Path(__file__).parents[2]
STEPS = rules.stages((ROOT / "Dockerfile").read_text(encoding="utf-8"))
FROM_LOCK = re.compile(r"(\S+)/bin/pip install .*--require-hashes -r (\S+)")
RECORDED = ("groupadd", "useradd")


class Build:
    """A folder ``root`` that stands for the root of an image under construction."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.context = folder / "context"
        self.shims = folder / "shims"
        self.packages = folder / "packages"
        self.environment: dict[str, str] = {}
        self.workdir, self.user = "/", ""
        self.locks: list[str] = []
        self.recorded = folder / "recorded"
        self._prepare()

    def _prepare(self) -> None:
        self.root.mkdir()
        self.shims.mkdir()
        (self.shims / "python").symlink_to(sys.executable)
        for name in RECORDED:
            shim = self.shims / name
            shim.write_text(f'#!/bin/sh\necho {name} "$@" >> "{self.recorded}"\n')
            shim.chmod(0o755)
        # What the tests run on, without the product itself.
        self.packages.mkdir()
        for one in Path(sysconfig.get_path("purelib")).iterdir():
            if "creditgate" not in one.name and one.suffix != ".pth":
                (self.packages / one.name).symlink_to(one)

    def path(self, inside: str) -> Path:
        """Where an absolute path of the image lies."""
        return self.root / inside.lstrip("/")

    def step(self, name: str, value: str) -> None:
        """Carry out one instruction."""
        if name == "RUN":
            for command in value.split("&&"):
                self._run(command.strip())
        elif name == "COPY":
            self._copy(value)
        elif name == "WORKDIR":
            self.workdir = value
            self.path(value).mkdir(parents=True, exist_ok=True)
        elif name == "ENV":
            self.environment |= dict(pair.split("=", 1) for pair in value.split())
        elif name == "USER":
            self.user = value
        else:
            assert name in {"FROM", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}, name

    def _run(self, command: str) -> None:
        assert not self.user, "nothing is built as the user of the image"
        if match := FROM_LOCK.match(command):
            venv, lock = self.path(match[1]), match[2]
            assert (self.path(self.workdir) / lock).is_file()
            self.locks.append(lock)
            (found,) = venv.glob("lib/python3*/site-packages")
            (found / "locked.pth").write_text(f"{self.packages}\n")
            return
        inside = command.replace("/opt/", f"{self.root}/opt/")
        kept = {name: value for name, value in os.environ.items() if name in ("HOME", "TMPDIR", "LANG")}
        kept["PATH"] = f"{self.shims}:/usr/bin:/bin"
        done = subprocess.run(
            ["sh", "-euc", inside],
            cwd=self.path(self.workdir),
            env=kept,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    def _copy(self, value: str) -> None:
        *sources, target = [part for part in value.split() if not part.startswith("--")]
        earlier = "--from=build" in value
        for source in sources:
            origin = (self.root.with_name("build") / source.lstrip("/")) if earlier else self.context / source
            assert origin.exists(), f"{source} is not in the context"
            into = self.path(target) if target.startswith("/") else self.path(self.workdir) / target
            if origin.is_dir():
                shutil.copytree(origin, into, symlinks=True, dirs_exist_ok=True)
            else:
                into.mkdir(parents=True, exist_ok=True)
                shutil.copy(origin, into)

    def next_stage(self) -> None:
        """Begin a stage on a bare base; what was built before is kept to be copied from."""
        self.root.rename(self.root.with_name("build"))
        self.root.mkdir()
        self.environment, self.workdir = {}, "/"


def context(target: Path) -> None:
    """Copy what .dockerignore lets through: the last pattern that fits decides."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]

    def ignored(relative: str) -> bool:
        verdict = False
        for pattern in patterns:
            plain = pattern.removeprefix("!").removeprefix("**/")
            parts = Path(relative).parts
            deep = any(fnmatch.fnmatch(part, plain) for part in parts)
            if fnmatch.fnmatch(parts[0], plain) or ("**/" in pattern and deep):
                verdict = not pattern.startswith("!")
        return verdict

    for origin in ROOT.iterdir():
        if ignored(origin.name):
            continue
        if origin.is_file():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, target)
            continue
        for path in origin.rglob("*"):
            relative = str(path.relative_to(ROOT))
            if path.is_file() and not ignored(relative):
                (target / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target / relative)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    build = Build(tmp_path_factory.mktemp("image"))
    context(build.context)
    for number, stage in enumerate(STEPS):
        if number:
            build.next_stage()
        for name, value in stage:
            build.step(name, value)
    yield build


def of(instruction: str) -> str:
    return next(value for name, value in STEPS[-1] if name == instruction)


def start(image: Build, *arguments: str) -> subprocess.Popen[str]:
    """What a container with these arguments runs, in the environment of the image."""
    environment = {
        name: value.replace("/opt/", f"{image.root}/opt/").replace("=/data", f"={image.root}/data")
        for name, value in image.environment.items()
    }
    environment["PATH"] = environment["PATH"].replace("$PATH", "/usr/bin:/bin")
    environment["CREDITGATE_HOME"] = str(image.path("/data"))
    program = shutil.which(json.loads(of("ENTRYPOINT"))[0], path=environment["PATH"])
    assert program is not None and program.startswith(str(image.root))
    return subprocess.Popen(
        [program, *arguments],
        env=environment,
        cwd=image.path("/data"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, f"{out}\n{err}"
    return out + err


def test_the_context_has_what_is_copied_and_nothing_else(image: Build) -> None:
    found = {path.name for path in image.context.iterdir()}
    copied = {
        source
        for stage in STEPS
        for name, value in stage
        if name == "COPY" and "--from" not in value
        for source in value.split()[:-1]
    }
    assert found == copied
    assert not list(image.context.rglob("__pycache__")) and not list(image.context.rglob("*.pyc"))


def test_the_image_has_the_program_of_this_tree_and_no_tools_to_build(image: Build) -> None:
    assert image.locks == ["requirements.lock", "requirements-image.lock"]
    (packages,) = image.path("/opt/creditgate").glob("lib/python3*/site-packages")
    built = (packages / "connector" / "http.py").read_bytes()
    assert built == (ROOT / "connector" / "http.py").read_bytes()
    names = {path.name for path in packages.iterdir()}
    assert not {"pip", "setuptools"} & names
    assert not image.path("/opt/build").exists() and not image.path("/src").exists()
    assert "--uid 10001" in image.recorded.read_text() and "--gid 10001" in image.recorded.read_text()
    assert image.user == "10001:10001"


def test_a_container_says_its_version_prepares_its_home_serves_and_is_healthy(image: Build) -> None:
    before = {path: path.stat().st_mtime_ns for path in image.path("/opt").rglob("*") if path.is_file()}
    assert "0.1.0" in finished(start(image, "--version"))
    finished(start(image, "init", str(image.path("/data"))))
    assert (image.path("/data") / "policies" / "standard.yaml").is_file()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [part.replace("8080", port).replace("0.0.0.0", "127.0.0.1") for part in json.loads(of("CMD"))]
    service = start(image, *command)
    try:
        check = json.loads(of("HEALTHCHECK").partition("CMD")[2])
        check = [sys.executable, *check[1:-1], check[-1].replace("8080", port)]
        until = time.monotonic() + 30
        while subprocess.run(check, capture_output=True, check=False).returncode:
            assert service.poll() is None, service.communicate()
            assert time.monotonic() < until, "the health check does not pass"
            time.sleep(0.1)
    finally:
        service.send_signal(signal.SIGTERM)
        service.communicate(timeout=30)
    assert service.returncode == 0
    after = {path: path.stat().st_mtime_ns for path in image.path("/opt").rglob("*") if path.is_file()}
    assert after == before, "nothing is written outside of /data: the root may be read-only"
