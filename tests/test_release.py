"""The release: wheel and sdist, and the files by which others' services know the project."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from npe2 import PluginManifest
from packaging.version import Version

from tests import clean_environments

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: The newest version in the changelog.
RELEASED = re.findall(
    r"^## \[?(\d[\w.]*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
)[0]
#: Most that PyPI and patience allow, bytes.
LARGEST = 60_000_000
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
#: Files by the schema, of those that come with check-jsonschema, that they must keep.
SCHEMAS = [
    ("github-workflows", ".github/workflows/*.yml"),
    ("dependabot", ".github/dependabot.yml"),
    ("github-issue-forms", ".github/ISSUE_TEMPLATE/[!c]*.yml"),
    ("github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
    ("citation-file-format", "CITATION.cff"),
]
#: Packages that conda-forge calls otherwise; its napari brings a Qt of its own.
ON_CONDA_FORGE = {"opencv-python-headless": "py-opencv", "napari": "napari-base"}


def call(*command: object, **env: str) -> str:
    """Run a program of this environment; return what it prints, or fail with it."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# Wheel and sdist --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build both, without the network, and return them by their kind."""
    folder = tmp_path_factory.mktemp("dist")
    call("-m", "build", "--no-isolation", "--outdir", folder)
    return {"wheel": next(folder.glob("*.whl")), "sdist": next(folder.glob("*.tar.gz"))}


def test_both_pass_the_checks_of_pypi(dist: dict[str, Path]) -> None:
    assert "FAILED" not in call("-m", "twine", "check", "--strict", *dist.values())
    # W002: two members may well have the same small file, such as an empty __init__.py.
    call("-m", "check_wheel_contents", "--ignore", "W002", dist["wheel"])
    assert {k: p.stat().st_size for k, p in dist.items() if p.stat().st_size > LARGEST} == {}


def test_the_wheel_has_the_version_of_the_sdist_that_it_was_built_from(
    dist: dict[str, Path],
) -> None:
    """Git is out of reach there."""
    version = dist["wheel"].name.split("-")[1]
    assert dist["sdist"].name == f"napari_leukocyte-{version}.tar.gz"
    assert Version(version) >= Version(f"{RELEASED}.dev0")


def test_versions_are_those_of_the_tags(tmp_path: Path) -> None:
    """From nothing, without tags, at a tag, and after it."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    given = [f"GIT_{who}_{what}=a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
    env = {**os.environ, **dict(pair.split("=") for pair in given)}

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def version(*commands: str) -> str:
        for command in commands:
            run("git", *command.split())
        return run(sys.executable, "-m", "hatchling", "version")

    def commit(name: str) -> str:
        return f"commit --allow-empty --no-gpg-sign -m {name}"

    assert version() == f"{RELEASED}.dev0"
    untagged = version("init", "add .", commit("one"))
    assert untagged.startswith(f"{RELEASED}.dev1+g")
    assert version("tag v7.0.0") == "7.0.0"
    assert version(commit("two")).startswith("7.0.1.dev1+g")


def test_the_wheel_holds_all_that_the_plugin_needs(dist: dict[str, Path]) -> None:
    names = set(zipfile.ZipFile(dist["wheel"]).namelist())
    package = ROOT / "src" / "napari_leukocyte"
    there = {
        f"napari_leukocyte/{path.relative_to(package).as_posix()}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "napari_leukocyte/napari.yaml" in there
    assert there - names == set()
    assert {name.split("/")[0] for name in names - there} == {
        f"napari_leukocyte-{dist['wheel'].name.split('-')[1]}.dist-info"
    }


def test_the_sdist_holds_sources_tests_and_pages(dist: dict[str, Path]) -> None:
    with tarfile.open(dist["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "pyproject.toml",
        "LICENSE",
        "CHANGELOG.md",
        "run.py",
        "mkdocs.yml",
        "docs/index.md",
        "tests/test_release.py",
        "training/README.md",
    } <= names
    out = (".ci/", ".git/", ".github/", "docs/images/", "site/", "training/runs/")
    assert [name for name in names if name.startswith(out)] == []


# Others' files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("schema", "pattern"), SCHEMAS, ids=[s for s, _ in SCHEMAS])
def test_files_keep_their_schemas(schema: str, pattern: str) -> None:
    files = sorted(ROOT.glob(pattern))
    assert files
    call("-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


def jobs() -> Iterator[tuple[str, dict[str, str]]]:
    """Iterate over the commands of all workflows with the environment of each matrix entry."""
    for path in WORKFLOWS:
        for job in read_yaml(path)["jobs"].values():
            matrix = dict(job.get("strategy", {}).get("matrix", {}))
            further = matrix.pop("include", [])
            entries = [
                dict(zip(matrix, values, strict=True)) for values in product(*matrix.values())
            ]
            for entry in [*entries, *further]:
                known = {f"matrix.{k}": v for k, v in entry.items()}
                known |= {"github.ref_name": f"v{RELEASED}"}

                def filled(text: str, known: dict[str, str] = known) -> str:
                    return re.sub(r"\$\{\{ (.+?) \}\}", lambda m: known[m[1]], text)

                env = {name: filled(value) for name, value in job.get("env", {}).items()}
                for step in job["steps"]:
                    if "run" in step:
                        yield filled(step["run"]), env


def test_workflows_run_what_run_py_knows() -> None:
    seen = set()
    for command, env in jobs():
        program, script, *arguments = shlex.split(command)
        assert (program, script) == ("python", "run.py")
        cut = arguments.index("--") if "--" in arguments else len(arguments)
        printed = call(script, *arguments[:cut], "--dry-run", *arguments[cut:], **env)
        seen.add(printed.split(":")[0])
        assert printed.strip()
    assert seen == {"pyqt6 newest", "pyqt6 lowest", "pyside6 newest"}


def test_clean_environments_try_tests_that_are_there() -> None:
    named = (*clean_environments.CORE, *clean_environments.WINDOW)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_workflows_cover_systems_and_pythons() -> None:
    matrix = read_yaml(ROOT / ".github/workflows/test.yml")["jobs"]["tests"]["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "windows", "macos"}
    supported = {c[-4:] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)}
    assert set(matrix["python"]) == supported


def test_run_py_refuses_other_bindings_and_tags() -> None:
    for arguments, env, sentence in (
        (["test", "--dry-run"], {"NAPARI_LEUKOCYTE_QT": "qt4"}, "choose pyqt6 or pyside6"),
        (["release"], {}, "say which tag"),
        (["wheel", "3.10"], {}, "say which Python"),
    ):
        done = subprocess.run(
            [sys.executable, "run.py", *arguments],
            cwd=ROOT,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert sentence in done.stderr


def test_the_citation_is_of_this_version() -> None:
    citation = read_yaml(ROOT / "CITATION.cff")
    assert citation["version"] == RELEASED
    assert citation["license"] == PROJECT["license"]
    assert citation["title"] == PROJECT["name"]
    assert citation["authors"] == PROJECT["authors"]


def test_the_recipe_has_the_dependencies() -> None:
    recipe = read_yaml(ROOT / "conda-forge" / "recipe.yaml")
    assert recipe["context"]["version"] == RELEASED
    pairs = [re.match(r"([\w.-]+)(>=[\w.]+)", d) for d in PROJECT["dependencies"]]
    wanted = {f"{ON_CONDA_FORGE.get(m[1], m[1]).lower()} {m[2]}" for m in pairs if m}
    assert len(wanted) == len(PROJECT["dependencies"])
    assert {d for d in recipe["requirements"]["run"] if not d.startswith("python ")} == wanted
    low, below = re.fullmatch(r">=([\d.]+),<([\d.]+)", PROJECT["requires-python"]).groups()  # type: ignore[union-attr]
    assert recipe["context"]["python_min"] == low
    assert recipe["requirements"]["run"][0] == f"python >=${{{{ python_min }}}},<{below}"
    about = recipe["about"]
    assert (about["license"], about["summary"]) == (PROJECT["license"], PROJECT["description"])
    assert [about["license_file"]] == PROJECT["license-files"]
    program = PROJECT["scripts"]["napari-leukocyte"]
    assert recipe["build"]["python"]["entry_points"] == [f"napari-leukocyte = {program}"]


def test_the_container_installs_what_there_is() -> None:
    """Its Python, the extras of its wheel, what it starts, and what a build of it is given."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    pythons = {Version(v) for v in re.findall(r"^FROM python:([\d.]+)-", text, re.MULTILINE)}
    supported = {c.rpartition(" ")[2] for c in PROJECT["classifiers"]}
    assert pythons
    assert {str(v) for v in pythons} <= supported
    extras = {e for found in re.findall(r"\{WHEEL\}\[([\w,]+)\]", text) for e in found.split(",")}
    assert extras
    assert extras <= set(PROJECT["optional-dependencies"])
    started = re.findall(r'^ENTRYPOINT \["([\w-]+)"\]$', text, re.MULTILINE)
    assert set(started) == set(PROJECT["scripts"])
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", text, re.MULTILINE))
    assert set(re.findall(r"--target (\w+)", text)) == stages - {"wheel"}
    hidden = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert not {"src", "pyproject.toml", "LICENSE", PROJECT["readme"]} & set(hidden)


def test_what_the_hub_shows() -> None:
    manifest = PluginManifest.from_distribution("napari-leukocyte")
    assert {"Segmentation", "Annotation"} <= {str(c) for c in manifest.categories}
    folder = ROOT / ".napari-hub"
    text = (folder / "DESCRIPTION.md").read_text(encoding="utf-8")
    assert text.startswith("## Description")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(pictures) > 1
    assert [p for p in pictures if not (folder / p).is_file()] == []
    config = read_yaml(folder / "config.yml")
    assert len(config["summary"]) <= 120
    assert config["summary"].startswith(PROJECT["description"].rpartition(", in napari")[0])
    assert config["authors"] == PROJECT["authors"]
    named = {widget.display_name for widget in manifest.contributions.widgets or ()}
    for name in ("Segment leukocytes", "Classify and count"):
        assert f"{name}*" in text
        assert name in named
