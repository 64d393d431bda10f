"""Times of an explanation of one cell of the synthetic sample, by method.

The first explanation also opens networks and imports packages; it is printed on its own. What the
widget shows beside the map (words, similar cells, the second class) is timed with the default::

    python benchmarks/explain.py [--model default] [--cells 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from napari_leukocyte.classification.measurements import iterate_regions
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation import findings
from napari_leukocyte.interpretation.cropping import cut_cell
from napari_leukocyte.interpretation.explanation import DEFAULT_METHOD, explain
from napari_leukocyte.interpretation.findings import Question, find_out
from napari_leukocyte.interpretation.scoring import METHODS, TITLES
from napari_leukocyte.io.images.background import background_color
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.samples.synthetic import synthetic_smear

#: What must be kept to, s.
LIMITS = {"activation": 0.5, "occlusion": 0.5, "lime": 10.0, "shap": 10.0}


def timed(action: Callable[[], object]) -> float:
    """Return how long an action takes, s."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main() -> None:
    """Print the first time, the median and the worst of every method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--cells", type=int, default=5)
    arguments = parser.parse_args()
    manifest = find_model("classification", arguments.model)
    count = arguments.cells
    smear = synthetic_smear(
        (700, 900), 1, {"neutrophil": count - count // 2, "monocyte": count // 2}
    )
    background = background_color(smear.image)
    regions = list(iterate_regions(smear.labels))[:count]
    cells = [cut_cell(smear.image, region, manifest, background) for region in regions]
    members, views = len(manifest.members), manifest.views
    print(f"{manifest.name}: {members} member(s), {views} view(s), {len(cells)} cells")
    print(f"{'':24} {'first s':>8} {'median s':>9} {'worst s':>8} {'limit s':>8} {'runs':>6}")
    for method in METHODS:
        try:
            first = timed(lambda m=method: explain(cells[0], manifest, None, m))  # type: ignore[misc]
        except LeukocyteError as error:
            print(f"{TITLES[method]:24} {error}")
            continue
        made = [explain(crops, manifest, None, method) for crops in cells]
        times = [e.runtime for e in made]
        print(
            f"{TITLES[method]:24} {first:8.2f} {statistics.median(times):9.2f} {max(times):8.2f} "
            f"{LIMITS[method]:8.1f} {made[0].runs:6d}",
            flush=True,
        )
    whole = []
    find_out(Question(smear.image, regions[0], manifest, background=background))
    findings.forget()
    for region in regions:
        question = Question(smear.image, region, manifest, background=background)
        whole.append(timed(lambda q=question: find_out(q)))  # type: ignore[misc]
    again = timed(lambda: find_out(question))
    print(
        f"All that the widget shows ({DEFAULT_METHOD}): median {statistics.median(whole):.2f} s, "
    )
    print(f"worst {max(whole):.2f} s; the same cell again {again:.2f} s")


if __name__ == "__main__":
    main()
