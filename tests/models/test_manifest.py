from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models.manifest import read_manifest

WriteModel = Callable[..., Path]
MEMBER = {"name": "a", "file": "a.onnx", "sha256": "00", "diameter_px": 64}
CLASSIFIER = {"kind": "classification", "classes": ["a", "b"], "side_px": 128}


def members(**changes: Any) -> dict[str, Any]:
    return {"members": [MEMBER | changes]}


def test_manifest_is_read(write_model: WriteModel) -> None:
    folder = write_model("mine", figures={"iou": 0.9}, training_data=["bccd"], unknown=[1])
    manifest = read_manifest(folder)
    assert (manifest.name, manifest.kind, manifest.folder) == ("mine", "segmentation", folder)
    (member,) = manifest.members
    assert member.file == folder / "net.onnx"
    assert (member.weight, member.diameter_px) == (2.0, 64.0)
    assert manifest.figures == {"iou": 0.9}
    assert manifest.training_data == ("bccd",)
    classifier = read_manifest(write_model("other", **CLASSIFIER, temperature=2))
    assert (classifier.classes, classifier.side_px, classifier.temperature) == (("a", "b"), 128, 2)
    assert hash(classifier) != hash(manifest)
    (unweighted,) = read_manifest(write_model("third", **members(file="net.onnx"))).members
    assert unweighted.weight == 1.0


HOSTILE: list[dict[str, Any]] = [
    *(
        members(file=f)
        for f in (
            "../a.onnx",
            "/etc/passwd",
            "sub/a.onnx",
            "..\\a.onnx",
            "..",
            ".",
            "",
            "a\0b",
            5,
            None,
        )
    ),
    *(
        members(weight=w)
        for w in (0, -1, float("nan"), float("inf"), 1e300, 10**400, "1", None, True)
    ),
    *(members(diameter_px=d) for d in (0, 7, 1025, float("nan"), 10**400, "64", None, [64])),
    *(members(name=n) for n in (None, 5, ["a"])),
    members(sha256=None),
    {"members": []},
    {"members": {}},
    {"members": "a"},
    {"members": None},
    {"members": [[]]},
    {"members": ["a.onnx"]},
    {"members": [MEMBER, MEMBER]},
    {"schema": 2},
    {"schema": "1"},
    {"schema": None},
    {"kind": "detection"},
    {"kind": None},
    {"kind": ["segmentation"]},
    {"name": ""},
    {"name": None},
    {"name": 5},
    {"title": {}},
    {"figures": []},
    {"training_data": "bccd"},
    {"training_data": [5]},
    CLASSIFIER | {"classes": "ab"},
    CLASSIFIER | {"classes": ["a"]},
    CLASSIFIER | {"classes": ["a", "a", "b"]},
    CLASSIFIER | {"classes": []},
    *(CLASSIFIER | {"side_px": s} for s in (0, 31, 1025, 128.5, float("inf"), float("nan"), "128")),
    *(CLASSIFIER | {"temperature": t} for t in (0, -1, float("nan"), float("inf"), 10**400, "1")),
]


@pytest.mark.parametrize("changes", HOSTILE, ids=lambda c: str(c)[:60])
def test_hostile_manifests_are_refused(write_model: WriteModel, changes: dict[str, Any]) -> None:
    folder = write_model("mine", **changes)
    with pytest.raises(ModelError) as caught:
        read_manifest(folder)
    message = str(caught.value)
    assert str(folder) in message
    assert message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize("missing", ["schema", "kind", "name", "title", "members"])
def test_what_is_missing_is_named(write_model: WriteModel, missing: str) -> None:
    path = write_model("mine") / "manifest.json"
    data = json.loads(path.read_text())
    del data[missing]
    path.write_text(json.dumps(data))
    with pytest.raises(ModelError, match=missing):
        read_manifest(path.parent)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"5",
        b'"text"',
        b"\xff\xfe\x00",
        b"PK\x03\x04",
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b"1" * 10_000,
    ],
    ids=lambda c: str(c[:20]),
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"^[^\n]*manifest.json[^\n]*\.$"):
        read_manifest(tmp_path)


def test_folder_without_a_manifest_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a model"):
        read_manifest(tmp_path)
    with pytest.raises(ModelError, match="not a model"):
        read_manifest(tmp_path / "missing")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = (
    "schema",
    "kind",
    "name",
    "title",
    "members",
    "classes",
    "side_px",
    "temperature",
    "figures",
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    st.dictionaries(st.sampled_from(KEYS), JSON),
    st.dictionaries(st.sampled_from([*MEMBER, "weight"]), JSON),
)
def test_no_json_makes_it_stumble(
    tmp_path: Path, changes: dict[str, Any], member: dict[str, Any]
) -> None:
    whole = {"schema": 1, "kind": "segmentation", "name": "a", "title": "", **members(**member)}
    (tmp_path / "manifest.json").write_text(json.dumps(whole | changes), encoding="utf-8")
    try:
        manifest = read_manifest(tmp_path)
    except ModelError:
        return
    assert all(m.file.parent == tmp_path for m in manifest.members)
