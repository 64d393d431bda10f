"""Fetch the public sets into a data root, every file checked by its checksum."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast
from urllib.parse import urlsplit

import pooch
import requests

from napari_leukocyte.errors import OutputError
from napari_leukocyte.progress import Progress, silent
from training.data import splits
from training.data.checksums import is_as_listed, read_checksums
from training.data.photograph import DataError, DatasetName
from training.data.photographs import LOADERS
from training.data.sources import SOURCES, Source

#: Files under way at once, and seconds without an answer after which one is given up.
WORKERS, TIMEOUT = 8, 30
_NOT_FOUND = 404

Check = Callable[[Path, str], bool]


class NetworkError(DataError):
    """Nothing can be downloaded, so that trying the next file or set is of no use."""


@dataclass(frozen=True)
class Fetched:
    """The outcome for one set.

    Attributes
    ----------
    dataset : str
        Its name.
    files : int
        Files that are there and as they must be.
    downloaded : int
        How many of them were downloaded now.
    """

    dataset: str
    files: int
    downloaded: int


@dataclass(frozen=True)
class Report:
    """The outcome for several sets.

    Attributes
    ----------
    there, lacking : tuple of str
        A line for each set that is there, and a sentence for each that is not.
    complete : bool
        Whether every set that was named is there, or, where none was, every set that can be
        downloaded.
    """

    there: tuple[str, ...]
    lacking: tuple[str, ...]
    complete: bool


def fetch_all(names: Sequence[str], root: Path, progress: Progress = silent) -> Report:
    """Fetch several sets, one after the other.

    Parameters
    ----------
    names : sequence of str
        Sets; none stands for every one that there is.
    root : Path
        Data root.
    progress : callable
        See :func:`fetch`.

    Returns
    -------
    Report

    Raises
    ------
    DataError, OutputError
        If there is no such set, the network can't be reached or the data root not be written.
    """
    unknown = [name for name in names if name not in SOURCES]
    if unknown:
        raise _unknown(unknown[0])
    there, lacking, complete = [], [], True
    for name in names or SOURCES:
        try:
            got = fetch(name, root, progress)
        except NetworkError:
            raise
        except DataError as error:
            lacking.append(str(error))
            complete = complete and not names and SOURCES[name].addresses is None
        else:
            new = f", {got.downloaded} of them new" if got.downloaded else ""
            source = SOURCES[name]
            there.append(f"{name}: {got.files} files{new}. {source.title}; {source.terms}.")
    return Report(tuple(there), tuple(lacking), complete)


def fetch(dataset: str, root: Path, progress: Progress = silent) -> Fetched:
    """Bring a public set into a data root.

    Parameters
    ----------
    dataset : str
        A key of :data:`training.data.sources.SOURCES`.
    root : Path
        Data root; made if it does not exist. Files that are there and right stay as they are;
        others of a set that can be downloaded are replaced.
    progress : callable
        Called with files done, files in all and the set.

    Returns
    -------
    Fetched

    Raises
    ------
    DataError
        If there is no such set, it can't be downloaded (with how to get it), or some of its files
        are not to be had as they must be.
    NetworkError
        If the network can't be reached. What had arrived by then is kept.
    OutputError
        If the data root can't be written.
    """
    source = SOURCES.get(dataset)
    if source is None:
        raise _unknown(dataset)
    if source.addresses is None:
        return _look(dataset, root, source)
    files = read_checksums(dataset)
    # Of WBCAtt's tables, only the rows of some photographs are known here.
    right = _has_rows if dataset == "wbcatt" else is_as_listed
    wanted = [name for name, digest in files.items() if not right(root / name, digest)]
    for folder in {(root / name).parent for name in wanted}:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder} can't be made: {error.strerror or error}.") from error
    # It would tell of every single file.
    pooch.get_logger().setLevel(logging.WARNING)
    failed: list[str] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        jobs = {
            pool.submit(_download, source.addresses(name), root / name, files[name], right): name
            for name in wanted
        }
        try:
            for done, job in enumerate(as_completed(jobs), len(files) - len(wanted) + 1):
                if not job.result():
                    failed.append(jobs[job])
                progress(done, len(files), dataset)
        except requests.RequestException as error:
            raise _network_error(dataset, root, source, wanted[0], error) from error
        finally:
            pool.shutdown(cancel_futures=True)
    if failed:
        raise DataError(
            f"{len(failed)} of the {len(files)} files of {dataset} are not to be had as they were "
            f"when this project used them, such as {min(failed)} ({source.title})."
        )
    return Fetched(dataset, len(files), len(wanted))


def _download(addresses: Iterable[str], path: Path, digest: str, right: Check) -> bool:
    """Download one file from the first address that has the right one; whether one had."""
    # What pooch can't check itself must not take a file's place before it is checked.
    checked_later = right is not is_as_listed
    arrived = path.with_name(f".{path.name}.part") if checked_later else path
    for address in addresses:
        try:
            pooch.retrieve(
                address,
                known_hash=None if checked_later else f"sha256:{digest}",
                fname=arrived.name,
                path=arrived.parent,
                # A stream would stay open where the server answers with an error.
                downloader=pooch.HTTPDownloader(timeout=TIMEOUT, stream=False),
            )
            if not checked_later:
                return True
            if right(arrived, digest):
                arrived.replace(path)
                return True
        except requests.HTTPError as error:
            if error.response is None or error.response.status_code != _NOT_FOUND:
                raise
        except requests.RequestException:
            raise
        except ValueError:  # another file than it must be
            continue
        except OSError as error:
            raise OutputError(f"{path} can't be written: {error.strerror or error}.") from error
        finally:
            if checked_later:
                arrived.unlink(missing_ok=True)
    return False


def _network_error(
    dataset: str, root: Path, source: Source, name: str, error: requests.RequestException
) -> NetworkError:
    assert source.addresses is not None  # noqa: S101 - of what was downloaded
    host = urlsplit(source.addresses(name)[0]).hostname
    if error.response is not None:
        what = f"{host} answers with status {error.response.status_code}: try again later"
    else:
        what = f"{host} can't be reached: check the network"
    return NetworkError(
        f"{dataset} could not be downloaded, because {what}, or lay the files under {root} as "
        f"training/README.md says ({source.title})."
    )


def _look(dataset: str, root: Path, source: Source) -> Fetched:
    """Check what a user has brought in; say how where it is not there."""
    how = source.how.format(root=root)
    there = LOADERS[cast("DatasetName", dataset)](root)
    if not there:
        raise DataError(f"{dataset} has to be brought by hand. {how}")
    for name, digest in read_checksums(dataset).items():
        if not is_as_listed(root / name, digest):
            what = "is damaged or another version" if (root / name).is_file() else "is missing"
            raise DataError(f"{dataset} is not whole: {root / name} {what}. {how}")
    return Fetched(dataset, len(there), 0)


def rows_digest(path: Path, names: frozenset[str]) -> str:
    """Return the sha256 of a table's rows of some photographs.

    Parameters
    ----------
    path : Path
        A CSV file; the first column has the photographs' names.
    names : frozenset of str
        Of which photographs.

    Returns
    -------
    str
        Hexadecimal, over the rows in their order by text, each ended by a line feed: neither line
        ends nor order nor further rows matter.
    """
    text = path.read_text(encoding="utf-8")
    rows = sorted(line for line in text.splitlines() if line.split(",", 1)[0] in names)
    return hashlib.sha256("".join(f"{row}\n" for row in rows).encode()).hexdigest()


def _has_rows(path: Path, digest: str) -> bool:
    try:
        return path.is_file() and rows_digest(path, _pbc_names()) == digest
    except ValueError:  # no text
        return False


@functools.cache
def _pbc_names() -> frozenset[str]:
    lists = json.loads((splits.FOLDER / "pbc.json").read_text(encoding="utf-8"))
    return frozenset(PurePosixPath(name).name for side in lists.values() for name in side)


def _unknown(name: str) -> DataError:
    return DataError(f"There is no set {name!r} to fetch; known are {', '.join(SOURCES)}.")
