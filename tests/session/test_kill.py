"""Killed at any moment, a session loses nothing that it had said was done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_leukocyte.session.session import Session
from napari_leukocyte.session.state import State
from napari_leukocyte.session.store import open_session
from tests.session.work import IMAGE, fingerprint, work

KILLS = 200
#: Most commands before a kill, and the longest time from the last of them to it, s: opening and a
#: command take some milliseconds each.
MOST_COMMANDS, LATEST_S = 3, 0.03

# A process that has imported everything makes workers, one after the other. A worker goes on from
# where the one before was killed, and says each command after it was done.
_WORKERS = """
import os, sys
from pathlib import Path
import cv2
from napari_leukocyte.session import store
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import open_session
from napari_leukocyte.segmentation import objects
from tests.session.work import IMAGE, work

# As the fixture `all_convincing` has it here.
objects.score_objects = lambda labels, *_: {int(n): 1.0 for n in set(labels.ravel()) if n}
cv2.setNumThreads(0)  # its threads would not be there after a fork
store.REWRITE_SIZE = 10_000  # kills are to fall into this, too
for number in range(40):
    work(Session(IMAGE), number)
for line in sys.stdin:
    worker = os.fork()
    if worker == 0:
        os.write(1, b"worker %d\\n" % os.getpid())
        session = open_session(IMAGE, "field", Path(sys.argv[1]))
        for number in range(int(line), int(line) + 100_000):
            work(session, number)
            os.write(1, b"done %d\\n" % number)
    os.waitpid(worker, 0)
    os.write(1, b"dead\\n")
"""


class _Moments:
    """Notes every moment that a session goes through, as a record would leave it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.seen: list[tuple[State, int, str]] = []
        session.attach(self)

    def note(self) -> None:
        session = self.session
        moment = (session._state, session.next_label, fingerprint(session, times=False))
        self.seen.append(moment)

    def record(self, *_: Any, **__: Any) -> None:
        self.note()

    def keep_maps(self, maps: object) -> object:
        return None

    def close(self) -> None: ...


@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")
def test_every_command_that_was_done_is_there_after_200_kills(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    # The same commands, on a session that nobody kills.
    shadow = Session(IMAGE, "field")
    moments = _Moments(shadow)
    following, acknowledged, beyond = 0, 0, 0
    with subprocess.Popen(
        [sys.executable, "-c", _WORKERS, str(tmp_path / "s")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    ) as workers:
        assert workers.stdin is not None
        assert workers.stdout is not None
        for _ in range(KILLS):
            print(following, file=workers.stdin, flush=True)
            word, worker = workers.stdout.readline().split()
            assert word == "worker"
            lines = [workers.stdout.readline() for _ in range(rng.integers(MOST_COMMANDS + 1))]
            time.sleep(rng.uniform(0, LATEST_S))
            os.kill(int(worker), signal.SIGKILL)
            shadow._history.clear()  # steps are not kept
            lines += iter(workers.stdout.readline, "dead\n")
            for line in lines:
                assert line == f"done {following}\n"
                work(shadow, following)
                following += 1
                acknowledged += 1
            # The next command may have been written down, or a part of it, and not been told of.
            moments.seen.clear()
            work(shadow, following)
            following += 1
            moments.note()
            session = open_session(IMAGE, "field", tmp_path / "s")
            found = session.next_label, fingerprint(session, times=False)
            assert "damaged" not in (session.restored or "")
            where = [known[1:] for known in moments.seen].index(found)
            beyond += where > 0
            shadow._state, shadow._next_label, _ = moments.seen[where]
            session.close()
        workers.stdin.close()
    # Otherwise nothing was tried.
    assert acknowledged > KILLS
    assert beyond > 0
