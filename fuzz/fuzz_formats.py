"""Give damaged files to the readers of annotations; anything but one sentence is a failure.

An input's first bytes choose one of the files that a format is made of, the rest is its content;
the other files stay as the format's writer wrote them. See README.md.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.cells import complete
from napari_leukocyte.annotations.formats.convert import read, write
from napari_leukocyte.annotations.formats.recognise import FORMATS
from napari_leukocyte.errors import LeukocyteError

# As a script, it has its neighbours beside it and not in a package.
_others = import_module("fuzz.other_tools" if __package__ else "other_tools")
OTHERS: Mapping[str, tuple[str, Callable[[Path], None]]] = _others.OTHERS

NAMES = [*(name for name in FORMATS if name != "dataset"), *OTHERS]
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a random name is made in it
#: Longest content, bytes.
LONGEST = 20_000
#: What damaged texts are often made of.
WORDS = (
    b"-1",
    b"0",
    b"1e999",
    b"NaN",
    b"null",
    b"999999999999",
    b"../../a",
    b"/etc/passwd",
    b"[[[[",
    b"{}",
    b'""',
    b"\xff\xfe\x00",
    b"\xed\xa0\x80",
    b"<!DOCTYPE a>",
    b"&a;",
)


def example() -> AnnotatedImage:
    """Return an image with what formats are strained by: a hole, parts, one pixel, texts."""
    labels = np.zeros((12, 14), np.int32)
    labels[1:6, 1:6] = 5
    labels[3, 3] = 0
    labels[8:10, 2:4] = 70
    labels[10, 4] = 70
    labels[11, 13] = 1
    table = pd.DataFrame(
        {
            "label": [5, 70, 1],
            "class": pd.Series(["neutrophil", "blast é", None], dtype="str"),
            "confidence": [0.5, np.nan, 1.0],
            "note": pd.Series(["a: b", None, ""], dtype="str"),
            "reviewed": [True, False, True],
        }
    )
    return AnnotatedImage("a b.png", (12, 14), labels, table)


class Target:
    """The reader of a format, fed with one changed file.

    Parameters
    ----------
    name : str
        The format.
    folder : Path
        Where the files are put.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder / "out"
        self.format, write_others = OTHERS.get(name, (name, None))
        if write_others is None:
            write([example()], self.folder, name)
        else:
            self.folder.mkdir(parents=True)
            write_others(self.folder)
        self.files = sorted(p for p in self.folder.rglob("*") if p.is_file())
        self.whole = [p.read_bytes() for p in self.files]

    def seeds(self) -> list[bytes]:
        """Return the inputs that mean each file as it was written."""
        return [bytes([i]) + data for i, data in enumerate(self.whole)]

    def __call__(self, data: bytes) -> None:
        """Read with one file changed; raises if anything but a sentence comes of it."""
        index = data[0] % len(self.files) if data else 0
        path = self.files[index]
        path.write_bytes(data[1:])
        try:
            # The format by its content every other time.
            images = read(self.folder, self.format if len(data) % 2 else None)
            for image in complete(images):
                labels = image.labels
                if labels is not None and labels.shape != tuple(image.shape):
                    raise AssertionError("The mask has another size than the image.")
        except LeukocyteError as error:
            text = str(error)
            if "\n" in text or not text.endswith(".") or len(text) > 1000:
                raise AssertionError(f"no sentence: {text!r}") from error
        finally:
            if path.read_bytes() != data[1:]:
                raise AssertionError("The file was changed.")
            path.write_bytes(self.whole[index])
        if len([p for p in self.folder.rglob("*") if p.is_file()]) != len(self.files):
            raise AssertionError("There are other files than before.")


def mutated(seed: bytes, dice: random.Random) -> bytes:
    """Return an input with a few random changes."""
    data = bytearray(seed)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        at = dice.randrange(1, len(data)) if len(data) > 1 else 0
        kind = dice.randrange(6)
        if kind == 0 and at:
            data[at] = dice.randrange(256)
        elif kind == 1 and at:
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 2 and at:
            del data[at : at + dice.choice((1, 4, 20, LONGEST))]
        elif kind == 3:
            data[at or 1 : (at or 1)] = dice.choice(WORDS)
        elif kind == 4 and at:
            word = dice.choice(WORDS)
            data[at : at + len(word)] = word
        elif at:
            end = at + dice.choice((1, 8, 50))
            data[end:end] = data[at:end]
    return bytes(data[: LONGEST + 1])


def run_plain(target: Any, seconds: float, seed: int) -> int:
    """Feed random changes; return how many inputs were read."""
    dice, seeds = random.Random(seed), target.seeds()  # noqa: S311 - no secret
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        data = mutated(dice.choice(seeds), dice)
        try:
            target(data)
        except BaseException:
            digest = hashlib.sha256(data).hexdigest()[:12]
            path = Path(f"crash-{target.name}-{digest}")
            path.write_bytes(data)
            print(f"{path} fails:", file=sys.stderr)
            raise
        number += 1
    return number


def load_formats() -> None:
    """Import the readers of all formats."""
    for format in FORMATS.values():
        format.load()


def follow(
    load: Callable[[], object] = load_formats,
    include: Sequence[str] = ("napari_leukocyte.annotations.formats", "roifile", "json"),
) -> None:
    """Import what atheris is to be steered by.

    Parameters
    ----------
    load : callable
        Imports it.
    include : sequence of str
        Names of it.
    """
    import atheris

    with atheris.instrument_imports(include=list(include)):
        load()


def run_atheris(target: Any, seconds: float, corpus: Path) -> None:
    """Feed what atheris finds to a target; it ends the process.

    Parameters
    ----------
    target : callable
        With a `name` and `seeds`.
    seconds : float
        For how long.
    corpus : Path
        Folder of what is found; a later run goes on from what an earlier one left.
    """
    import atheris

    corpus.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(target.seeds()):
        (corpus / str(i)).write_bytes(seed)
    options = [
        f"-max_total_time={int(seconds)}",
        f"-max_len={LONGEST}",
        "-rss_limit_mb=3000",
        "-timeout=60",
        f"-artifact_prefix=crash-{target.name}-",
        str(corpus),
    ]
    atheris.Setup([sys.argv[0], *options], target)
    atheris.Fuzz()


def main() -> None:
    """Fuzz one format, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("format", choices=[*NAMES, "all"])
    parser.add_argument("--seconds", type=float, default=60, help="for each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="without atheris")
    parser.add_argument("--corpus", type=Path, help="keep what was found here and go on from it")
    parser.add_argument("--again", type=Path, help="read one input that failed")
    given = parser.parse_args()
    # In memory, where the system has such a folder: thousands of files are written a second.
    memory = str(MEMORY) if MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="fuzz-formats-", dir=memory))
    try:
        if given.again is not None:
            Target(given.format, folder)(given.again.read_bytes())
            return
        steered = not given.plain and given.format != "all"
        if steered:
            with suppress(ImportError):
                import atheris  # noqa: F401 - whether it is there

                follow()
                corpus = given.corpus or folder / "corpus"
                run_atheris(Target(given.format, folder), given.seconds, corpus)
                return
        for name in NAMES if given.format == "all" else [given.format]:
            number = run_plain(Target(name, folder / name), given.seconds, given.seed)
            print(f"{name}: {number} inputs, each read or refused in one sentence")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
