"""Runs on real workers: killed, resumed, joined, refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from benchmarks import make_slide
from benchmarks.workers import contents, run_until
from napari_leukocyte.io.slides.field import SlideField, write_slide_field
from napari_leukocyte.io.slides.opening import fingerprint
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.samples.synthetic import synthetic_smear

#: One network of three, so that a run takes seconds.
ONE = "one"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of models with the first member of the shipped ensemble alone."""
    folder = tmp_path_factory.mktemp("models")
    shipped = find_model("segmentation").members[0]
    (folder / ONE).mkdir()
    shutil.copy(shipped.file, folder / ONE / "m.onnx")
    member = {
        "name": "m",
        "file": "m.onnx",
        "sha256": shipped.sha256,
        "weight": 1.0,
        "diameter_px": shipped.diameter_px,
    }
    manifest = {"schema": 1, "kind": "segmentation", "name": ONE, "title": "", "members": [member]}
    (folder / ONE / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for number in range(4):
        smear = synthetic_smear((220, 260), number, {"lymphocyte": 1, "neutrophil": 1}, 64.0, 0)
        name = str(folder / f"field {number}.png")
        assert cv2.imwrite(name, cv2.cvtColor(smear.image, cv2.COLOR_RGB2BGR))
    parts = make_slide.fields({"neutrophil": 2, "lymphocyte": 2})
    slide = folder / "slide.svs"
    make_slide.write_slide(slide, (600, 700), parts, levels=1)
    field = SlideField(str(slide), fingerprint(slide), 50, 70, 300, 300)
    write_slide_field(folder / "field of a slide.slidefield", field)
    return folder


def command(images: Path, out: Path, *options: str) -> list[str]:
    return [
        *(sys.executable, "-m", "napari_leukocyte", "run", str(images), "--out", str(out)),
        *("--model", ONE, "--diameter", "70", *options),
    ]


def environment(models: Path) -> dict[str, str]:
    return os.environ | {"NAPARI_LEUKOCYTE_MODELS": str(models)}


def run(models: Path, images: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(images, out, *options),
        env=environment(models),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def undisturbed(
    models: Path, images: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, object]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    done = run(models, images, out)
    assert done.returncode == 0, done.stderr
    assert "6 images" in done.stdout
    return contents(out)


def test_killed_and_resumed(
    models: Path, images: Path, undisturbed: dict[str, object], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    line = command(images, out, "--workers", "2", "--log", "json")
    # A worker is lost, and later everything.
    assert run_until(line, 0.2, kill_worker=True, environment=environment(models))
    assert not (out / "objects.csv").exists()
    refused = run(models, images, out)
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr
    done = run(models, images, out, "--resume", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert contents(out) == undisturbed
    again = run(models, images, out, "--resume")
    assert again.returncode == 0
    assert "nothing is left to do" in again.stderr
    assert contents(out) == undisturbed
    other = run(models, images, out, "--resume", "--no-classify")
    assert other.returncode == 2
    assert "another run" in other.stderr


def test_workers_of_a_scheduler(
    models: Path, images: Path, undisturbed: dict[str, object], tmp_path: Path
) -> None:
    from distributed import LocalCluster

    other = tmp_path / "other models"
    shutil.copytree(models, other)
    manifest = other / ONE / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"weight": 1.0', '"weight": 2.0'))

    def cluster(folder: Path) -> LocalCluster:
        return LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            dashboard_address=None,
            env={"NAPARI_LEUKOCYTE_MODELS": str(folder)},
        )

    with cluster(other) as strangers:
        refused = run(models, images, tmp_path / "a", "--scheduler", strangers.scheduler_address)
    assert refused.returncode == 2
    assert refused.stderr.startswith("The worker tcp://")
    assert refused.stderr.count(f"{ONE} (") == 2
    assert not (tmp_path / "a").exists()
    with cluster(models) as workers:
        done = run(models, images, tmp_path / "b", "--scheduler", workers.scheduler_address)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "b") == undisturbed


def test_failures_are_named_at_the_end(models: Path, images: Path, tmp_path: Path) -> None:
    some = tmp_path / "some"
    some.mkdir()
    shutil.copy(images / "field 0.png", some)
    (some / "broken.svs").write_bytes(b"nothing")
    out = tmp_path / "out"
    done = run(models, some, out, "--resume")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "1 of 2 images failed.",
        f"{some / 'broken.svs'} is not a TIFF, or is cut off.",
    ]
    make_slide.write_slide(some / "broken.svs", (300, 300), make_slide.fields({}), levels=1)
    done = run(models, some, out, "--resume", "--log", "json")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()][-1] == "done"
    assert not (out / ".napari-leukocyte-run").exists()


def test_wrong_options(models: Path, images: Path, tmp_path: Path) -> None:
    for options, sentence in (
        (("--workers", "2", "--scheduler", "tcp://127.0.0.1:1"), "not both"),
        (("--scheduler", "tcp://127.0.0.1:1"), "no scheduler at tcp://127.0.0.1:1"),
    ):
        done = run(models, images, tmp_path / "out", *options)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert sentence in done.stderr
        assert not (tmp_path / "out").exists()


def test_dask_is_loaded_only_when_it_is_used() -> None:
    code = (
        "import sys, napari_leukocyte.cli.run, napari_leukocyte.cli.batch;"
        "print({'dask', 'distributed', 'openslide', 'pyarrow.parquet', 'wsidicom', 'zarr'}"
        " & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
