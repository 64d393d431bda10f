#!/usr/bin/env python3
"""Set everything up, then run the demonstration or the tests; may be run again at any time.

python3 run.py demo [ARGUMENT ...]     the main job on the sample: napari-leukocyte demo
python3 run.py test [STEP ...]         every check, or the steps named
python3 run.py test --here [STEP ...]  the same with the Python that runs this; sets nothing up
python3 run.py docs                    the documentation as a site, into site/
python3 run.py wheel [3.12 ...]        the wheel, tried in clean environments of these Pythons
python3 run.py release v1.2.3          wheel and sdist of a tag, checked, into dist/

Steps: lint, format, manifest, core, windows-1, windows-2, windows-3, training, data, types,
training-data, docs; windows stands for its three parts, tests for core and windows. Two to four
run at a time, by the number of cores, and what each prints is shown at its end. What follows a --
goes to pytest. Every step has a home folder of its own, which is empty; only data and
training-data see the image sets. With --dry-run the commands are printed, and nothing is set up or
run.

NAPARI_LEUKOCYTE_QT chooses pyqt6 (the default) or pyside6, NAPARI_LEUKOCYTE_DEPENDENCIES newest
(the default) or lowest, which installs the lower bounds of pyproject.toml themselves. wheel tries
both, unless it is set.

Needs Python 3.11 to 3.13 and nothing else. Makes a virtual environment in .venv (or in
NAPARI_LEUKOCYTE_VENV) and installs the package into it, editable. On Debian and Ubuntu it also
installs the system libraries that are missing, as root or with sudo.

Exit status: 0 good, 1 a check failed, 2 wrong usage or the set-up is impossible.
"""

# Must start on Python 3.8, if only to say that it is too old: no newer syntax, and no imports from
# outside the standard library.
from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NEWEST, OLDEST = (3, 13), (3, 11)
# The extra of each binding of Qt.
BINDINGS = {"pyqt6": "qt", "pyside6": "pyside"}
QT_VARIABLE, DEPENDENCIES_VARIABLE = "NAPARI_LEUKOCYTE_QT", "NAPARI_LEUKOCYTE_DEPENDENCIES"
SITE, DIST = ROOT / "site", ROOT / "dist"
LINUX = sys.platform.startswith("linux")

# Debian packages that Qt's xcb plugin and OpenGL load, and that a machine without a desktop lacks.
WINDOW_PACKAGES = (
    "fontconfig",
    "fonts-dejavu-core",
    "libdbus-1-3",
    "libegl1",
    "libgl1",
    "libglib2.0-0",
    "libopengl0",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-image0",
    "libxcb-keysyms1",
    "libxcb-randr0",
    "libxcb-render-util0",
    "libxcb-shape0",
    "libxkbcommon-x11-0",
)
# A screen for the tests, so that their windows neither need a desktop nor disturb one.
VIRTUAL_SCREEN_PACKAGES = ("xauth", "xvfb")
SCREEN = "-screen 0 1600x1000x24"
# Tests that open windows all the time, and into how many processes they are parted: with less,
# some of those that run at a time would be without work at the end.
WINDOWS, PARTS = "tests/ui", 3
# How many steps run at a time: two, and more where each has two cores. Memory is the limit: each
# takes a gigabyte or two.
LANES = max(2, min(4, (os.cpu_count() or 1) // 2))
# How many threads ONNX Runtime, OpenMP, OpenBLAS, TensorFlow and Mesa's OpenGL take: each takes all
# cores by itself, and threads that wait for a core that another step has use it up by waiting.
THREADS = (
    "NAPARI_LEUKOCYTE_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "LP_NUM_THREADS",
)
# How often steps that run are asked whether they have ended, s.
LOOK_S = 0.1
# Prints commands instead of running them.
DRY = "--dry-run"
# What pytest says if its arguments leave no test.
NOTHING_CHOSEN = 5
DATA_VARIABLE = "NAPARI_LEUKOCYTE_DATA"
# The steps that see the image sets.
WITH_DATA = ("data", "training-data")
# Where programs keep what they should not find again in a test: variable and folder in its home.
HOMES = {
    "HOME": "",
    "USERPROFILE": "",
    "XDG_CACHE_HOME": ".cache",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "APPDATA": "AppData/Roaming",
    "LOCALAPPDATA": "AppData/Local",
}


class SetupError(Exception):
    """The set-up can't go on; the message is one sentence for the user."""


def say(text: str) -> None:
    """Print at once: the programs started here write to the same terminal."""
    print(text, flush=True)


def quiet(
    command: list[str], log: Path, on_line: Callable[[str], None] = lambda line: None
) -> bool:
    """Run a command with its output in the log only; show the end of it if it fails.

    Each line goes to `on_line` as it comes, too.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    printed: list[str] = []
    with log.open("a", encoding="utf-8") as f:
        f.write(f"$ {shlex.join(command)}\n")
        with subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                f.write(line)
                printed.append(line.rstrip())
                on_line(line.rstrip())
        f.write("\n")
    if process.returncode:
        say(f"This failed: {shlex.join(command)}")
        say("\n".join(f"    {line}" for line in printed[-25:]))
        say(f"All of its output: {log}")
    return process.returncode == 0


class PipReport:
    """What pip is at, by the names of the packages: one line that changes on a terminal.

    Elsewhere, such as in a log of a service, it is a line for each package.
    """

    # How pip's lines begin, and what is said instead.
    BEGINNINGS = (
        ("Collecting ", "Looking for"),
        ("Downloading ", "Downloading"),
        ("Building wheel for ", "Building"),
        ("Installing collected packages: ", "Unpacking"),
    )

    def __init__(self) -> None:
        self.on_terminal = sys.stdout.isatty()
        self.last = ""

    def line(self, line: str) -> None:
        """Take a line of pip's output."""
        for beginning, verb in self.BEGINNINGS:
            if not line.strip().startswith(beginning):
                continue
            rest = line.strip()[len(beginning) :]
            if verb == "Unpacking":
                count = len(rest.split(", "))
                self.show(f"Unpacking {count} package{'s' * (count != 1)}")
            elif ".metadata" not in rest:
                # A requirement begins with the package's name, and so does a file's name.
                word = rest.split()[0].rpartition("/")[2]
                name = re.match(r"[A-Za-z0-9._-]+?(?=-\d|[^A-Za-z0-9._-]|$)", word)
                self.show(f"{verb} {name[0] if name else word}")

    def show(self, text: str) -> None:
        """Show what goes on, unless it is on the screen already."""
        if text == self.last:
            return
        self.last = text
        if self.on_terminal:
            width = shutil.get_terminal_size().columns - 5
            print(f"\r\033[K    {text[:width]}", end="", flush=True)
        else:
            say(f"    {text}")

    def end(self) -> None:
        """Leave the line to what is printed next."""
        if self.on_terminal and self.last:
            print("\r\033[K", end="", flush=True)
        self.last = ""


def output_of(command: list[str]) -> str | None:
    """Run a command and return what it prints, or None if it can't be run or fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None
    return None if done.returncode else done.stdout.decode("utf-8", "replace")


# System packages ------------------------------------------------------------------------------


def missing_packages(names: tuple[str, ...]) -> list[str]:
    """Return those Debian packages that are not installed; none where there is no apt."""
    if not (LINUX and shutil.which("apt-get") and shutil.which("dpkg-query")):
        return []
    # Newer releases renamed some libraries to ...t64, for their 64-bit time.
    both = [*names, *(f"{name}t64" for name in names)]
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f=${db:Status-Status} ${Package}\n", *both],  # noqa: S607
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # one line for each that it doesn't know
    )
    lines = asked.stdout.decode().splitlines()
    installed = {line.split()[1] for line in lines if line.startswith("installed ")}
    return [n for n in names if n not in installed and f"{n}t64" not in installed]


def as_root() -> list[str] | None:
    """Return what to put before a command to run it as root, or None if that can't be done."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    if output_of(["sudo", "-n", "true"]) is not None:
        return ["sudo", "-n"]
    # sudo asks for the password on the terminal by itself.
    return ["sudo"] if sys.stdin.isatty() and subprocess.call(["sudo", "-v"]) == 0 else None  # noqa: S607


def install_packages(names: tuple[str, ...], log: Path) -> bool:
    """Install the Debian packages that are missing; say how where that isn't allowed."""
    missing = missing_packages(names)
    if not missing:
        return True
    root = as_root()
    if root is not None:
        say(f"Installing system packages: {' '.join(missing)}")
        apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y"]
        apt += ["-o", "DPkg::Lock::Timeout=120"]
        for _ in range(2):  # mirrors fail now and then
            quiet([*apt, "update"], log)
            if quiet([*apt, "install", "--no-install-recommends", *missing], log):
                return True
    say("Some system packages are missing and can't be installed from here. This command does it:")
    say(f"    sudo apt-get update && sudo apt-get install {' '.join(missing)}")
    return False


# Python environment ---------------------------------------------------------------------------


def version_of(python: list[str]) -> tuple[int, ...] | None:
    """Return (major, minor, micro) of a Python that can be run, else None."""
    printed = output_of([*python, "-c", "import sys; print(*sys.version_info[:3])"])
    return tuple(int(n) for n in printed.split()) if printed else None


def supported(version: tuple[int, ...] | None) -> bool:
    """Tell whether the package runs on this version of Python."""
    return version is not None and OLDEST <= version[:2] <= NEWEST


def base_python() -> list[str]:
    """Return the command of a Python to make the environment with: this one, if it will do."""
    candidates = [[sys.executable]]
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        candidates += [[f"python3.{minor}"], ["py", f"-3.{minor}"]]
    for command in candidates:
        if supported(version_of(command)):
            return command
    have = ".".join(str(n) for n in sys.version_info[:3])
    raise SetupError(
        f"this is Python {have}, which won't do, and no Python 3.11 to 3.13 was found: install "
        "one and run this again."
    )


def environment_folder() -> Path:
    """Return the folder of the virtual environment."""
    return Path(os.environ.get("NAPARI_LEUKOCYTE_VENV") or ROOT / ".venv").expanduser().absolute()


def program(venv: Path, name: str) -> Path:
    """Return the path of a program in the environment."""
    return venv / ("Scripts" if os.name == "nt" else "bin") / name


def make_environment(venv: Path, log: Path) -> None:
    """Make the virtual environment, or make it anew where its Python is gone or won't do."""
    if supported(version_of([str(program(venv, "python"))])):
        return
    base = base_python()
    if output_of([*base, "-c", "import ensurepip, venv"]) is None:
        # Debian keeps this part of the standard library in a package of its own.
        minor = (version_of(base) or NEWEST)[1]
        install_packages((f"python3.{minor}-venv",), log)
        if output_of([*base, "-c", "import ensurepip, venv"]) is None:
            raise SetupError(
                f"{shlex.join(base)} has no venv module (on Debian and Ubuntu: "
                f"sudo apt-get install python3.{minor}-venv)."
            )
    say(f"Making the virtual environment {venv}")
    if not quiet([*base, "-m", "venv", "--clear", str(venv)], log):
        raise SetupError(f"the virtual environment {venv} could not be made.")


def choice(variable: str, known: tuple[str, ...]) -> str:
    """Return what an environment variable chooses; the first by default."""
    value = os.environ.get(variable) or known[0]
    if value not in known:
        raise SetupError(f"{variable} is {value!r}: choose {' or '.join(known)}.")
    return value


def binding() -> str:
    """Return the binding of Qt that is installed and tested."""
    return choice(QT_VARIABLE, tuple(BINDINGS))


def lowest() -> bool:
    """Tell whether the lower bounds of the dependencies are to be installed."""
    return choice(DEPENDENCIES_VARIABLE, ("newest", "lowest")) == "lowest"


def extras_of(job: str) -> str:
    """Return the extras of the package that a job needs."""
    qt = BINDINGS[binding()]
    if job == "demo":
        return qt
    if job == "docs":
        return "docs"
    # TensorFlow's lower bounds are old; the tests without training need none.
    train = "" if lowest() else "train,"
    return f"{qt},explain,slides,{train}xarray,docs,test"


def stamp(extras: str, venv: Path) -> tuple[Path, str]:
    """Return the file that says what was installed, and what it must hold to be still true."""
    python = version_of([str(program(venv, "python"))])
    key = f"{python} {ROOT} {extras} {lowest()}\n".encode() + (ROOT / "pyproject.toml").read_bytes()
    name = f"napari-leukocyte-{extras.replace(',', '-')}.sha256"
    return venv / name, hashlib.sha256(key).hexdigest()


def install(extras: str, venv: Path, log: Path) -> None:
    """Install the package, unless this pyproject.toml is installed here already."""
    for enough in (extras, extras_of("test")):  # the tests' extras hold all others
        file, digest = stamp(enough, venv)
        if file.is_file() and file.read_text(encoding="ascii") == digest:
            return
    say(f"Installing napari-leukocyte[{extras}] (some minutes the first time)")
    pip = [str(program(venv, "python")), "-m", "pip", "--no-input", "--disable-pip-version-check"]
    command = [*pip, "install", "--editable", f".[{extras}]"]
    if lowest():
        quiet([*pip, "install", "uv"], log)
        command = [str(program(venv, "uv")), "pip", "install", "--python", str(venv)]
        command += ["--resolution", "lowest-direct", "--editable", f".[{extras}]"]
    for _ in range(2):  # the network fails now and then, too
        if quiet(command, log):
            file, digest = stamp(extras, venv)
            file.write_text(digest, encoding="ascii")
            return
    raise SetupError("pip could not install the package.")


def set_up(job: str) -> Path:
    """Install what a job needs and return the folder of the environment."""
    venv = environment_folder()
    log = venv / "setup.log"
    try:
        venv.mkdir(parents=True, exist_ok=True)
        # Making it anew empties the folder: never somebody's own.
        if not (venv / "pyvenv.cfg").is_file() and set(venv.iterdir()) - {log}:
            raise SetupError(f"{venv} is not a virtual environment, and it is not empty.")
        log.touch()
    except OSError as error:
        raise SetupError(f"{venv} can't be written ({error.strerror}).") from error
    make_environment(venv, log)
    install(extras_of(job), venv, log)
    if job == "test":
        install_packages((*WINDOW_PACKAGES, *VIRTUAL_SCREEN_PACKAGES), log)
    elif job == "demo" and has_screen():  # without one, the demonstration opens no window
        install_packages(WINDOW_PACKAGES, log)
    return venv


# Jobs -----------------------------------------------------------------------------------------


def has_screen() -> bool:
    """Tell whether a window can be opened."""
    return not LINUX or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def virtual_screen(number: int) -> list[str]:
    """Return what to put before a command that opens windows, so that they need no desktop."""
    if not LINUX:
        return []
    if shutil.which("xvfb-run"):
        return ["xvfb-run", "-a", "-n", str(number), "-s", SCREEN]
    if has_screen():
        return []
    raise SetupError("the tests open windows and need xvfb-run, which is not installed.")


def window_parts() -> list[list[str]]:
    """Return the files of tests that open windows, in parts that take about as long.

    A file is taken to last as long as it has tests.
    """
    counted = [
        (len(re.findall(r"^def test_", file.read_text(encoding="utf-8"), re.MULTILINE)), file)
        for file in (ROOT / WINDOWS).rglob("test_*.py")
    ]
    parts: list[list[str]] = [[] for _ in range(PARTS)]
    sums = [0] * PARTS
    for tests, file in sorted(counted, reverse=True):
        shortest = sums.index(min(sums))
        sums[shortest] += tests
        parts[shortest].append(file.relative_to(ROOT).as_posix())
    return [sorted(part) for part in parts]


def steps(python: str, pytest_arguments: list[str]) -> dict[str, list[str]]:
    """Return the command of every check by its name, in the order they begin.

    What ends at once comes first, then the longest: the short ones fill what is left at the end.
    """
    pytest = [python, "-m", "pytest"]
    unless = ["-m", "not data"]
    windows = {
        f"windows-{number}": [*pytest, *files, *unless, *pytest_arguments]
        for number, files in enumerate(window_parts(), start=1)
    }
    # Never in one process: TensorFlow and the viewer's OpenGL crash together.
    apart = "--ignore=tests/training"
    return {
        "lint": [python, "-m", "ruff", "check", "."],
        "format": [python, "-m", "ruff", "format", "--check", "."],
        "manifest": [python, "-m", "npe2", "validate", "napari-leukocyte"],
        "core": [*pytest, "tests", apart, f"--ignore={WINDOWS}", *unless, *pytest_arguments],
        **windows,
        "training": [*pytest, "tests/training", *unless, *pytest_arguments],
        "data": [*pytest, "tests", apart, "-m", "data", *pytest_arguments],
        "types": [python, "-m", "mypy"],
        "training-data": [*pytest, "tests/training", "-m", "data", *pytest_arguments],
        "docs": site_command(python),
    }


def site_command(python: str) -> list[str]:
    """Return the command that builds the site, and fails at any warning."""
    return [python, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(SITE)]


def test_environment(step: str, home: Path) -> dict[str, str]:
    """Return the environment variables of a check, which lives in an empty home of its own.

    So no cache or setting of this machine can hide what a fresh one lacks. Only pip's cache stays:
    it changes how long something takes, not what comes of it.
    """
    env = dict(os.environ)
    # These would let something else than the environment's packages in, or choose a Qt platform
    # that has no OpenGL or ignores the virtual screen.
    for name in ("PYTHONPATH", "PYTHONHOME", "QT_QPA_PLATFORM"):
        env.pop(name, None)
    env["QT_API"] = env["PYTEST_QT_API"] = binding()
    if LINUX and shutil.which("xvfb-run"):
        env.pop("WAYLAND_DISPLAY", None)
    env.setdefault("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip"))
    for name, folder in HOMES.items():
        env[name] = str(home / folder)
        (home / folder).mkdir(parents=True, exist_ok=True)
    if step not in WITH_DATA:
        env[DATA_VARIABLE] = str(home / "no image sets")
    env["NO_ALBUMENTATIONS_UPDATE"] = "1"  # else its import asks the network for a newer release
    env["TF_CPP_MIN_LOG_LEVEL"] = "3"
    env["NO_MKDOCS_2_WARNING"] = "1"  # of its makers' other program
    return env


def chosen_steps(names: list[str], known: dict[str, list[str]]) -> list[str]:
    """Return the steps that were named, or all, in the order they begin."""
    windows = [name for name in known if name.startswith("windows-")]
    several = {"windows": windows, "tests": ["core", *windows]}
    named = [part for name in names for part in several.get(name, [name])]
    for name in named:
        if name not in known:
            raise SetupError(
                f"there is no step {name!r}: known are tests, windows, {', '.join(known)}."
            )
    return [name for name in known if not named or name in named]


def run_steps(commands: dict[str, list[str]], folder: Path) -> dict[str, tuple[int, float]]:
    """Run checks, some at a time, and return the exit status of each and how long it took, s.

    What a check prints is shown at its end, unless it is the only one; their homes and outputs lie
    in a folder that is removed afterwards.
    """
    waiting, results = list(commands), {}
    running: dict[str, tuple[subprocess.Popen[bytes], float]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < LANES:
                name = waiting.pop(0)
                # Numbers of screens that no other of these programs takes at the same time.
                opens = name.startswith(("core", "windows", "data"))
                screen = virtual_screen(99 + 100 * list(commands).index(name)) if opens else []
                command = [*screen, *commands[name]]
                env = test_environment(name, folder / f"home-{name}")
                if len(commands) > 1:
                    share = str(max(1, (os.cpu_count() or 1) // LANES))
                    env = {**dict.fromkeys(THREADS, share), **env}
                say(f"\n== {name} begins: {shlex.join(command)}")
                with (folder / name).open("wb") as file:
                    process = subprocess.Popen(
                        command,
                        cwd=ROOT,
                        env=env,
                        stdin=subprocess.DEVNULL,
                        stdout=None if len(commands) == 1 else file,
                        stderr=None if len(commands) == 1 else subprocess.STDOUT,
                    )
                running[name] = process, time.monotonic()
            time.sleep(LOOK_S)
            for name, (process, start) in list(running.items()):
                if process.poll() is None:
                    continue
                del running[name]
                results[name] = process.returncode, time.monotonic() - start
                printed = (folder / name).read_text(encoding="utf-8", errors="replace")
                say(f"\n== {name} ended with exit status {process.returncode}\n{printed}")
    finally:
        for process, _ in running.values():  # Ctrl+C reached them, too
            process.terminate()
            process.wait()
    return results


def test(arguments: list[str]) -> int:
    """Run the checks, all of them even if one fails, and sum up."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    names, pytest_arguments = arguments[:cut], arguments[cut + 1 :]
    here, dry = "--here" in names, DRY in names
    names = [name for name in names if name not in ("--here", DRY)]
    known = steps(sys.executable, pytest_arguments)
    chosen = chosen_steps(names, known)
    if dry:
        return dry_run([known[name] for name in chosen])
    if not here:
        known = steps(str(program(set_up("test"), "python")), pytest_arguments)
    folder = Path(tempfile.mkdtemp(prefix="napari-leukocyte-"))
    try:
        results = run_steps({name: known[name] for name in chosen}, folder)
    finally:
        # A program that is still closing down may write once more; what is left is the system's.
        shutil.rmtree(folder, ignore_errors=True)
    say("\n== summary")
    fine = (0, NOTHING_CHOSEN) if pytest_arguments else (0,)
    for name in chosen:
        status, seconds = results[name]
        verdict = "passed" if status in fine else f"FAILED (exit status {status})"
        say(f"{name:<14}{seconds:7.1f} s  {verdict}")
    return int(any(status not in fine for status, _ in results.values()))


def dry_run(commands: list[list[str]]) -> int:
    """Print commands instead of running them."""
    for command in commands:
        say(f"{binding()} {'lowest' if lowest() else 'newest'}: {shlex.join(command)}")
    return 0


def docs(arguments: list[str]) -> int:
    """Build the documentation as a site."""
    if DRY in arguments:
        return dry_run([site_command(sys.executable)])
    command = site_command(str(program(set_up("docs"), "python")))
    status = subprocess.call(command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"})
    if status == 0:
        say(f"The site is {SITE / 'index.html'}")
    return status


def wheel(arguments: list[str]) -> int:
    """Build the wheel and try it in clean environments of Pythons, by default all that are here."""
    named = [a for a in arguments if a != DRY]
    known = [f"3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
    if not set(named) <= set(known):
        raise SetupError(f"say which Python: {', '.join(known)}, or none for all that are here.")
    python = sys.executable if DRY in arguments else str(program(set_up("test"), "python"))
    with tempfile.TemporaryDirectory(prefix="napari-leukocyte-") as folder:
        built = [python, "-m", "build", "--wheel", "--outdir", folder]
        tried = [python, "tests/clean_environments.py", folder, "--qt", binding()]
        tried += ["--python", *(named or known), *(["--all-needed"] if named else [])]
        if os.environ.get(DEPENDENCIES_VARIABLE):
            tried += ["--dependencies", "lowest" if lowest() else "newest"]
        if DRY in arguments:
            return dry_run([built, tried])
        tried += ["--screen", shlex.join(virtual_screen(399))]
        return subprocess.call(built, cwd=ROOT) or subprocess.call(tried, cwd=ROOT)


def release(arguments: list[str]) -> int:
    """Build wheel and sdist of a tag, which must be what is checked out, and check both."""
    tags = [a for a in arguments if a != DRY]
    if len(tags) != 1:
        raise SetupError("say which tag is released, such as: release v1.2.3.")
    python = sys.executable if DRY in arguments else str(program(set_up("test"), "python"))
    commands = [
        [python, "-m", "build", "--outdir", str(DIST)],
        [python, "-m", "pytest", "tests/test_release.py"],
    ]
    if DRY in arguments:
        return dry_run(commands)
    version = tags[0].removeprefix("v")
    if not re.fullmatch(r"v\d+\.\d+\.\d+(rc\d+)?", tags[0]):
        raise SetupError(f"{tags[0]!r} is no tag of a release: say which, such as release v1.2.3.")
    dated = rf"^## \[?{re.escape(version)}\]? - \d{{4}}-\d\d-\d\d$"
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(dated, changes, re.MULTILINE):
        raise SetupError(f"CHANGELOG.md has no section of version {version} with a date.")
    status = subprocess.call(commands[0], cwd=ROOT)
    if status == 0 and not list(DIST.glob(f"napari_leukocyte-{version}-*.whl")):
        raise SetupError(f"what was built is not {version}: check {tags[0]} out, with no changes.")
    return status or subprocess.call(commands[1], cwd=ROOT)


def demo(arguments: list[str]) -> int:
    """Run the main job on the sample."""
    venv = set_up("demo")
    return subprocess.call([str(program(venv, "napari-leukocyte")), "demo", *arguments])


def main(arguments: list[str]) -> int:
    """Run the job that the command line names."""
    jobs = {"demo": demo, "test": test, "docs": docs, "wheel": wheel, "release": release}
    if arguments[:1] in (["-h"], ["--help"]):
        say(str(__doc__))
        return 0
    if not arguments or arguments[0] not in jobs:
        print(__doc__, file=sys.stderr)
        given = f"there is no {arguments[0]!r}" if arguments else "nothing to do was named"
        print(f"run.py: {given}: say one of {', '.join(jobs)}.", file=sys.stderr)
        return 2
    try:
        return jobs[arguments[0]](arguments[1:])
    except SetupError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
