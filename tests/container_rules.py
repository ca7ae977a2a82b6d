"""Rules for container files, in the manner of hadolint, docker-bench and the restricted pod standard.

Invariant: a rule yields one sentence a breach, naming where; no container engine is needed.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from dockerfile_parse import DockerfileParser

SECRET = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE|CREDENTIAL)", re.IGNORECASE)
PINNED = re.compile(
    r"[^\s:@]+(?::[0-9]{2,5}/[^\s:@]+)?:(?!latest\b)[A-Za-z0-9_.-]*[0-9]+\.[0-9]+[A-Za-z0-9_.-]*"
)
MANY_CAPABILITIES = {"NET_ADMIN", "SYS_ADMIN", "ALL"}


def instructions(text: str) -> list[tuple[str, str]]:
    """Instruction and value, continued lines joined."""
    parser = DockerfileParser(fileobj=io.BytesIO(text.encode()))
    return [(one["instruction"], one["value"]) for one in parser.structure if one["instruction"] != "COMMENT"]


def stages(text: str) -> list[list[tuple[str, str]]]:
    """The instructions of each stage, beginning with its FROM."""
    found: list[list[tuple[str, str]]] = []
    for name, value in instructions(text):
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, value))
    return found


def dockerfile(text: str) -> Iterator[str]:
    """Breaches of a Dockerfile."""
    built = stages(text)
    names = {
        value.split()[2] for name, value in instructions(text) if name == "FROM" and " AS " in value.upper()
    }
    if len(built) < 2:
        yield "one stage: build tools would stay in the image"
    for name, value in instructions(text):
        if name == "FROM" and value.split()[0] not in names and not PINNED.fullmatch(value.split()[0]):
            yield f"FROM {value}: pin a version (DL3006, DL3007)"
        if name == "ADD":
            yield "ADD: use COPY (DL3020)"
        if name in ("ENV", "ARG"):
            yield from _secrets(name, value)
        if name == "RUN":
            yield from _run(value)
        if name == "COPY" and value.split()[0] in (".", "./"):
            yield "COPY . takes whatever lies about"
        if name in ("CMD", "ENTRYPOINT") and not _exec_form(value):
            yield f"{name}: use the exec form, so that signals arrive (DL3025)"
        if name == "WORKDIR" and not value.startswith("/"):
            yield "WORKDIR: use an absolute path (DL3000)"
        if name == "MAINTAINER":
            yield "MAINTAINER is no longer used (DL4000)"
    yield from _last_stage(built[-1])


def _last_stage(stage: list[tuple[str, str]]) -> Iterator[str]:
    users = [value for name, value in stage if name == "USER"]
    if not users or users[-1].split(":")[0] in ("root", "0"):
        yield "the last USER is root (DL3002)"
    elif not users[-1].split(":")[0].isdigit():
        yield "USER: name it by number, so that runAsNonRoot can tell"
    checks = [value for name, value in stage if name == "HEALTHCHECK"]
    if len(checks) != 1 or not _exec_form(checks[0].partition("CMD")[2].strip()):
        yield "HEALTHCHECK: one, in exec form"
    if sum(name in ("CMD",) for name, _ in stage) > 1 or sum(name == "ENTRYPOINT" for name, _ in stage) > 1:
        yield "several CMD or ENTRYPOINT (DL4003, DL4004)"
    after = [name for name, _ in stage[[name for name, _ in stage].index("USER") :]] if users else []
    if "RUN" in after:
        yield "RUN after USER: what is in the image must not belong to who runs it"


def _run(value: str) -> Iterator[str]:
    if re.search(r"\bsudo\b", value):
        yield "RUN sudo (DL3004)"
    if re.search(r"\bapt-get install\b", value) and "--no-install-recommends" not in value:
        yield "apt-get install without --no-install-recommends (DL3015)"
    if re.search(r"\bapt(-get)? (dist-)?upgrade\b", value):
        yield "apt-get upgrade: pin a newer base (DL3005)"
    if re.search(r"curl[^|]*\|\s*(ba)?sh", value):
        yield "a script from elsewhere is piped into a shell (DL4006)"
    for command in re.split(r"&&|;", value):
        if re.search(r"\bpip3? install\b", command):
            if "--no-cache-dir" not in command:
                yield "pip install without --no-cache-dir (DL3042)"
            if "--require-hashes" not in command and "--no-index" not in command:
                yield "pip install of what is not locked (DL3013)"
    if re.search(r"chmod\s+(-R\s+)?777", value):
        yield "chmod 777"


def _secrets(name: str, value: str) -> Iterator[str]:
    for pair in re.findall(r"(?:^|\s)([A-Za-z_][A-Za-z0-9_]*)(?:=|\s|$)", value):
        if SECRET.search(pair):
            yield f"{name} {pair}: a secret would stay in the image's history"


def _exec_form(value: str) -> bool:
    try:
        return isinstance(json.loads(value), list)
    except ValueError:
        return False


def compose(file: Mapping[str, Any]) -> Iterator[str]:
    """Breaches of a compose file."""
    for name, service in file["services"].items():
        if not PINNED.fullmatch(service.get("image", "")):
            yield f"{name}: the image has no version"
        if str(service.get("user", "")).split(":")[0] in ("", "0", "root"):
            yield f"{name}: runs as root"
        if service.get("read_only") is not True:
            yield f"{name}: the root file system can be written to"
        if service.get("cap_drop") != ["ALL"]:
            yield f"{name}: keeps capabilities"
        if set(service.get("cap_add", ())) & MANY_CAPABILITIES or service.get("privileged"):
            yield f"{name}: has many rights"
        if "no-new-privileges:true" not in service.get("security_opt", ()):
            yield f"{name}: may gain rights"
        for limit in ("mem_limit", "pids_limit"):
            if not service.get(limit):
                yield f"{name}: no {limit}"
        if not service.get("restart"):
            yield f"{name}: says nothing about restarts"
        for key, value in (service.get("environment") or {}).items():
            if (SECRET.search(key) or "://" in str(value)) and not _by_file(key, str(value)):
                yield f"{name}: {key} holds a secret; name a file"
        for port in service.get("ports", ()):
            if not str(port).startswith("127.0.0.1:"):
                yield f"{name}: port {port} is open to everybody"
        if any("docker.sock" in str(volume) for volume in service.get("volumes", ())):
            yield f"{name}: the engine's socket"
        if service.get("network_mode") == "host" or service.get("pid") == "host":
            yield f"{name}: shares the host's network or processes"
    for name, secret in (file.get("secrets") or {}).items():
        if "file" not in secret and not secret.get("external"):
            yield f"secret {name}: comes from no file"


def _by_file(key: str, value: str) -> bool:
    return value.startswith("file:/run/secrets/") or (key.endswith("_FILE") and value.startswith("/run/"))


def kubernetes(objects: list[Mapping[str, Any]]) -> Iterator[str]:
    """Breaches of Kubernetes manifests."""
    for one in objects:
        kind, name = one["kind"], one["metadata"]["name"]
        if kind == "Secret" and (one.get("data") or one.get("stringData")):
            yield f"{name}: a secret in a manifest"
        template = (
            one.get("spec", {}).get("template") if kind in ("Deployment", "Job", "StatefulSet") else None
        )
        if template is not None:
            yield from _pod(f"{kind} {name}", template["spec"], long=kind != "Job")
        if kind == "Deployment" and template["metadata"]["labels"] != one["spec"]["selector"]["matchLabels"]:
            yield f"{name}: selects other pods than it makes"


def _pod(where: str, pod: Mapping[str, Any], *, long: bool) -> Iterator[str]:
    security = pod.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield f"{where}: may run as root"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield f"{where}: no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield f"{where}: gets a token for the cluster"
    if any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
        yield f"{where}: shares what is the host's"
    if any("hostPath" in volume for volume in pod.get("volumes", ())):
        yield f"{where}: mounts the host"
    for container in pod["containers"]:
        at = f"{where}, {container['name']}"
        own = container.get("securityContext", {})
        if not PINNED.fullmatch(container.get("image", "")):
            yield f"{at}: the image has no version"
        if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
            yield f"{at}: may gain rights"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"{at}: the root file system can be written to"
        if own.get("capabilities", {}).get("drop") != ["ALL"]:
            yield f"{at}: keeps capabilities"
        for side in ("requests", "limits"):
            if not {"cpu", "memory"} <= set(container.get("resources", {}).get(side, {})):
                yield f"{at}: no {side} of cpu and memory"
        for variable in container.get("env", ()):
            value = str(variable.get("value", ""))
            if (SECRET.search(variable["name"]) or "://" in value) and not value.startswith(
                "file:/run/secrets/"
            ):
                yield f"{at}: {variable['name']} holds a secret; name a file"
        if long and container.get("ports"):
            for probe in ("readinessProbe", "livenessProbe"):
                if probe not in container:
                    yield f"{at}: no {probe}"
