"""``python -m training``: make the models that the plugin ships, and measure them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from napari_leukocyte.cli.console import BAD_INPUT, OneSentenceGroup, complain

if TYPE_CHECKING:
    from training.data.photographs import DatasetName

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its start-up notes hide what matters

app = typer.Typer(help=__doc__, cls=OneSentenceGroup, no_args_is_help=True, add_completion=False)
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
def fetch(
    sets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SET]...", help="Which; all if none is named.", show_default=False),
    ] = None,
    data_root: DataRoot = DEFAULT_ROOT,
) -> None:
    """Download public sets into the data root and check them, or say how to get them.

    Exit status: 0 if every set named (or else every one that can be downloaded) is there, else 2.
    """
    from napari_leukocyte.cli.console import Reporter
    from training.data.fetch import fetch_all

    with Reporter(images=0) as reporter:
        report = fetch_all(sets or [], data_root, reporter.step)
    for line in report.there:
        print(line)
    for sentence in report.lacking:
        complain(sentence)
    if not report.complete:
        raise typer.Exit(BAD_INPUT)


@app.command()
def split(data_root: DataRoot = DEFAULT_ROOT) -> None:
    """Split every set by source photograph and write the lists of names."""
    from training.data.photographs import SPLIT, load
    from training.data.splits import make_split, write_split

    for dataset in SPLIT:
        made = make_split(load(dataset, data_root))
        sizes = ", ".join(f"{len(names)} {side}" for side, names in made.items())
        print(f"{write_split(dataset, made)}: {sizes}")


@app.command()
def imagenet(
    encoders: Annotated[list[str], typer.Argument(help="lite0, lite1, lite2, vgg16, inception-v3")],
    folder: Annotated[
        Path, typer.Option(help="Where npm's packages are looked for, packed or installed.")
    ] = Path(),
) -> None:
    """Convert ImageNet weights out of packages, for encoder_weights = "imagenet"."""
    from napari_leukocyte.errors import ParameterError
    from training.networks.imagenet import VARIANTS, convert
    from training.networks.packaged import PACKAGED, convert_packaged

    for encoder in encoders:
        if encoder in VARIANTS:
            print(convert(encoder))
        elif encoder in PACKAGED:
            print(convert_packaged(encoder, folder))
        else:
            known = ", ".join((*VARIANTS, *PACKAGED))
            raise ParameterError(f"No package has weights for {encoder!r}: known are {known}.")


@app.command()
def segment(config: Config, data_root: DataRoot = DEFAULT_ROOT) -> None:
    """Train one member of the segmentation ensemble; an interrupted run goes on."""
    from training.segment import train_member

    train_member(config, data_root)


@app.command()
def size(config: Config, data_root: DataRoot = DEFAULT_ROOT) -> None:
    """Train the network that finds cells of any size; an interrupted run goes on."""
    from training.size import train_finder

    train_finder(config, data_root)


@app.command()
def export_size(
    config: Config,
    into: Annotated[
        Path | None, typer.Option(help="A folder; the package's own by default.")
    ] = None,
) -> None:
    """Export the network that finds cells of any size."""
    from training.size import ship_finder

    print(ship_finder(config, *([] if into is None else [into])))


@app.command()
def sizes(
    folder: Annotated[
        Path | None, typer.Option(help="Folder of a finder; the package's own by default.")
    ] = None,
    data_root: DataRoot = DEFAULT_ROOT,
    limit: Annotated[int | None, typer.Option(min=1, help="Fields of each source at most.")] = None,
) -> None:
    """Measure the network that finds cells of any size; one row of results/size.json each."""
    from training.evaluate import read_result, write_result
    from training.size import SHIPPED
    from training.size_figures import evaluate_sizes

    figures = evaluate_sizes(data_root, folder or SHIPPED, limit)
    result = read_result("size") or {}
    result[figures["finder"]["experiment"]] = figures
    print(write_result("size", result))


@app.command()
def classify(config: Config, data_root: DataRoot = DEFAULT_ROOT) -> None:
    """Train a classifier on crops; an interrupted run goes on."""
    from training.classify import train_classifier

    train_classifier(config, data_root)


@app.command()
def binary(
    config: Config = Path(__file__).parent / "configs" / "binary-2019.toml",
    data_root: DataRoot = DEFAULT_ROOT,
) -> None:
    """Train the nine-layer network of 2019, measure it, and make it a model of the plugin."""
    from training.binary import ship_binary, train_binary

    train_binary(config, data_root)
    print(ship_binary(config, data_root))


@app.command()
def export(
    config: Config,
    data_root: DataRoot = DEFAULT_ROOT,
    into: Annotated[
        Path | None, typer.Option(help="A folder of models; the package's own by default.")
    ] = None,
) -> None:
    """Export trained networks as a model of the plugin (a TOML file of configs/shipped/)."""
    from training.config import read_config
    from training.ship import ship
    from training.ship_config import ShipConfig

    print(ship(read_config(config, ShipConfig), data_root, *([] if into is None else [into])))


@app.command()
def evaluate(
    what: Annotated[
        str, typer.Argument(help="segmentation, fields, classification, left-out or abroad")
    ],
    data_root: DataRoot = DEFAULT_ROOT,
    model: Annotated[str, typer.Option(help="A model's name or folder.")] = "default",
    again: Annotated[
        bool, typer.Option(help="Measure all sets left out anew, not only what has changed.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="abroad: fields of each source at most.")
    ] = None,
    sources: Annotated[str, typer.Option(help="abroad: which sources, with commas; all.")] = "",
    note: Annotated[
        str, typer.Option(help="abroad: writes results/abroad-NOTE.json, to compare with.")
    ] = "",
) -> None:
    """Measure the plugin on photographs held out from training."""
    from training import evaluate as measure

    if what == "segmentation":
        figures = measure.evaluate_segmentation(data_root, model)
    elif what == "fields":
        figures = measure.evaluate_fields(data_root)
    elif what == "classification":
        figures = measure.evaluate_classification(data_root, model)
        if model != "default":
            what = f"classification-{figures['model']}"
    elif what == "left-out":
        from training.leave_out import evaluate_left_out

        former = None if again else measure.read_result("left-out")
        figures = evaluate_left_out(data_root, former=former)
    elif what == "abroad":
        from training.abroad import evaluate_abroad

        chosen = tuple(s for s in sources.split(",") if s)
        figures = evaluate_abroad(data_root, model, limit=limit, sources=chosen)
        what = f"abroad-{note}" if note else what
    else:
        raise typer.BadParameter("choose segmentation, fields, classification, left-out or abroad")
    print(json.dumps(figures, indent=1))
    print(f"Written to {measure.write_result(what, figures)}")


@app.command()
def compare(
    data_root: DataRoot = DEFAULT_ROOT,
    again: Annotated[
        bool, typer.Option(help="Measure segmentation anew, not only what has changed.")
    ] = False,
) -> None:
    """Write the papers' tables beside ours: docs/measured/comparison-*.md."""
    from training.compare import RESULT
    from training.compare import compare as measure
    from training.pages.compare import write
    from training.plots import draw_all

    result = measure(data_root, again=again)
    print(RESULT, *write(result, draw_all(result)), sep="\n")


@app.command()
def agree(
    what: Annotated[str, typer.Argument(help="masks or classes")],
    models: Annotated[
        list[str],
        typer.Argument(help="The segmentation model, then the classifiers, which must agree."),
    ],
    name: Annotated[str, typer.Option(help="Name of an agreement on classes.")] = "raabin",
    sets: Annotated[str, typer.Option(help="Sets to make masks for.")] = "pbc,raabin",
    data_root: DataRoot = DEFAULT_ROOT,
) -> None:
    """Label photographs that nobody has annotated, where models agree, for self-training."""
    from training.agree import write_classes, write_masks

    if what == "masks":
        named = cast("tuple[DatasetName, ...]", tuple(sets.split(",")))
        print(write_masks(named, data_root, models[0]))
    elif what == "classes":
        print(write_classes(data_root, name, models[0], tuple(models[1:])))
    else:
        raise typer.BadParameter("choose masks or classes")


@app.command()
def evidence(
    data_root: DataRoot = DEFAULT_ROOT,
    limit: Annotated[int | None, typer.Option(help="Fields of each source at most.")] = None,
) -> None:
    """Fit the score by which objects are told from candidates, every source left out in turn."""
    from training.evidence import make_score_model

    print(json.dumps(make_score_model(data_root, limit), indent=1))


@app.command()
def attributes(
    data_root: DataRoot = DEFAULT_ROOT,
    model: Annotated[str, typer.Option(help="A classifier's name or folder.")] = "default",
) -> None:
    """Make what explains the shipped classifier in words: attributes, and cells to compare with."""
    from training.attribute_head import make_attributes
    from training.evaluate import write_result
    from training.pages.explain import write_tables
    from training.similar import make_reference_cells

    result = make_attributes(data_root, model)
    result["known_cells"] = make_reference_cells(data_root, model)
    print(f"{write_result('attributes', result)}\n{write_tables()}")


@app.command()
def faithfulness(
    data_root: DataRoot = DEFAULT_ROOT,
    model: Annotated[str, typer.Option(help="A classifier's name or folder.")] = "default",
    each: Annotated[int, typer.Option(help="Cells of each set at most.")] = 10,
) -> None:
    """Measure how faithful the maps of "Why this class" are, on cells held out from training."""
    from training.evaluate import write_result
    from training.faithfulness import evaluate_faithfulness
    from training.pages.explain import write_tables

    result = evaluate_faithfulness(data_root, model, each)
    print(f"{write_result('faithfulness', result)}\n{write_tables()}")


@app.command()
def embeddings(
    data_root: DataRoot = DEFAULT_ROOT,
    model: Annotated[str, typer.Option(help="A classifier's name or folder.")] = "default",
) -> None:
    """Make the embeddings that ship with a classifier, which a retrained head must not forget."""
    from training.embeddings import ship_embeddings

    print(ship_embeddings(data_root, model))


@app.command()
def corrections(data_root: DataRoot = DEFAULT_ROOT) -> None:
    """Measure what 5 to 50 corrected cells a class bring on a set never seen in training."""
    from training.corrections import measure_corrections
    from training.evaluate import write_result

    print(write_result("corrections", measure_corrections(data_root)))


@app.command()
def neighbours(
    data_root: DataRoot = DEFAULT_ROOT,
    model: Annotated[str, typer.Option(help="A classifier's name or folder.")] = "default",
) -> None:
    """Measure what a vote of the nearest known cells brings beside the classifier's head."""
    from training.evaluate import write_result
    from training.neighbours import evaluate_neighbours

    print(write_result("neighbours", evaluate_neighbours(data_root, model)))


@app.command()
def uncertainty(
    data_root: DataRoot = DEFAULT_ROOT,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Measure coverage instead, and write its tables.")
    ] = False,
) -> None:
    """Make what prediction sets are calibrated on: cells on held-out photographs."""
    from training import prediction_sets as sets
    from training.evaluate import write_result
    from training.pages.uncertainty import write_uncertainty_tables

    if evaluate:
        figures = sets.evaluate(data_root)
        print(f"{write_result('uncertainty', figures)}\n{write_uncertainty_tables(figures)}")
    else:
        print(sets.calibrate(data_root))


@app.command()
def domain_shift(
    data_root: DataRoot = DEFAULT_ROOT,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Measure the warnings instead, and write tables.")
    ] = False,
) -> None:
    """Make what tells images and cells unlike the training sets."""
    from training import domain_shift as shift
    from training.evaluate import write_result
    from training.pages.uncertainty import write_domain_shift_tables

    if evaluate:
        figures = shift.evaluate(data_root)
        print(f"{write_result('domain-shift', figures)}\n{write_domain_shift_tables(figures)}")
    else:
        print(shift.make_training_domain(data_root))


@app.command()
def gallery(data_root: DataRoot = DEFAULT_ROOT) -> None:
    """Draw the worst errors into training/gallery/ (not committed: the images are the sets')."""
    from training.gallery import write_gallery

    for path in write_gallery(data_root):
        print(path)


@app.command()
def failures() -> None:
    """Draw smears that the shipped models fail on, into docs/images/training/failures.png."""
    from training.failures import draw_failures

    print(draw_failures())


@app.command()
def drawn_fields(
    former: Annotated[
        Path, typer.Argument(help="Root of a checkout from before objects had a score.")
    ],
) -> None:
    """Draw fields like those of other laboratories, and what was and is found in them."""
    from training.drawn_fields import draw_fields

    print(draw_fields(former))


@app.command()
def cards() -> None:
    """Write the measured figures into the manifests and the pages of docs/measured."""
    from training.pages.models import write_cards

    print(*write_cards(), sep="\n")


if __name__ == "__main__":
    app()
