"""Files that ship with a classifier come back as written; all else is one sentence."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.models.artifact import ArtifactError, ArtifactKind
from napari_leukocyte.models.manifest import Manifest, Member

_WORDS: dict[str, Any] = {"tie": "tied_to", "subject": "The words were", "otherwise": "none shown"}
#: A header alone, one beside its arrays, and one among them.
KINDS = {
    "header": ArtifactKind("sets.json", **_WORDS),
    "pair": ArtifactKind("words.json", arrays="words.npz", checksum="sha256", **_WORDS),
    "archive": ArtifactKind("home.npz", checksum="checksum", **_WORDS),
}


def classifier(folder: Path, sha256: str = "ab" * 32) -> Manifest:
    member = Member("net", folder / "net.onnx", sha256, 1.0, 84.0)
    return Manifest("mine", "classification", "Mine", folder, (member,), ("a", "b"), 128)


def written(kind: ArtifactKind, folder: Path) -> Path:
    arrays = {"means": np.arange(6.0).reshape(2, 3), "few": np.array([1, -3], np.int8)}
    header = {"tied_to": ["ab" * 32], "names": ["ä", "b"], "share": None}
    return kind.write(
        folder, header, arrays if kind.header.endswith("npz") or kind.arrays else None
    )


@pytest.mark.parametrize("name", KINDS)
def test_what_was_written_comes_back(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    assert kind.read(tmp_path, classifier(tmp_path)) is None
    path = written(kind, tmp_path / "new")
    found = kind.read(path.parent, classifier(tmp_path))
    assert found is not None
    assert (found.header["names"], found.header["share"]) == (["ä", "b"], None)
    if name != "header":
        np.testing.assert_array_equal(found.arrays["means"], np.arange(6.0).reshape(2, 3))
        assert found.arrays["few"].dtype == np.int8
        assert set(found.arrays) == {"means", "few"}
    # Read once for each state of the file.
    assert kind.read_any(path.parent) is kind.read_any(path.parent)
    kind.write(path.parent, {"tied_to": ["ab" * 32], "names": []}, dict(found.arrays))
    again = kind.read_any(path.parent)
    assert again is not None
    assert again.header["names"] == []


@pytest.mark.parametrize("name", KINDS)
def test_other_networks_and_layouts_are_told(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    written(kind, tmp_path)
    other = classifier(tmp_path, "cd" * 32)
    with pytest.raises(ArtifactError, match=r"The words were made for other networks than mine's"):
        kind.read(tmp_path, other)
    assert kind.read(tmp_path, other, ["ab" * 32]) is not None
    with pytest.raises(ArtifactError, match="another layout"):
        replace(kind, schema=2).read(tmp_path, classifier(tmp_path))


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_is_found_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, name: str, place: int, change: int
) -> None:
    kind, folder = KINDS[name], tmp_path_factory.mktemp("files")
    path = written(kind, folder)
    path = folder / kind.arrays if kind.arrays else path
    if name == "header":  # text can be changed to other text
        path.write_bytes(path.read_bytes()[: place % path.stat().st_size])
    else:
        data = bytearray(path.read_bytes())
        data[place % len(data)] ^= change
        path.write_bytes(data)
    try:
        found = kind.read(folder, classifier(folder))
    except ArtifactError:
        return
    assert found is not None
    if name != "header":
        np.testing.assert_array_equal(found.arrays["means"], np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("name", ["pair", "archive"])
def test_objects_are_never_loaded(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    path = written(kind, tmp_path)
    target = tmp_path / (kind.arrays or kind.header)
    target.write_bytes(pickle.dumps({"means": 1}))
    with pytest.raises(ArtifactError, match="damaged"):
        kind.read(tmp_path, classifier(tmp_path))
    text = json.dumps({"schema": 1, "tied_to": ["ab" * 32]}).encode()
    np.savez(target, header=np.frombuffer(text, np.uint8), means=np.array([{}], object))
    with pytest.raises(ArtifactError, match="damaged"):
        kind.read(path.parent, classifier(tmp_path))


def test_values_that_do_not_fit_are_one_sentence(tmp_path: Path) -> None:
    kind = KINDS["pair"]
    written(kind, tmp_path)
    found = kind.read(tmp_path, classifier(tmp_path))
    assert found is not None
    with pytest.raises(ArtifactError, match="damaged"), found.parsing():
        found.arrays["missing"]
    with pytest.raises(ArtifactError, match="another layout"), found.parsing():
        raise found.other_layout()
