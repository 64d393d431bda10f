"""Two workers against one, and a run that is killed against one that is not, on the command line.

Draws fields, or a slide, and analyses them with one worker process and with two, each in a run of
its own; then, with ``--kills``, once more while processes are killed: one worker early on, and
the whole command so many times, each time to be resumed. Prints the times of the wall, their ratio,
and whether all results are the same, byte by byte but for the time in ``run.json``::

    python -m benchmarks.workers [--fields 1000 | --megapixels 36 [--sparse]] [--kills 3]
        [--no-single]

One worker has all cores for the threads of its networks; on Linux it is also measured with the half
of them that each of two has. What is drawn and the results lie in ``--folder``, a temporary one if
none is named.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import psutil  # type: ignore[import-untyped]

from benchmarks import make_slide
from napari_leukocyte.samples.synthetic import synthetic_smear

#: Height and width of a drawn field, px, and its leukocytes.
FIELD, COUNTS = (480, 640), {"neutrophil": 2, "lymphocyte": 1}
#: Fields that are drawn; the others are these, shifted.
DRAWN = 20


def draw_fields(folder: Path, number: int) -> None:
    """Write fields as PNG files, each of which differs from the others."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [synthetic_smear(FIELD, seed, COUNTS).image for seed in range(min(DRAWN, number))]
    for index in range(number):
        turn, seed = divmod(index, DRAWN)
        pixels = np.roll(drawn[seed], (7 * turn, 11 * turn), (0, 1))
        path = folder / f"field {index:04d}.png"
        if not cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)):
            raise OSError(f"{path} can't be written.")


def command(images: Path, out: Path, *options: str) -> list[str]:
    """Return the command line of a run."""
    program = [sys.executable, "-m", "napari_leukocyte", "run"]
    return [*program, str(images), "--out", str(out), *options]


def run(line: Sequence[str], cores: int = 0) -> float:
    """Run to the end, if need be on so many cores only; return the time of the wall, s.

    Raises
    ------
    RuntimeError
        If the exit status is not 0.
    """
    start = time.monotonic()
    all_cores = os.sched_getaffinity(0) if cores else set()
    try:
        if cores:  # it is inherited
            os.sched_setaffinity(0, sorted(all_cores)[:cores])
        done = subprocess.run(  # noqa: S603 - our own program
            line, capture_output=True, text=True, check=False
        )
    finally:
        if cores:
            os.sched_setaffinity(0, all_cores)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return time.monotonic() - start


def run_until(
    line: Sequence[str],
    share: float,
    *,
    kill_worker: bool = False,
    environment: Mapping[str, str] | None = None,
) -> bool:
    """Run until a share of the blocks is done, then kill the command and all its workers.

    Parameters
    ----------
    line : sequence of str
        The command line, with ``--log json`` and ``--workers``.
    share : float
        Of all blocks, 0 to 1.
    kill_worker : bool
        Whether one worker is killed as soon as there are any: another takes its place.
    environment : mapping, optional
        Environment variables; this process's by default.

    Returns
    -------
    bool
        Whether it was killed; False if it had ended before.
    """
    with subprocess.Popen(  # noqa: S603 - our own program
        line,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # to be killed with all its workers
    ) as process:
        for text in process.stderr or ():
            event = json.loads(text)
            if kill_worker and "watched at" in event.get("message", ""):
                workers_of(process.pid)[-1].kill()
            if event["event"] in ("block", "done") and (
                event["blocks_done"] >= share * event["blocks"]
                and event["images_done"] < event["images"]
            ):
                os.killpg(process.pid, signal.SIGKILL)
                return True
    return False


def workers_of(program: int) -> list[psutil.Process]:
    """Return the worker processes of a run."""
    family = psutil.Process(program).children(recursive=True)
    return [p for p in family if not p.children() and "spawn" in " ".join(p.cmdline())]


def contents(out: Path) -> dict[str, object]:
    """Return the files of a run, but for the time in its record."""
    found: dict[str, object] = {
        p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()
    }
    record = json.loads((out / "run.json").read_text("utf-8"))
    del record["created"]
    return found | {"run.json": record}


def differing(one: Path, other: Path) -> list[str]:
    """Return the names of files that differ between the results of two runs."""
    mine, theirs = contents(one), contents(other)
    return sorted(n for n in mine.keys() | theirs.keys() if mine.get(n) != theirs.get(n))


def main() -> None:
    """Draw, run, kill, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=int, default=0)
    parser.add_argument("--megapixels", type=float, default=0.0)
    parser.add_argument("--sparse", action="store_true")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--no-single", action="store_true", help="Leave the one worker out.")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        images = _drawn(folder, arguments.fields, arguments.megapixels, sparse=arguments.sparse)
        times: dict[int, float] = {}
        for workers in (2,) if arguments.no_single else (1, 2):
            times[workers] = run(
                command(images, folder / f"by {workers}", "--workers", f"{workers}")
            )
            print(
                f"{workers} worker{'s' * (workers > 1)}{times[workers]:>12.1f} s wall", flush=True
            )
        same = True
        if 1 in times:
            print(f"ratio{times[1] / times[2]:>16.2f}")
            if sys.platform == "linux":
                half = max(1, len(os.sched_getaffinity(0)) // 2)
                on_half = run(command(images, folder / "by half", "--workers", "1"), half)
                print(f"1, half of cores{on_half:>7.1f} s wall")
                print(f"ratio{on_half / times[2]:>16.2f}", flush=True)
            same = _say(differing(folder / "by 1", folder / "by 2"), "one worker and two")
        if arguments.kills:
            same &= _kill(images, folder, arguments.kills)
    raise SystemExit(not same)


def _drawn(folder: Path, fields: int, megapixels: float, *, sparse: bool) -> Path:
    if not megapixels:
        draw_fields(folder / "fields", fields or 1000)
        return folder / "fields"
    side = round((megapixels * 1e6) ** 0.5)
    path = folder / "slide.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [smear.image for smear in make_slide.smears(sparse=sparse)]
    make_slide.write_slide(path, (side, side), parts)
    return path


def _kill(images: Path, folder: Path, kills: int) -> bool:
    out = folder / "killed"
    start = time.monotonic()
    for number in range(kills):
        resume = ("--resume",) if number else ()
        line = command(images, out, "--workers", "2", "--log", "json", *resume)
        killed = run_until(line, (number + 1) / (kills + 1), kill_worker=number == 0)
        print("killed" if killed else "ended before it was killed", flush=True)
    run(command(images, out, "--workers", "2", "--resume"))
    print(f"killed and resumed{time.monotonic() - start:>4.1f} s wall")
    return _say(differing(folder / "by 2", out), "an undisturbed run and a killed one")


def _say(names: Sequence[str], which: str) -> bool:
    if names:
        print(f"{len(names)} files differ between {which}, among them {names[0]}")
    else:
        print(f"the files of {which} are the same")
    return not names


if __name__ == "__main__":
    main()
