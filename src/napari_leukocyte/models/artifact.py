"""Files that ship with a classifier beside its networks: calibrations, references, known cells.

Each has a header in JSON that names its layout and the networks that it was made for, and most have
arrays of numbers, whose checksum the header holds. The header is a file of its own, or an array of
bytes among the others. Nothing in them is executed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import LeukocyteError, ModelError
from napari_leukocyte.io.atomic import write_together
from napari_leukocyte.models.manifest import Manifest

Arrays = Mapping[str, NDArray[Any]]
_JSON = ".json"
#: Array in which a header lies that is no file of its own.
_HEADER = "header"


class ArtifactError(ModelError):
    """A file that ships with a classifier is damaged, missing or another classifier's."""


@dataclass(frozen=True, eq=False)
class Artifact:
    """One such file, read and checked.

    Attributes
    ----------
    path : Path
        Of the header.
    header : mapping
        As from JSON.
    arrays : mapping of str to ndarray
        Without the header.
    """

    path: Path
    header: Mapping[str, Any]
    arrays: Arrays = field(default_factory=dict)

    @contextmanager
    def parsing(self) -> Iterator[None]:
        """Turn what goes wrong while values are taken from it into one sentence.

        Raises
        ------
        ArtifactError
            In place of a missing key, a value of another type or a shape that does not fit.
        """
        try:
            yield
        except LeukocyteError:
            raise
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(self.path) from error

    def other_layout(self) -> ArtifactError:
        """Return the error of a file that this version of the plugin can't read."""
        return _other_layout(self.path)


@dataclass(frozen=True)
class ArtifactKind:
    """A kind of file that ships with a classifier.

    Attributes
    ----------
    header : str
        Name of the file with the header, ``.json`` or ``.npz``.
    arrays : str
        Name of the ``.npz`` with the arrays; empty where there are none, or where the header is
        among them.
    tie : str
        Under which key the header names the networks.
    checksum : str
        Under which key the header has the checksum of the arrays; empty for none.
    subject, otherwise : str
        Begin and end the sentence on a file of other networks: what was made for them, with its
        verb, and what can't be told then.
    schema : int
        Version of the layout.
    """

    header: str
    tie: str
    subject: str
    otherwise: str
    arrays: str = ""
    checksum: str = ""
    schema: int = 1

    def read(
        self, folder: Path, classifier: Manifest, networks: Sequence[str] | None = None
    ) -> Artifact | None:
        """Read the file of a classifier.

        Parameters
        ----------
        folder : Path
            Where it lies.
        classifier : Manifest
            Which.
        networks : sequence of str, optional
            What the file must be tied to; by default the checksums of the classifier's networks.

        Returns
        -------
        Artifact or None
            None if there is none.

        Raises
        ------
        ArtifactError
            If it is damaged, of another layout or made for other networks.
        """
        found = self.read_any(folder)
        if found is None:
            return None
        wanted = [m.sha256 for m in classifier.members] if networks is None else list(networks)
        with found.parsing():
            tied = found.header[self.tie]
        if tied != wanted:
            raise ArtifactError(
                "{subject} made for other networks than {name}'s: {otherwise}.",
                subject=self.subject,
                name=classifier.name,
                otherwise=self.otherwise,
            )
        return found

    def read_any(self, folder: Path) -> Artifact | None:
        """Read the file without asking what it was made for; see `read`."""
        path = folder / self.header
        files = [folder / name for name in (self.header, self.arrays) if name]
        try:
            states = [f.stat() for f in files]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _damaged(path) from error
        stamp = tuple(n for s in states for n in (s.st_mtime_ns, s.st_size))
        return _load(self, str(folder), stamp)

    def write(self, folder: Path, header: Mapping[str, Any], arrays: Arrays | None = None) -> Path:
        """Write the file.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        header : mapping
            All but the layout's version and the checksum; as JSON can hold it.
        arrays : mapping of str to ndarray, optional
            What goes beside it.

        Returns
        -------
        Path
            The file with the header.

        Raises
        ------
        OutputError
            If it can't be written.
        """
        text: dict[str, Any] = {"schema": self.schema, **header}
        given = dict(arrays or {})
        names = [name for name in (self.header, self.arrays) if name]
        with write_together(folder, names, overwrite=True) as staging:
            if self.header.endswith(_JSON):
                if self.arrays:
                    data = _packed(given)
                    (staging / self.arrays).write_bytes(data)
                    text[self.checksum] = hashlib.sha256(data).hexdigest()
                (staging / self.header).write_text(_dumped(text) + "\n", encoding="utf-8")
            else:
                if self.checksum:
                    text[self.checksum] = _digest(given)
                given[_HEADER] = np.frombuffer(_dumped(text).encode(), np.uint8)
                (staging / self.header).write_bytes(_packed(given))
        return folder / self.header


@lru_cache(maxsize=8)
def _load(kind: ArtifactKind, folder: str, stamp: tuple[int, ...]) -> Artifact:
    """Read a file once for each state of it, which the stamp tells apart."""
    place = Path(folder)
    path = place / kind.header
    arrays: dict[str, NDArray[Any]] = {}
    try:
        data = path.read_bytes()
        if path.suffix == _JSON:
            header = json.loads(data.decode("utf-8"))
            if kind.arrays:
                data = (place / kind.arrays).read_bytes()
                arrays = _unpacked(data)
        else:
            arrays = _unpacked(data)
            header = json.loads(arrays.pop(_HEADER).tobytes().decode("utf-8"))
        if header["schema"] != kind.schema:
            raise _other_layout(path)
        if kind.checksum:
            found = hashlib.sha256(data).hexdigest() if kind.arrays else _digest(arrays)
            if header[kind.checksum] != found:
                raise _damaged(path)
    except ArtifactError:
        raise
    except Exception as error:
        # zipfile, zlib and NumPy raise classes of their own for every kind of damage.
        raise _damaged(path) from error
    return Artifact(path, header, arrays)


def _unpacked(data: bytes) -> dict[str, NDArray[Any]]:
    with np.load(BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _packed(arrays: Arrays) -> bytes:
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type] # numpy's stub takes flags too
    return buffer.getvalue()


def _digest(arrays: Arrays) -> str:
    """Return the checksum of arrays, however they are packed."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _dumped(header: Mapping[str, Any]) -> str:
    return json.dumps(header, separators=(",", ":"), ensure_ascii=False)


def _damaged(path: Path) -> ArtifactError:
    return ArtifactError("{path} is damaged: install the plugin or the model again.", path=path)


def _other_layout(path: Path) -> ArtifactError:
    return ArtifactError("{path} has another layout than this plugin reads.", path=path)
