"""Those who do the tasks: this process, a cluster of processes, or a cluster that is running."""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from napari_leukocyte.analysis.batch.settings import (
    RunSettings,
    VersionError,
    check_identity,
    identify,
)
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.models.runtime import THREADS_VARIABLE

#: Part of the memory that local workers share, and the least that one needs, bytes.
SHARE, LEAST_MEMORY = 0.85, 3 * 2**30
#: Tasks that wait at each worker: few, so that a graph of millions is never whole anywhere.
WAITING = 2
#: How long a scheduler is waited for, and its first worker, s.
PATIENCE_S = 10
#: How often it is looked whether the scheduler is still there, s.
_LOOK_S = 0.5


class ClusterError(LeukocyteError):
    """A scheduler or its workers that can't be reached, or have gone."""


@dataclass(frozen=True, eq=False)
class Finished:
    """A task that has ended.

    Attributes
    ----------
    token : object
        What it was submitted with.
    value : object
        What it returned.
    error : Exception or None
        What it raised.
    """

    token: Any
    value: Any = None
    error: Exception | None = None


class Workers(ABC):
    """Whoever does tasks."""

    #: How many tasks may be submitted and not yet fetched.
    room: int = 1
    #: Where progress can be watched in a browser; empty where it can't.
    dashboard: str = ""

    @abstractmethod
    def submit(self, token: Any, task: Callable[..., Any], *arguments: Any) -> None:
        """Have a task done."""

    @abstractmethod
    def fetch(self) -> Finished:
        """Wait for the next task to end; at least one must be under way.

        Raises
        ------
        ClusterError
            If all workers have gone.
        """

    def close(self) -> None:  # noqa: B027 - this process has nothing to close
        """Let the workers go."""

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ThisProcess(Workers):
    """Tasks done one after the other in this process."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Any, Callable[..., Any], tuple[Any, ...]]] = []

    def submit(self, token: Any, task: Callable[..., Any], *arguments: Any) -> None:
        """Have a task done when it is fetched."""
        self._waiting.append((token, task, arguments))

    def fetch(self) -> Finished:
        """Do the next task."""
        token, task, arguments = self._waiting.pop(0)
        try:
            return Finished(token, task(*arguments))
        except Exception as error:
            return Finished(token, error=error)


class Cluster(Workers):
    """Workers of dask.distributed.

    Parameters
    ----------
    client : distributed.Client
        Connected.
    close : callable
        Called at the end.
    """

    def __init__(self, client: Any, close: Callable[[], None]) -> None:
        # What dask logs about lost connections is said here in a sentence.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        self._client, self._close = client, close
        self._tokens: dict[Any, Any] = {}
        self._ended: SimpleQueue[Any] = SimpleQueue()
        self.dashboard = str(client.dashboard_link or "")
        self.room = max(1, len(client.scheduler_info(n_workers=-1)["workers"])) * (1 + WAITING)

    def submit(self, token: Any, task: Callable[..., Any], *arguments: Any) -> None:
        """Have a task done by whichever worker is free."""
        # Results are files: a task that is lost is simply done again.
        future = self._client.submit(task, *arguments, pure=False)
        self._tokens[future] = token
        future.add_done_callback(self._ended.put)

    def fetch(self) -> Finished:
        """Wait for the next task."""
        while True:
            if self._client.status != "running":
                raise ClusterError("The scheduler has gone.")
            try:
                future = self._ended.get(timeout=_LOOK_S)
            except Empty:
                continue
            token = self._tokens.pop(future, None)
            if token is None:  # cancelled
                continue
            if future.status not in ("finished", "error"):
                raise ClusterError("The scheduler has gone.")
            error = future.exception()
            value = None if error is not None else future.result()
            return Finished(token, value, _explained(error))

    def close(self) -> None:
        """Give up what is under way, and let the workers go."""
        tokens, self._tokens = list(self._tokens), {}
        with suppress(Exception):  # there may be nobody left to tell
            self._client.cancel(tokens, force=True)
        self._close()


def _explained(error: Exception | None) -> Exception | None:
    """Return an error as one sentence where dask's own says little to a user."""
    if error is not None and type(error).__name__ == "KilledWorker":
        return ClusterError(
            "the workers that tried it died one after the other, as those do that have too little "
            "memory"
        )
    return error


def start_workers(number: int) -> Cluster:
    """Start worker processes on this machine.

    Parameters
    ----------
    number : int
        How many; cores and memory are shared among them.

    Raises
    ------
    ClusterError
        If this machine has too little memory for so many, or they do not start.
    """
    import psutil  # type: ignore[import-untyped]

    total = psutil.virtual_memory().total
    memory = int(SHARE * total / number)
    if memory < LEAST_MEMORY and number > 1:
        most = max(1, int(SHARE * total / LEAST_MEMORY))
        raise ClusterError(
            f"{number} workers are too many for {total / 2**30:.0f} GiB of memory: use at most "
            f"{most}."
        )
    from distributed import Client, LocalCluster

    threads = str(max(1, (os.cpu_count() or 1) // number))
    try:
        cluster = LocalCluster(
            n_workers=number,
            threads_per_worker=1,
            processes=True,
            memory_limit=memory,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            # A pool of threads for each, as many as it has cores of its own.
            env={THREADS_VARIABLE: threads, "OMP_NUM_THREADS": threads},
        )
        client = Client(cluster, set_as_default=False)
    except Exception as error:
        raise ClusterError(f"The workers did not start: {error}.") from error

    def close() -> None:
        client.close()
        cluster.close()

    return Cluster(client, close)


def join_workers(address: str, settings: RunSettings, identity: Mapping[str, Any]) -> Cluster:
    """Join a cluster that is running, if its workers have the same versions.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://node1:8786``.
    settings : RunSettings
        Of the run.
    identity : mapping
        As from `identify`, of this program.

    Raises
    ------
    ClusterError
        If there is no scheduler, or it has no workers.
    VersionError
        If a worker has another version of the package or of a model.
    """
    from distributed import Client

    try:
        client = Client(address, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(f"There is no scheduler at {address}.") from error
    try:
        try:
            client.wait_for_workers(1, timeout=PATIENCE_S)
        except (OSError, TimeoutError) as error:
            raise ClusterError(f"The scheduler at {address} has no workers.") from error
        try:
            answers = client.run(_who, settings.model, settings.classifier)
        except Exception as error:
            raise ClusterError(
                f"The workers of {address} don't have this version of napari-leukocyte: {error}."
            ) from error
        for worker, found in sorted(answers.items()):
            if isinstance(found, str):
                raise VersionError(f"The worker {worker} lacks a model: {found}")
            check_identity(identity, found, f"The worker {worker}")
    except BaseException:
        client.close()
        raise
    return Cluster(client, client.close)


def _who(model: str, classifier: str | None) -> dict[str, Any] | str:
    """Return a worker's identity, or what is wrong with its models."""
    try:
        return identify(model, classifier)
    except LeukocyteError as error:
        return str(error)
