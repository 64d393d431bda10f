"""Give damaged photographs to the image reader; anything but pixels or one sentence is a failure.

An input is the content of a file. See README.md.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import LeukocyteError

# As a script, it has its neighbours beside it and not in a package.
_formats: Any = import_module("fuzz.fuzz_formats" if __package__ else "fuzz_formats")

#: EXIF that turns a photograph by 90 degrees.
_EXIF = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"

#: Modules whose branches steer what is tried.
_FOLLOWED = ("napari_leukocyte.io.images", "tifffile")


def _scene() -> NDArray[np.uint8]:
    y, x = np.mgrid[:20, :24]
    return np.dstack([y * 12, x * 10, (x + y) * 5]).astype(np.uint8)


def _pillow(kind: str, mode: str = "RGB", **options: Any) -> Callable[[], bytes]:
    def write() -> bytes:
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(_scene()).convert(mode).save(buffer, kind, **options)
        return buffer.getvalue()

    return write


def _tiff(pixels: NDArray[Any], **options: Any) -> Callable[[], bytes]:
    def write() -> bytes:
        import tifffile

        buffer = io.BytesIO()
        tifffile.imwrite(buffer, pixels, **options)
        return buffer.getvalue()

    return write


def _jpeg_2000() -> bytes:
    import imagecodecs

    return bytes(imagecodecs.jpeg2k_encode(_scene(), level=0, codecformat="jp2"))


def _heic() -> bytes:
    import pillow_heif
    from PIL import Image

    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(_scene())).save(buffer, quality=50)
    return buffer.getvalue()


_RGB = _scene()
_PLANES = np.ascontiguousarray(np.moveaxis(_RGB, 2, 0))
#: The files of each container that its fuzzing begins with.
CONTAINERS: Mapping[str, tuple[Callable[[], bytes], ...]] = {
    "jpeg": (_pillow("JPEG", exif=_EXIF), _pillow("JPEG", "CMYK"), _pillow("JPEG", "L")),
    "png": (_pillow("PNG", exif=_EXIF), _pillow("PNG", "RGBA"), _pillow("PNG", "P")),
    "webp": (_pillow("WEBP", exif=_EXIF),),
    "bmp": (_pillow("BMP"),),
    "gif": (_pillow("GIF", "P"),),
    "jpeg-2000": (_jpeg_2000,),
    "heic": (_heic,),
    "avif": (_pillow("AVIF"),),
    "tiff": (
        _tiff(_RGB, photometric="rgb"),
        _tiff(_RGB, photometric="rgb", compression="lzw"),
        _tiff(_RGB, photometric="rgb", compression="lzw", predictor=True, tile=(16, 16)),
        _tiff(_RGB, photometric="rgb", compression="packbits"),
        _tiff(_RGB, photometric="rgb", compression="zlib", predictor=True),
        _tiff(_RGB, photometric="rgb", compression="jpeg"),
        _tiff(_RGB.astype(np.uint16) * 16, photometric="rgb", bitspersample=12),
        _tiff(np.dstack([_RGB, _RGB[..., 0]]), photometric="separated"),
        _tiff(_RGB, photometric="cielab"),
        _tiff(_RGB[..., 0], photometric="miniswhite"),
        _tiff(_PLANES, photometric="minisblack", imagej=True, metadata={"axes": "CYX"}),
        _tiff(_PLANES, photometric="minisblack", ome=True, metadata={"axes": "CYX"}),
        _pillow("TIFF", "P"),
        _pillow("TIFF", "YCbCr", compression="tiff_lzw"),
        _pillow("TIFF", "1"),
    ),
}


class Target:
    """The image reader, fed with files of one container.

    Parameters
    ----------
    name : str
        One of `CONTAINERS`.
    folder : Path
        Where the file is put.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "photograph.img"

    def seeds(self) -> list[bytes]:
        """Return the files as they were written."""
        return [write() for write in CONTAINERS[self.name]]

    def __call__(self, data: bytes) -> None:
        """Read one file; raises if anything but pixels or a sentence comes of it."""
        # Not before: what atheris steers by is imported under its eyes.
        from napari_leukocyte.io.images.normalise import normalise_image
        from napari_leukocyte.io.images.reading import read_image

        self.path.write_bytes(data)
        try:
            rgb = normalise_image(read_image(self.path)).rgb
            if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
                raise AssertionError(f"These are no pixels: {rgb.shape}, {rgb.dtype}.")
        except LeukocyteError as error:
            text = str(error)
            if "\n" in text or not text.endswith(".") or len(text) > 1000:
                raise AssertionError(f"no sentence: {text!r}") from error
        if self.path.read_bytes() != data:
            raise AssertionError("The file was changed.")


def _load() -> None:
    """Import what is followed: TIFF's reader imports tifffile only when it reads."""
    # Imported already by the formats, they would not be followed.
    for module in [m for m in sys.modules if m.startswith(_FOLLOWED)]:
        del sys.modules[module]
    for name in (
        "napari_leukocyte.io.images.reading",
        "napari_leukocyte.io.images.normalise",
        "tifffile",
    ):
        import_module(name)


def _steered(names: list[str], seconds: float, folder: Path, corpora: Path | None) -> int:
    """Fuzz each container in a process of its own; return the status of the first that fails."""
    _formats.follow(_load, _FOLLOWED)
    import cv2  # noqa: F401 - not once for each

    for name in names:
        target = Target(name, folder / name)
        target.seeds()  # imports what writes them, which reads them as well
        child = os.fork()
        if child == 0:
            ended = 1
            try:
                _formats.run_atheris(target, seconds, (corpora or folder / "corpora") / name)
            except SystemExit as end:
                ended = end.code if isinstance(end.code, int) else 1
            finally:  # what follows is the parent's
                os._exit(ended)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(f"{name}: status {status}", file=sys.stderr, flush=True)
        if status:
            return status
    return 0


def main() -> None:
    """Fuzz containers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("containers", nargs="+", choices=[*CONTAINERS, "all"])
    parser.add_argument("--seconds", type=float, default=60, help="for each container")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="without atheris")
    parser.add_argument("--corpus", type=Path, help="keep what was found here and go on from it")
    parser.add_argument("--again", type=Path, help="read one input that failed")
    given = parser.parse_args()
    memory = str(_formats.MEMORY) if _formats.MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="fuzz-images-", dir=memory))
    try:
        names = [*CONTAINERS] if "all" in given.containers else given.containers
        if given.again is not None:
            Target(names[0], folder)(given.again.read_bytes())
            return
        if not given.plain and find_spec("atheris") is not None:
            sys.exit(_steered(names, given.seconds, folder, given.corpus))
        for name in names:
            number = _formats.run_plain(Target(name, folder), given.seconds, given.seed)
            print(f"{name}: {number} inputs, each read or refused in one sentence")
            sys.stdout.flush()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
