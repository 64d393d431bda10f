"""Take the pictures of ``howto/count-a-smear.md`` from the real window, on synthetic fields.

Run it with a display (or ``xvfb-run -a -s "-screen 0 1600x1000x24"``)::

    python docs/scripts/make_curation_screenshots.py [FOLDER]

It keeps its sessions and settings in a folder of its own, so that nothing of the user's is touched.
"""

from __future__ import annotations

import sys
from pathlib import Path

from photographing import IMAGES, open_window, photograph, scroll_to, settle, untouched, wait
from qtpy.QtWidgets import QMessageBox

from napari_leukocyte.analysis.smear.results import write_smear_report
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.samples.synthetic import SyntheticSmear, synthetic_smear
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.smear.field_list import WORKING_ROLE

READER = "A. Reader"
#: Shape of a field, px, and the leukocytes of each.
SHAPE = (760, 960)
FIELDS: tuple[dict[str, int], ...] = (
    {"neutrophil": 5, "lymphocyte": 2, "monocyte": 1},
    {"neutrophil": 4, "lymphocyte": 3, "eosinophil": 1},
    {"neutrophil": 6, "lymphocyte": 2},
    {"neutrophil": 4, "lymphocyte": 3, "monocyte": 1, "basophil": 1},
    {"neutrophil": 5, "lymphocyte": 2, "eosinophil": 1},
    {"neutrophil": 4, "lymphocyte": 4},
)


def correct(session: Session, truth: SyntheticSmear) -> None:
    """Do what a reader does: delete what is no leukocyte, mend classes, confirm the others."""
    for row in session.table().to_dict("records"):
        number = int(truth.labels[round(row["y"]), round(row["x"])])
        name = truth.classes.get(number, "artefact")
        if name != row["class"]:
            session.set_class([row["label"]], name)
        else:
            session.approve([row["label"]])


def main(folder: Path, work: Path) -> None:
    """Go from an unread folder to the signed-off report, and take a picture at each stage."""
    folder.mkdir(parents=True, exist_ok=True)
    fields = work / "Smear 2024-17"
    fields.mkdir()
    truths = [synthetic_smear(SHAPE, i + 1, n, 84.0, 1) for i, n in enumerate(FIELDS)]
    for number, truth in enumerate(truths, 1):
        write_png(fields / f"field {number}.png", truth.image)

    viewer, bench = open_window()
    smear = bench.open("smear")

    def quiet() -> None:
        wait(lambda: not smear.busy)
        settle(0.3)

    # 1. A folder is opened: its fields are listed, the first is shown.
    smear.open([fields])
    quiet()
    photograph(viewer, folder / "curation-open.png")

    # 2. All fields are analysed in the background; the first is there to be reviewed.
    smear.analysing.start()
    third = smear.form.model.index(2)
    wait(lambda: smear.session.classifier is not None and third.data(WORKING_ROLE))
    photograph(viewer, folder / "curation-analysing.png")
    quiet()

    # 3. Every field has its cells, and they are counted together.
    viewer.reset_view()
    photograph(viewer, folder / "curation-analysed.png")

    # 4. The reader goes through the cells of the first field.
    smear.form.reader.setText(READER)
    smear.form.reader.editingFinished.emit()
    review = bench.open("review")
    review.scope.setCurrentIndex(review.scope.findData("smear"))
    wait(lambda: not review.smear_gallery.busy and bool(review.smear_gallery.queue))
    photograph(viewer, folder / "curation-gallery.png")
    bench.open("smear")
    correct(smear.session, truths[0])
    smear.form.sign_field.click()
    quiet()
    smear.form.tabs.setCurrentIndex(1)
    photograph(viewer, folder / "curation-field.png")

    # 5. The smear can't be signed off yet, and the sentence says why.
    smear.form.tabs.setCurrentIndex(0)
    smear.form.sign_smear.click()
    quiet()
    scroll_to(smear, smear.form.signed)
    photograph(viewer, folder / "curation-refused.png")

    # 6. The next fields, one key each.
    for row in range(1, len(truths)):
        smear.go_to_next_open()
        quiet()
        correct(smear.session, truths[row])
        quiet()
    # Too few cells are counted for the target, which is asked about.
    QMessageBox.question = lambda *_: QMessageBox.StandardButton.Yes
    smear.form.sign_smear.click()
    quiet()
    scroll_to(smear, smear.form.save)
    photograph(viewer, folder / "curation-signed.png")

    # 7. The report of the whole smear.
    settings = smear.form.smear_leukogram.settings
    report = write_smear_report(work / "report.html", smear.smear, settings)
    print(report, report.stat().st_size)
    smear.leave()
    viewer.close()


if __name__ == "__main__":
    with untouched() as own:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES, own)
