"""Time and memory of writing 100 fields with 2,000 cells in every format.

Draws the fields (cells with lobes, some touching), then reads them and writes each format in a
process of its own, so that each peak of memory is its own::

    python benchmarks/export.py [--fields 100] [--cells 2000] [--side 1024]

The peak is that of the whole process, libraries included; what the process needs before it writes
stands beside it. CPU time stands beside wall time, for machines that do something else meanwhile.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.convert import read, write
from napari_leukocyte.annotations.formats.packed import PackedImage
from napari_leukocyte.annotations.formats.recognise import FORMATS
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

#: Diameter of a cell, px.
DIAMETER = 80
#: What all formats together may take: seconds, and bytes of any one of them.
MOST_SECONDS, MOST_BYTES = 30.0, 1_000_000_000
# Linux counts in kibibytes, macOS in bytes.
_UNIT = 1 if sys.platform == "darwin" else 1024


def draw_field(number: int, cells: int, side: int, folder: Path) -> AnnotatedImage:
    """Draw a photograph with cells and their annotations; write the photograph."""
    rng = np.random.default_rng(number)
    labels: NDArray[np.int32] = np.zeros((side, side), np.int32)
    rgb = np.full((side, side, 3), (235, 225, 230), np.uint8)
    for label in range(1, cells + 1):
        y, x = rng.uniform(0, side, 2)
        color = tuple(int(c) for c in rng.integers(60, 160, 3))
        for _ in range(3):
            dy, dx = rng.normal(0, 0.12 * DIAMETER, 2)
            axes = tuple(float(a) for a in rng.uniform(0.6, 1.0, 2) * DIAMETER)
            lobe = ((x + dx, y + dy), axes, float(rng.uniform(0, 180)))
            cv2.ellipse(labels, lobe, label, -1)
            cv2.ellipse(rgb, lobe, color, -1)
    rgb ^= rng.integers(0, 8, rgb.shape, np.uint8)  # noise
    path = folder / f"field {number:03d}.png"
    cv2.imwrite(str(path), rgb, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    numbers = np.unique(labels)
    numbers = numbers[numbers > 0]
    table = pd.DataFrame({"label": numbers.astype(np.int64)})
    table["class"] = pd.Series(rng.choice(LEUKOCYTE_NAMES, len(numbers)), dtype="str")
    table["confidence"] = rng.uniform(0.3, 1, len(numbers))
    for name in LEUKOCYTE_NAMES:
        table[f"p_{name}"] = rng.uniform(0, 1, len(numbers))
    table["reviewed"] = rng.uniform(size=len(numbers)) < 0.5
    return PackedImage(path.name, (side, side), labels, table, path)


def memory() -> int:
    """Return the most memory that this process has had so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def draw(fields: int, cells: int, side: int, folder: Path) -> None:
    """Draw all fields, and write them as a run writes its results, with the photographs beside."""
    photographs = folder / "photographs"
    photographs.mkdir()
    each = [cells // fields + (i < cells % fields) for i in range(fields)]
    images = [draw_field(i, n, side, photographs) for i, n in enumerate(each)]
    write(images, folder / "results", "labels-csv")


def measure(name: str, folder: Path) -> dict[str, float]:
    """Write and read one format; return seconds and bytes."""
    images = read(folder / "results", photographs=folder / "photographs")
    out = folder / name
    before = memory()
    wall, cpu = time.perf_counter(), time.process_time()
    write(images, out, name)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = memory()
    sizes = [p.stat().st_size for p in out.rglob("*") if p.is_file()]
    start = time.perf_counter()
    back = read(out)
    seconds = time.perf_counter() - start
    return {
        "wall": wall,
        "cpu": cpu,
        "before": before,
        "peak": peak,
        "files": len(sizes),
        "size": sum(sizes),
        "read": seconds,
        "same": sum(len(i.table) for i in back) == sum(len(i.table) for i in images),
    }


def measure_all(folder: Path) -> dict[str, dict[str, float]]:
    """Measure every format, each in a process of its own."""
    found = {}
    for name in FORMATS:
        command = [sys.executable, __file__, "--only", name, "--folder", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        found[name] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Print a table; return 1 if the measures do not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fields", type=int, default=100)
    parser.add_argument("--cells", type=int, default=2000, help="in all fields together")
    parser.add_argument("--side", type=int, default=1024, help="side of a field, px")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(measure(given.only, given.folder)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        draw(given.fields, given.cells, given.side, Path(folder))
        found = measure_all(Path(folder))
    title = f"{given.fields} fields of {given.side} px with {given.cells} cells"
    columns = ("format", "write, s", "CPU, s", "peak, MB", "before, MB", "files", "MB", "read, s")
    table = Table(*columns, title=title)
    for name, one in found.items():
        figures = [f"{one[k]:.1f}" for k in ("wall", "cpu")]
        figures += [f"{one[k] / 1e6:.0f}" for k in ("peak", "before")]
        figures += [f"{one['files']}", f"{one['size'] / 1e6:.1f}", f"{one['read']:.1f}"]
        table.add_row(name, *figures)
    seconds, cpu = (sum(one[k] for one in found.values()) for k in ("wall", "cpu"))
    peak = max(one["peak"] for one in found.values())
    table.add_section()
    table.add_row("all", f"{seconds:.1f}", f"{cpu:.1f}", f"{peak / 1e6:.0f}")
    console = Console()
    console.print(table)
    held = seconds < MOST_SECONDS and peak < MOST_BYTES and all(f["same"] for f in found.values())
    most = f"under {MOST_SECONDS:.0f} s and {MOST_BYTES / 1e9:.0f} GB"
    console.print(f"{most}, every object back: {'yes' if held else 'NO'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
