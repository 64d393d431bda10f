"""Run a fine-tuning for the command line and say what came of it."""

from __future__ import annotations

from pathlib import Path

import typer

from napari_leukocyte.cli.reporting import Reporter
from napari_leukocyte.cli.sentences import DONE, INTERRUPTED, SOME_FAILED, complain
from napari_leukocyte.learning.finetune import job as jobs
from napari_leukocyte.learning.finetune.job import TrainingProgress
from napari_leukocyte.learning.finetune.outcome import Outcome, measure_job, take
from napari_leukocyte.learning.finetune.plan import Plan
from napari_leukocyte.learning.head.comparison import share, signed
from napari_leukocyte.vocabulary import DISCLAIMER


def finetune(plan: Plan, job: Path, *, resume: bool, add_worse: bool, into: Path | None) -> int:
    """Run, measure and add; return the exit status."""
    if not resume:
        jobs.begin(plan, job)
    told = 0

    def follow(curves: TrainingProgress) -> None:
        nonlocal told
        done = curves.epoch * curves.steps + curves.step
        reporter.step(done, curves.epochs * curves.steps, curves.stage)
        epochs = len(curves.values.get("loss", []))
        for epoch in range(told, epochs):
            values = {n: v[epoch] for n, v in curves.values.items() if epoch < len(v)}
            shown = ", ".join(f"{n} {v:.4f}" for n, v in values.items() if n != "learning_rate")
            reporter.say(f"Epoch {epoch + 1} of {curves.epochs}: {shown}")
        told = max(told, epochs)

    with Reporter(images=0) as reporter:
        try:
            jobs.run(job, follow)
        except KeyboardInterrupt:
            complain(f"Interrupted: go on with --resume --name {plan.name}.")
            return INTERRUPTED
        made, outcome = measure_job(plan, job, reporter.step)
    for line in as_lines(outcome):
        typer.echo(line)
    worse = outcome.difference.value < 0
    if worse and not add_worse:
        complain(f"{plan.name} is worse than the model in use and was not added.")
    else:
        added = take(plan, made, outcome, into)
        typer.echo(f"{added.name} is among your models now: {added.folder}")
    typer.echo(DISCLAIMER)
    return SOME_FAILED if worse and not add_worse else DONE


def as_lines(outcome: Outcome) -> list[str]:
    """Return what was measured, before and after."""
    lines = [
        f"On {outcome.photographs} validation photographs, {outcome.what}: before "
        f"{share(outcome.before)}, after {share(outcome.after)}, difference "
        f"{signed(outcome.difference)}."
    ]
    return [*lines, *(f"  {name}: before {a}, after {b}" for name, a, b in outcome.rows)]
