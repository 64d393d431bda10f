"""Conversion of annotations: read in any format, written in any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_leukocyte.annotations.formats.annotated import AnnotatedImage, check_pixels
from napari_leukocyte.annotations.formats.cells import complete
from napari_leukocyte.annotations.formats.left_out import LeftOut
from napari_leukocyte.annotations.formats.packed import with_notes
from napari_leukocyte.annotations.formats.recognise import (
    Format,
    find_format,
    recognise,
    recognise_source,
)
from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.errors import FormatError, OutputError
from napari_leukocyte.io.paths import plan
from napari_leukocyte.io.replace import replace_file, replace_folder
from napari_leukocyte.progress import Progress, silent


def read(
    path: Path,
    format: str | None = None,
    photographs: Path | None = None,
    *,
    strict: bool = False,
) -> list[AnnotatedImage]:
    """Read annotations.

    Parameters
    ----------
    path : Path
        A file or folder.
    format : str, optional
        One of `recognise.FORMATS`; found by the content by default.
    photographs : Path, optional
        Folder of the photographs, which are found by name if they are not beside the annotations.

    strict : bool
        Whether an object that can't be read refuses everything. By default it is left out, cut at
        the border of its image if it leaves that, and a sentence in the notes of the first image
        counts and names such objects.

    Returns
    -------
    list of AnnotatedImage
        In the order of the file, of a folder sorted by name. Their labels are unpacked anew each
        time that they are asked for.

    Raises
    ------
    FormatError
        If it is damaged, malicious, in no known format, holds no image, or holds objects of which
        none can be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import napari_leukocyte as nl
    >>> from napari_leukocyte import formats
    >>> smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    >>> table = nl.classify(smear.image, smear.labels)
    >>> image = formats.AnnotatedImage("field.png", smear.labels.shape, smear.labels, table)
    >>> path = Path(tempfile.mkdtemp()) / "field.geojson"
    >>> lost = formats.write([image], path, "geojson")
    >>> back = formats.read(path)[0]
    >>> bool((back.labels == smear.labels).all())
    True
    """
    left_out = LeftOut(strict=strict)
    source = Source(path, photographs, left_out)
    found = recognise_source(source) if format is None else find_format(format)
    try:
        images: list[AnnotatedImage] = found.load().read(source)
    except MemoryError as error:
        raise FormatError("There is not enough memory to read {path}.", path=path) from error
    if not images:
        raise FormatError("{path} holds no annotated image.", path=path)
    said = left_out.sentences()
    if left_out.number and not any(len(image.table) for image in images):
        raise FormatError(
            "{path} holds no object that can be read: {reason}", path=path, reason=said[-1]
        )
    return [with_notes(images[0], said), *images[1:]] if said else images


def losses(images: Sequence[AnnotatedImage], to: str) -> list[str]:
    """Say what a format has no place for, and what becomes of it.

    Parameters
    ----------
    images : sequence of AnnotatedImage
        What is to be written.
    to : str
        One of `recognise.FORMATS`.

    Returns
    -------
    list of str
        A sentence each; none if the format holds everything.

    Raises
    ------
    FormatError
        If the images can't be written in this format at all.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import napari_leukocyte as nl
    >>> from napari_leukocyte import formats
    >>> smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    >>> table = nl.classify(smear.image, smear.labels)
    >>> image = formats.AnnotatedImage("field.png", smear.labels.shape, smear.labels, table)
    >>> formats.losses([image], "coco")
    []
    >>> len(formats.losses([image], "voc")) > 0
    True
    """
    found: list[str] = find_format(to).load().losses(complete(images))
    return found


def write(
    images: Sequence[AnnotatedImage],
    dst: Path,
    to: str,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> list[str]:
    """Write annotations: all of them, or nothing.

    Parameters
    ----------
    images : sequence of AnnotatedImage
        At least one.
    dst : Path
        The folder to write. COCO is one file if `dst` ends in ``.json``, and so are GeoJSON
        (``.geojson``, ``.json``), ImageJ ROIs (``.zip``) and OME-Zarr (``.zarr``) of a single
        image.
    to : str
        One of `recognise.FORMATS`.
    overwrite : bool
        Whether `dst` may exist. What is in it is replaced as a whole, and only if this format
        wrote it. A dataset always grows.
    progress : callable, optional
        Called before each image where each has its own file.

    Returns
    -------
    list of str
        What the format has no place for; see `losses`.

    Raises
    ------
    FormatError
        If the images can't be written in this format, or a photograph shows other pixels than
        those that its objects were drawn on.
    OutputError
        If `dst` exists and may not be replaced, or can't be written to. What was there is then
        as it was.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import napari_leukocyte as nl
    >>> from napari_leukocyte import formats
    >>> smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    >>> table = nl.classify(smear.image, smear.labels)
    >>> image = formats.AnnotatedImage("field.png", smear.labels.shape, smear.labels, table)
    >>> folder = Path(tempfile.mkdtemp()) / "yolo"
    >>> lost = formats.write([image], folder, "yolo-seg")
    >>> sorted(path.name for path in folder.iterdir())
    ['data.yaml', 'labels', 'napari-leukocyte.json']
    """
    chosen = find_format(to)
    images = complete(images)
    module = chosen.load()
    lost: list[str] = module.losses(images)
    if chosen.kind == "dataset":
        return [*lost, *module.export(images, dst, progress)]
    for image in images:
        check_pixels(image)
    as_file = dst.name.lower().endswith(chosen.suffixes or ("\0",))
    if as_file and (chosen.name == "ome-zarr" or not dst.is_dir()):
        _write_file(chosen, images, dst, overwrite)
        return lost
    with replace_folder(dst, chosen.owns, overwrite=overwrite) as staging:
        if chosen.kind == "folder":
            module.write(images, staging)
        elif chosen.kind == "file":
            module.write(images, staging / module.FILE_NAME)
        else:
            jobs = plan([image.name for image in images], room=len(chosen.suffixes[0]))
            for i, (image, job) in enumerate(zip(images, jobs, strict=True)):
                progress(i, len(images), f"Writing {image.name}")
                module.write(image, staging / (job.folder + chosen.suffixes[0]))
    return lost


def _write_file(
    chosen: Format, images: Sequence[AnnotatedImage], dst: Path, overwrite: bool
) -> None:
    """Write one file, or one store, which is a folder."""
    module = chosen.load()
    if chosen.kind == "file":
        with replace_file(dst, overwrite=overwrite) as staging:
            module.write(images, staging)
        return
    if len(images) > 1:
        raise OutputError(
            "{dst} is one file, but {format} needs one for each of {number} images: name a folder.",
            dst=dst,
            format=chosen.title,
            number=len(images),
        )
    if chosen.name == "ome-zarr":
        with replace_folder(
            dst, ("**",), overwrite=overwrite, is_ours=lambda f: _is_in_format(f, chosen)
        ) as staging:
            module.write(images[0], staging)
        return
    with replace_file(dst, overwrite=overwrite) as staging:
        module.write(images[0], staging)


def _is_in_format(folder: Path, chosen: Format) -> bool:
    try:
        return recognise(folder).name == chosen.name
    except FormatError:
        return False
