"""Photographs of public sets, fetched on demand and checked by their checksum."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.reading import read_image

#: Environment variable that names a folder with the sets; nothing is downloaded then.
DATA_VARIABLE = "NAPARI_LEUKOCYTE_DATA"
# Seconds without an answer, since opening a sample blocks the viewer's window.
_TIMEOUT = 10


@dataclass(frozen=True)
class PublicImage:
    """A photograph of a public set.

    Attributes
    ----------
    title : str
        Name of its layer.
    path : str
        Where it lies in the data folder and in the cache, with ``/``.
    urls : tuple of str
        Where it is fetched from; a further one is tried where the one before fails.
    sha256 : str
        Of the file.
    """

    title: str
    path: str
    urls: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class PublicSample:
    """Some photographs of one public set.

    Attributes
    ----------
    source, licence : str
        Whose they are, and under what terms.
    images : tuple of PublicImage
    """

    source: str
    licence: str
    images: tuple[PublicImage, ...]


_GITHUB = "https://raw.githubusercontent.com/"


def _bccd(number: str, sha256: str) -> PublicImage:
    name = f"BloodImage_{number}.jpg"
    # Two copies of the same originals.
    urls = (
        f"{_GITHUB}Shenggan/BCCD_Dataset/master/BCCD/JPEGImages/{name}",
        f"{_GITHUB}dhruvp/wbc-classification/master/Original_Images/{name}",
    )
    return PublicImage(f"BCCD {number}", f"bccd/images/{name}", urls, sha256)


def _zheng(number: str, sha256: str) -> PublicImage:
    path = f"Dataset 2/{number}.bmp"
    url = f"{_GITHUB}zxaoyou/segmentation_WBC/master/{quote(path)}"
    return PublicImage(f"Zheng 2-{number}", f"zheng2018/{path}", (url,), sha256)


# Of both sets, photographs that no shipped model was trained on (`training/splits`).

#: Whole fields: two neutrophils, an eosinophil, a lymphocyte, a monocyte. The checksums are
#: of the set's original photographs, which both repositories redistribute.
BCCD = PublicSample(
    "BCCD, https://github.com/Shenggan/BCCD_Dataset",
    "MIT",
    (
        _bccd("00031", "21d5e32572856a565be97deddb6a93490cc63ccd3b2276076878c252af9ec206"),
        _bccd("00123", "dff11cbd735b80efddc6fc94f2ac0becaef56b73afcb75503ecbf27007fda35b"),
        _bccd("00229", "22cae77971cd1e16a4576f523daf3c056393ff326beffbd91e654f1e2cd588f2"),
        _bccd("00342", "d63490ccba79e0bf2ebd5bba78f440b2c70026202180b9823eeb288e0e49dcb5"),
    ),
)
#: Single cells: neutrophil, monocyte, lymphocyte, eosinophil.
ZHENG = PublicSample(
    "Zheng et al. 2018, Dataset 2, https://github.com/zxaoyou/segmentation_WBC",
    "GPL-3.0",
    (
        _zheng("003", "bc83200114acfdcce914ef136c2f1e1babd2b9bd1b6d57d9b3fc32ddd75d8575"),
        _zheng("041", "a5f8e1d705995c0094c25289b25f33f311da9e982de3fc0096e7fdcf6c2ee34b"),
        _zheng("061", "2f45b65a6dcce220621d9cfbba4de8c32c3b30503901ac4d61faab91dae44cd2"),
        _zheng("098", "3c788dba11542d6785238324ae9f57ffce25dcce8ef9d06ae17caf167f52e4bc"),
    ),
)


def _from_folder(image: PublicImage, folder: str) -> Path:
    path = Path(folder).expanduser() / image.path
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ImageError(
            "{path} can't be read ({reason}): put the file there, or unset {variable}.",
            path=path,
            reason=error.strerror,
            variable=DATA_VARIABLE,
        ) from error
    if digest != image.sha256:
        raise ImageError(
            "{path} is not the file it should be (wrong checksum): replace it by the one "
            "from {address}, or unset {variable}.",
            path=path,
            address=image.urls[0],
            variable=DATA_VARIABLE,
        )
    return path


def fetch(image: PublicImage) -> Path:
    """Return the file of a public photograph, from the data folder, the cache or the network.

    The environment variable ``NAPARI_LEUKOCYTE_DATA`` may name a folder that holds the file;
    nothing is downloaded then. Otherwise it is downloaded once into the user's cache.

    Parameters
    ----------
    image : PublicImage
        Which one.

    Returns
    -------
    Path
        The file; its checksum is right.

    Raises
    ------
    ImageError
        If it can't be had, with what to do about it.
    """
    folder = os.environ.get(DATA_VARIABLE)
    if folder:
        return _from_folder(image, folder)

    import pooch

    cache = Path(pooch.os_cache("napari-leukocyte")) / Path(image.path).parent
    failure: Exception | None = None
    for url in image.urls:
        try:
            found = pooch.retrieve(
                url,
                known_hash=f"sha256:{image.sha256}",
                fname=Path(image.path).name,
                path=cache,
                # A stream would stay open where the server answers with an error.
                downloader=pooch.HTTPDownloader(timeout=_TIMEOUT, stream=False),
            )
        except PermissionError as error:
            raise ImageError(
                "The sample {title} can't be kept, because {cache} can't be written.",
                title=image.title,
                cache=cache,
            ) from error
        except (OSError, ValueError) as error:
            failure = error
        else:
            return Path(found)
    # Errors of the network, requests' own included, are OSErrors; pooch's on checksums is not.
    if isinstance(failure, OSError):
        raise ImageError(
            "The sample {title} could not be downloaded from {host}: check the network, or set "
            "{variable} to a folder that holds {path}.",
            title=image.title,
            host=urlsplit(image.urls[-1]).hostname,
            variable=DATA_VARIABLE,
            path=image.path,
        ) from failure
    raise ImageError(
        "The sample {title} arrived damaged or changed (wrong checksum): try again, or set "
        "{variable} to a folder that holds {path}.",
        title=image.title,
        variable=DATA_VARIABLE,
        path=image.path,
    ) from failure


def read_sample(sample: PublicSample) -> list[tuple[PublicImage, NDArray[Any]]]:
    """Fetch and read all photographs of a sample.

    Parameters
    ----------
    sample : PublicSample
        Which ones.

    Returns
    -------
    list of (PublicImage, (H, W, 3) uint8 ndarray)
        RGB.

    Raises
    ------
    ImageError
        If one of them can't be had.
    """
    # All files first: either the whole sample opens, or none of it.
    files = [(image, fetch(image)) for image in sample.images]
    return [(image, read_image(path)) for image, path in files]
