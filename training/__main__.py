"""``python -m training``: make the models that the plugin ships, and measure them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its start-up notes hide what matters

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
DataRoot = Annotated[
    Path,
    typer.Option(
        "--data-root",
        envvar="NAPARI_LEUKOCYTE_DATA",
        help="Folder of the data sets; training/README.md says how it is laid out.",
    ),
]
Config = Annotated[Path, typer.Argument(help="An experiment, see training/configs/.")]
DEFAULT_ROOT = Path("../shared/data")


@app.command()
def split(data_root: DataRoot = DEFAULT_ROOT) -> None:
    """Split every set by source photograph and write the lists of names."""
    from training.data.photographs import CLASSIFIED, load
    from training.data.splits import make_split, write_split

    for dataset in CLASSIFIED:
        made = make_split(load(dataset, data_root))
        sizes = ", ".join(f"{len(names)} {side}" for side, names in made.items())
        print(f"{write_split(dataset, made)}: {sizes}")


@app.command()
def segment(config: Config, data_root: DataRoot = DEFAULT_ROOT) -> None:
    """Train one member of the segmentation ensemble; an interrupted run goes on."""
    from training.segment import train_member

    train_member(config, data_root)


@app.command()
def classify(config: Config, data_root: DataRoot = DEFAULT_ROOT) -> None:
    """Train a classifier on crops; an interrupted run goes on."""
    from training.classify import train_classifier

    train_classifier(config, data_root)


@app.command()
def export(config: Config, data_root: DataRoot = DEFAULT_ROOT) -> None:
    """Export trained networks as a model of the plugin (a TOML file of configs/shipped/)."""
    from training.ship import ship

    print(ship(config, data_root))


@app.command()
def evaluate(
    what: Annotated[str, typer.Argument(help="segmentation, fields or classification")],
    data_root: DataRoot = DEFAULT_ROOT,
    model: Annotated[str, typer.Option(help="A model's name or folder.")] = "default",
) -> None:
    """Measure the plugin on photographs held out from training."""
    from training import evaluate as measure

    if what == "segmentation":
        figures = measure.evaluate_segmentation(data_root, model)
    elif what == "fields":
        figures = measure.evaluate_fields(data_root)
    elif what == "classification":
        figures = measure.evaluate_classification(data_root, model)
    else:
        raise typer.BadParameter("choose segmentation, fields or classification")
    print(json.dumps(figures, indent=1))
    print(f"Written to {measure.write_result(what, figures)}")


@app.command()
def cards() -> None:
    """Write the measured figures into the manifests and docs/models.md."""
    from training.cards import write_cards

    print(write_cards())


if __name__ == "__main__":
    app()
