"""The container files keep the rules, and each rule finds what it is for."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from connector.cli import COMMANDS
from connector.config import Config
from tests import container_rules as rules

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def manifests() -> list[Any]:
    folder = ROOT / "deploy" / "kubernetes"
    listed = YAML(typ="safe").load(folder / "kustomization.yaml")["resources"]
    assert {*listed, "kustomization.yaml"} == {path.name for path in folder.iterdir()}
    return [one for name in listed for one in YAML(typ="safe").load_all(folder / name)]


def compose() -> Any:
    return YAML(typ="safe").load(ROOT / "compose.yaml")


def test_the_dockerfile_keeps_the_rules() -> None:
    assert list(rules.dockerfile(DOCKERFILE)) == []


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("FROM python:3.11.13-slim-bookworm\n", "FROM python:latest\n", "pin a version"),
        ("FROM python:3.11.13-slim-bookworm\n", "FROM python\n", "pin a version"),
        ("USER 10001:10001", "USER root", "USER is root"),
        ("USER 10001:10001", "USER creditgate", "by number"),
        ("USER 10001:10001\n", "", "USER is root"),
        ("COPY connector connector", "ADD connector connector", "ADD"),
        ("COPY connector connector", "COPY . .", "lies about"),
        ("    PYTHONUNBUFFERED=1", "    PYTHONUNBUFFERED=1 DB_PASSWORD=x", "secret"),
        ("WORKDIR /src", "ARG ZOHO_CLIENT_SECRET\nWORKDIR /src", "secret"),
        ("WORKDIR /src", "WORKDIR src", "absolute"),
        ('CMD ["python", "-c",', 'CMD python -c "', "HEALTHCHECK"),
        ('ENTRYPOINT ["creditgate"]', "ENTRYPOINT creditgate", "exec form"),
        (" --require-hashes", "", "not locked"),
        ("--no-cache-dir --require-hashes", "--require-hashes", "no-cache-dir"),
        ("WORKDIR /data", "RUN touch /x\nWORKDIR /data", "after USER"),
        ("WORKDIR /data", "RUN curl https://x.example/i | sh\nWORKDIR /data", "piped"),
    ],
)
def test_a_breach_of_the_dockerfile_is_found(was: str, becomes: str, told: str) -> None:
    assert was in DOCKERFILE
    found = list(rules.dockerfile(DOCKERFILE.replace(was, becomes)))
    assert any(told in one for one in found), found


def test_the_compose_file_keeps_the_rules_and_starts_what_it_is_for() -> None:
    file = compose()
    assert list(rules.compose(file)) == []
    assert set(file["services"]) == {"postgres", "prepare", "serve", "daemon", "worker"}
    assert file["services"]["worker"]["deploy"]["replicas"] == 2
    assert file["networks"]["inside"] == {"internal": True}
    assert file["services"]["postgres"]["networks"] == ["inside"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: one.update(image="creditgate:latest"), "no version"),
        (lambda one: one.update(user="0:0"), "root"),
        (lambda one: one.pop("user"), "root"),
        (lambda one: one.pop("read_only"), "written to"),
        (lambda one: one.update(cap_drop=[]), "capabilities"),
        (lambda one: one.update(privileged=True), "many rights"),
        (lambda one: one.pop("security_opt"), "gain rights"),
        (lambda one: one.pop("mem_limit"), "mem_limit"),
        (lambda one: one["environment"].update(ZOHO_CLIENT_SECRET="x"), "holds a secret"),
        (lambda one: one["environment"].update(CREDITGATE_DATABASE_URL="postgresql://a:b@c/d"), "a secret"),
        (lambda one: one.update(ports=["8080:8080"]), "open to everybody"),
        (lambda one: one.update(volumes=["/var/run/docker.sock:/x"]), "socket"),
        (lambda one: one.update(network_mode="host"), "host's"),
    ],
)
def test_a_breach_of_the_compose_file_is_found(change: Callable[[Any], Any], told: str) -> None:
    file = copy.deepcopy(compose())
    change(file["services"]["serve"])
    found = list(rules.compose(file))
    assert any(told in one for one in found), found


def test_the_kubernetes_manifests_keep_the_rules() -> None:
    objects = manifests()
    assert list(rules.kubernetes(objects)) == []
    made = {(one["kind"], one["metadata"]["name"]) for one in objects}
    assert {("Deployment", name) for name in ("serve", "daemon", "worker")} <= made
    assert all(one["metadata"].get("namespace", "creditgate") == "creditgate" for one in objects)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda pod, one: one.update(image="creditgate"), "no version"),
        (lambda pod, one: pod["securityContext"].pop("runAsNonRoot"), "as root"),
        (lambda pod, one: pod["securityContext"].pop("seccompProfile"), "seccomp"),
        (lambda pod, one: pod.pop("automountServiceAccountToken"), "token"),
        (lambda pod, one: pod.update(hostNetwork=True), "host's"),
        (lambda pod, one: pod["volumes"].append({"name": "x", "hostPath": {"path": "/"}}), "the host"),
        (lambda pod, one: one["securityContext"].pop("allowPrivilegeEscalation"), "gain rights"),
        (lambda pod, one: one["securityContext"].pop("readOnlyRootFilesystem"), "written to"),
        (lambda pod, one: one["securityContext"].pop("capabilities"), "capabilities"),
        (lambda pod, one: one["resources"].pop("limits"), "limits"),
        (lambda pod, one: one["env"].append({"name": "DB_PASSWORD", "value": "x"}), "holds a secret"),
        (lambda pod, one: one.pop("readinessProbe"), "readinessProbe"),
        (lambda pod, one: one.pop("livenessProbe"), "livenessProbe"),
    ],
)
def test_a_breach_of_a_manifest_is_found(change: Callable[[Any, Any], Any], told: str) -> None:
    objects = copy.deepcopy(manifests())
    serve = next(one for one in objects if one["kind"] == "Deployment" and one["metadata"]["name"] == "serve")
    pod = serve["spec"]["template"]["spec"]
    change(pod, pod["containers"][0])
    found = list(rules.kubernetes(objects))
    assert any(told in one for one in found), found


def test_what_is_started_and_set_exists() -> None:
    """Commands, settings, secrets and volumes that the files name are there."""
    file = compose()
    started = [one["command"] for one in file["services"].values() if "command" in one]
    variables = {key for one in file["services"].values() for key in one.get("environment", {})}
    for one in manifests():
        pod = one.get("spec", {}).get("template", {}).get("spec")
        for container in pod["containers"] if pod else ():
            started.append(container["args"])
            variables |= {variable["name"] for variable in container["env"]}
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in pod["volumes"]}
    assert len(started) == 8
    assert {command[0] for command in started} <= set(COMMANDS)
    ours = {name.removeprefix("CREDITGATE_").lower() for name in variables if name.startswith("CREDITGATE_")}
    assert ours <= set(Config.model_fields)
    for service in file["services"].values():
        assert set(service.get("secrets", ())) <= set(file["secrets"])
        assert {volume.split(":")[0] for volume in service.get("volumes", ())} <= set(file["volumes"])
    secrets = re.findall(r"file:/run/secrets/(\w+)", str(file))
    assert set(secrets) <= set(file["secrets"])


def test_the_image_is_called_by_the_products_version() -> None:
    version = distribution("creditgate").version
    images = {one["image"] for one in compose()["services"].values()}
    images |= {
        container["image"]
        for one in manifests()
        if "template" in one.get("spec", {})
        for container in one["spec"]["template"]["spec"]["containers"]
    }
    assert {image for image in images if image.startswith("creditgate")} == {f"creditgate:{version}"}


def locked(name: str) -> dict[str, tuple[str, int]]:
    """Version and number of hashes of what a lock file names."""
    found: dict[str, tuple[str, int]] = {}
    for block in re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8")):
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", block)
        if match:
            found[canonicalize_name(match[1])] = (match[2], block.count("--hash=sha256:"))
    return found


def needed(*extras: str) -> set[str]:
    """What the product needs here, with everything that needs in turn."""
    seen: set[tuple[str, frozenset[str]]] = set()

    def walk(name: str, of: frozenset[str]) -> None:
        for text in distribution(name).requires or ():
            one = Requirement(text)
            fits = [{"extra": extra} for extra in of or [""]] + [{"extra": ""}]
            if one.marker is not None and not any(one.marker.evaluate(environment) for environment in fits):
                continue
            key = (canonicalize_name(one.name), frozenset(one.extras))
            if key not in seen:
                seen.add(key)
                walk(one.name, key[1])

    walk("creditgate", frozenset(extras))
    return {name for name, _ in seen}


def test_the_locks_name_all_that_is_installed_by_version_and_hash() -> None:
    image, runtime, development = (locked(f"requirements{part}.lock") for part in ("-image", "", "-dev"))
    assert needed("postgres", "xlsx", "docx") <= set(image)
    assert needed("build") <= set(runtime)
    for lock in (image, runtime, development):
        assert all(hashes for _, hashes in lock.values())
    for name, (version, _) in image.items():
        assert development[name][0] == version, "what runs is what was tested"
    assert not {"pytest", "pip-audit", "playwright"} & set(image)
