"""Walk from corrected fields to better models, and say what came of it.

Twenty photographs are analysed and corrected as a reader would, exported as a data set, checked,
opened with pycocotools and with Keras, read back into napari, used to fit a new head and to
fine-tune one member, and the new models are chosen in the widgets. It stops where anything is not
as it should be. The corrections are the truth of BCCD's own tables; it needs the folder of the
data sets (see ``training/README.md``), a display, and the extras ``train`` and ``test``::

    python docs/scripts/walk_corrections.py --data-root DIR --out DIR [--fields 20] [--epochs 2]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

READER = "A. Reader"
#: Size of the window, px: two docks stand side by side.
SIZE = (1590, 980)
HEAD, TUNED = "head-of-the-walk", "member-of-the-walk"
LEUKOCYTE = [sys.executable, "-m", "napari_leukocyte"]
#: Prints how many crops of which classes Keras finds, in a process of its own.
KERAS = """
import sys, keras
found = keras.utils.image_dataset_from_directory(
    sys.argv[1], image_size=(128, 128), batch_size=16, verbose=False)
print(sum(len(labels) for _, labels in found), "crops of", found.class_names)
"""


def check(so: object, what: object = "") -> None:
    """Stop if something is not as it should be."""
    if not so:
        raise SystemExit(f"Not as it should be: {what}")


def run(command: list[str], *allowed: int) -> str:
    """Run a program, show what it says, and stop at any exit status but 0 and those allowed."""
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    said = done.stdout.strip() or done.stderr.strip()
    shown = " ".join(part for part in command if "\n" not in part)
    print(f"\n$ {shown}\n{said}\n({time.monotonic() - began:.0f} s)", flush=True)
    check(done.returncode in {0, *allowed}, done.stderr[-2000:])
    return done.stdout


def correct_fields(data_root: Path, folder: Path, number: int) -> list[Path]:
    """Copy fields, analyse each, and correct the classes of its cells to the truth."""
    from napari_leukocyte.analysis.pipeline import analyse
    from napari_leukocyte.io.images.reading import read_image
    from napari_leukocyte.session.store import open_session
    from training.data.photographs import load
    from training.data.splits import select

    known = [p for p in select(load("bccd", data_root), "bccd", "train") if p.label]
    classes = sorted({str(p.label) for p in known})
    # As many of each class as there are, by turns: a smear would need hundreds of fields.
    queues = [[p for p in known if p.label == name] for name in classes]
    chosen = [q[i] for i in range(number) for q in queues if i < len(q)][:number]
    files, changed, cells = [], 0, 0
    folder.mkdir(parents=True)
    for photograph in chosen:
        file = folder / Path(photograph.name).name
        shutil.copy(photograph.image, file)
        files.append(file)
        found = analyse(read_image(file))
        session = open_session(found.rgb, file.name)
        session.reader = READER
        session.set_maps(found.maps)
        session.set_predictions(found.table, "default")
        for row in session.table().to_dict("records"):
            said = row["class"]
            # A field that shows one class may still hold what is no leukocyte of the five.
            if said == photograph.label or said not in classes:
                session.approve([int(row["label"])])
            else:
                session.set_class([int(row["label"])], str(photograph.label))
                changed += 1
            cells += 1
        session.close()
    print(f"{len(files)} fields, {cells} cells, {changed} classes corrected by {READER}")
    return files


def look(dataset: Path, out: Path, cells: int) -> None:
    """Read the data set with other programs."""
    from pycocotools.coco import COCO

    run([*LEUKOCYTE, "convert", str(dataset), str(out / "coco.json"), "--to", "coco"])
    coco = COCO(str(out / "coco.json"))
    masks = [int(coco.annToMask(a).sum()) for a in coco.loadAnns(coco.getAnnIds())]
    print(f"pycocotools: {len(masks)} masks, {min(masks)} to {max(masks)} px")
    check(len(masks) == cells, f"{len(masks)} masks of {cells} cells")
    from napari_leukocyte.annotations.dataset.opening import open_dataset

    crops = open_dataset(dataset).folder / "crops" / "train"
    print("Keras:", run([sys.executable, "-c", KERAS, str(crops)]).strip())


def choose_in_the_window(fields: list[Path], dataset: Path, out: Path) -> None:
    """Read the data set into napari, and choose the new models in the widgets."""
    import napari
    from photographing import dock, photograph, raise_dock, settle, wait

    from napari_leukocyte.io.images.reading import read_image

    viewer = napari.Viewer(show=True)
    viewer.window.resize(*SIZE)
    viewer.open(str(out / "coco.json"), plugin="napari-leukocyte")
    check([la for la in viewer.layers if isinstance(la, napari.layers.Labels)], "no labels")
    print("napari opened:", ", ".join(layer.name for layer in viewer.layers)[:200])
    viewer.layers.clear()
    viewer.add_image(read_image(fields[0]), name=fields[0].name, rgb=True)
    segment: Any = dock(viewer, "Segment leukocytes", "right")
    classify: Any = dock(viewer, "Classify and count", "right")
    settle(2)
    for widget, name in ((segment, TUNED), (classify, HEAD)):
        raise_dock(widget)
        box = find_choice(widget, name)
        check(box is not None, f"{name} is not offered")
        box.setCurrentIndex(index_of(box, name))
    raise_dock(segment)
    segment.run()
    wait(lambda: not segment.busy)
    raise_dock(classify)
    classify.classify()
    settle(4)
    photograph(viewer, out / "new-models.png")
    viewer.close()


def index_of(box: Any, name: str) -> int:
    """Return the place of a model in a list, by its name or what stands behind it; -1 if none."""
    for i in range(box.count()):
        if name in (box.itemText(i), str(box.itemData(i))) or name in box.itemText(i):
            return i
    return -1


def find_choice(widget: Any, name: str) -> Any:
    """Return the list of a widget that offers a model."""
    from qtpy.QtWidgets import QComboBox

    return next((b for b in widget.findChildren(QComboBox) if index_of(b, name) >= 0), None)


def main() -> None:
    """Walk."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fields", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args()
    out = given.out.resolve()
    check(not out.exists(), f"{out} exists; choose another folder")
    # Nothing of the user's own work or models is touched.
    os.environ["NAPARI_LEUKOCYTE_SESSIONS"] = str(out / "sessions")
    os.environ["NAPARI_LEUKOCYTE_MODELS"] = str(out / "models")
    os.environ["NAPARI_LEUKOCYTE_FINETUNE"] = str(out / "finetune")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.path.insert(0, str(Path(__file__).parents[2]))

    fields = correct_fields(given.data_root, out / "fields", given.fields)
    dataset = out / "dataset"
    run([*LEUKOCYTE, "dataset", "export", str(out / "fields"), "--to", str(dataset)])
    run([*LEUKOCYTE, "dataset", "check", str(dataset)])
    from napari_leukocyte.annotations.dataset.opening import open_dataset

    look(dataset, out, len(open_dataset(dataset).objects()))
    # 1: the head is worse and therefore not taken, which is an answer, too.
    run([*LEUKOCYTE, "retrain", str(dataset), "--accept", HEAD], 1)
    tune = ["--model", "unet-lite0", "--epochs", str(given.epochs), "--add-worse"]
    run([*LEUKOCYTE, "finetune", str(dataset), "--name", TUNED, *tune])
    run([*LEUKOCYTE, "models"])
    choose_in_the_window(fields, dataset, out)


if __name__ == "__main__":
    main()
