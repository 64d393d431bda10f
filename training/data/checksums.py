"""The committed lists of checksums: what every file of a public set must be.

One text file a set. A line that ends in ``/`` names a folder under the data root; each line below
it has the sha256 of a file, hexadecimal, and the file's name. The lists were made from the files
with which this project's models were trained and measured.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from training.data.photograph import DataError, DatasetName

FOLDER = Path(__file__).parent / "checksums"
#: Digits of a checksum as it is written for files that this project downloads, and for those that
#: it only looks at (16 tell damage and other versions just as well).
FULL, SHORT = 64, 16
# Sets that users get by hand.
_SHORTENED: tuple[DatasetName, ...] = (
    "pbc",
    "raabin_labelled",
    "bionet",
    "chula_rbc",
    "choi_marrow",
)
_HEADER = (
    "# sha256 of the files of {0}, {1} of 64 hexadecimal digits. Written by",
    "# `python -m training.data.checksums DATA_ROOT`.",
)


def read_checksums(dataset: str) -> dict[str, str]:
    """Return the checksum of every file of a set.

    Parameters
    ----------
    dataset : str
        Name of the set.

    Returns
    -------
    dict of str to str
        From the path under the data root, with ``/``, to the first digits of the sha256; empty if
        the set has no list.
    """
    path = FOLDER / f"{dataset}.txt"
    if not path.is_file():
        return {}
    found, folder = {}, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.endswith("/"):
            folder = line
        elif line and not line.startswith("#"):
            digest, name = line.split(" ", 1)
            found[folder + name] = digest
    return found


def write_checksums(dataset: DatasetName, root: Path, paths: Iterable[str]) -> Path:
    """Write the list of a set from its files; `paths` lie under the data root, with ``/``."""
    digits = SHORT if dataset in _SHORTENED else FULL
    lines = [line.format(dataset, digits) for line in _HEADER]
    folder = ""
    for name in sorted(paths, key=lambda n: (PurePosixPath(n).parent, n)):
        parent = f"{PurePosixPath(name).parent}/"
        if parent != folder:
            lines.append(parent)
            folder = parent
        lines.append(f"{sha256(root / name)[:digits]} {PurePosixPath(name).name}")
    path = FOLDER / f"{dataset}.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def sha256(path: Path) -> str:
    """Return the checksum of a file, 64 hexadecimal digits."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def is_as_listed(path: Path, digest: str) -> bool:
    """Whether a file is there and its checksum starts with these digits."""
    return path.is_file() and sha256(path).startswith(digest)


def public_name(digest: str) -> str | None:
    """Return the name under the data root of the public file with this sha256, if it is one."""
    found = _names(FOLDER).get(digest[:SHORT])
    return found[1] if found and digest.startswith(found[0]) else None


@functools.cache
def _names(folder: Path) -> dict[str, tuple[str, str]]:
    return {
        digest[:SHORT]: (digest, name)
        for path in sorted(folder.glob("*.txt"))
        for name, digest in read_checksums(path.stem).items()
    }


def _files_of(dataset: DatasetName, root: Path) -> list[str]:
    """List the files that a set's loader reads."""
    from training.data.photographs import ABROAD, load

    files = []
    for p in load(dataset, root):
        files += [p.image, *([p.mask] if p.mask else [])]
    if dataset in ("zheng1", "zheng2"):
        files.append(root / "zheng2018" / f"Class Labels of Dataset {dataset[-1]}.csv")
    elif dataset == "bccd":
        files += [root / "bccd" / "labels.csv", *(root / "bccd" / "Annotations").glob("*.xml")]
    elif dataset == "raabin":
        files += (root / "raabin_unlabelled" / "labels").glob("*.txt")
    elif dataset in ABROAD:
        files += files[0].parents[1].glob("*.csv")
    return [f.relative_to(root).as_posix() for f in files]


def main(root: Path) -> None:
    """Write the lists of all public sets from a data root that holds them."""
    from training.data.photographs import SPLIT

    for dataset in SPLIT:
        print(write_checksums(dataset, root, _files_of(dataset, root)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise DataError("Name the data root: python -m training.data.checksums DATA_ROOT.")
    main(Path(sys.argv[1]))
