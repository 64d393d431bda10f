"""Names and meaning of the parameters of the post-processing, in plain words."""

from __future__ import annotations

from napari_leukocyte.language import later
from napari_leukocyte.ui.controls.record_form import FieldText

_KERNELS = {
    "ellipse": later("ellipse"),
    "rectangle": later("rectangle"),
    "cross": later("cross"),
}
_KERNEL_HELP = "Shape of the kernel; an ellipse treats all directions alike."

#: Every parameter, in the order of the form.
TEXTS: dict[str, FieldText] = {
    "vote": FieldText(
        "Threshold",
        "Vote",
        "Rule by which the maps of the model's members become one. The minimum believes what all "
        "members see, and is best on smears of laboratories that the model was not trained on; the "
        "means weigh the members, and are somewhat better on those that it was.",
        choices={
            "minimum": "all members agree",
            "geometric": "weighted geometric mean",
            "mean": "weighted mean",
        },
    ),
    "threshold": FieldText(
        "Threshold",
        "Probability",
        "Probability from which a pixel belongs to a cell, without unit. Lower it if pale cells "
        "are missed or come out too small; raise it if background or platelets are taken in.",
        0.01,
    ),
    "opening_size": FieldText(
        "Cleaning (in cell diameters)",
        "Opening",
        "Removes specks, threads and bridges thinner than this. In leukocyte diameters: 0.1 is a "
        "tenth of a cell, 0 switches it off.",
        0.01,
    ),
    "opening_shape": FieldText(
        "Cleaning (in cell diameters)", "  its kernel", _KERNEL_HELP, choices=_KERNELS
    ),
    "closing_size": FieldText(
        "Cleaning (in cell diameters)",
        "Closing",
        "Closes gaps and notches narrower than this, after the opening. In leukocyte diameters: "
        "0.1 is a tenth of a cell, 0 switches it off.",
        0.01,
    ),
    "closing_shape": FieldText(
        "Cleaning (in cell diameters)", "  its kernel", _KERNEL_HELP, choices=_KERNELS
    ),
    "fill_holes": FieldText(
        "Cleaning (in cell diameters)",
        "Fill holes",
        "Makes background that a cell encloses on all sides a part of the cell.",
    ),
    "least_score": FieldText(
        "Evidence",
        "Least score",
        "Regions whose evidence of being a leukocyte (how sure the members are and how far they "
        "agree, how much of it is nucleus, its outline) is below this are candidates, not objects: "
        "they are counted, can be shown, and are taken with a click. 0 takes every region that has "
        "about the area of a leukocyte.",
        0.01,
    ),
    "area_lower_deviation": FieldText(
        "Size (against the median area)",
        "Lower deviation",
        "Removes objects whose area is below the median area by more than this fraction: 0.7 "
        "removes what is smaller than 30 % of the median, 1 removes nothing. Objects whose score "
        "convinces set the median and are never removed.",
        0.01,
    ),
    "area_upper_deviation": FieldText(
        "Size (against the median area)",
        "Upper deviation",
        "Removes objects whose area is above the median area by more than this fraction: 3 removes "
        "what is larger than four medians. Objects whose score convinces are never removed.",
        0.1,
    ),
    "few_objects": FieldText(
        "Size (against the median area)",
        "1 or 2 objects",
        "With fewer than three objects a median says nothing. Compare with the area of a disc of "
        "the leukocyte's diameter instead, or remove nothing.",
        choices={"expected": "use the diameter", "keep": "keep all"},
    ),
    "watershed": FieldText(
        "Watershed (in cell diameters)",
        "Markers",
        "Where the watershed starts that parts touching cells: at the points deepest inside "
        "(distance transform), at the nuclei that the model sees, or at points that you place in "
        "the layer “Watershed markers”, one on each cell.",
        choices={
            "none": "none, do not part",
            "distance": "distance transform",
            "nucleus": later("nuclei"),
            "points": "points that I place",
        },
    ),
    "marker_distance": FieldText(
        "Watershed (in cell diameters)",
        "Distance",
        "Markers nearer to each other than this are one cell; lobes of one nucleus, for example. "
        "In leukocyte diameters. Raise it if cells are cut, lower it if they stay joined.",
        0.01,
    ),
    "marker_height": FieldText(
        "Watershed (in cell diameters)",
        "Height",
        "How deep the waist between two cells must be for the distance transform to part them "
        "(h-maxima). In leukocyte diameters. Raise it if cells are cut to pieces.",
        0.01,
    ),
    "border": FieldText(
        "Border",
        "Cut cells",
        "Whether cells that the border of the image cuts are kept or removed.",
        choices={"keep": later("keep"), "drop": later("remove")},
    ),
}

#: Which parameters act only with some kinds of markers.
ONLY_WITH = {
    "marker_distance": ("distance", "nucleus"),
    "marker_height": ("distance",),
}
