"""Where models are found: shipped with the package, in the user's folder, or anywhere by path."""

from __future__ import annotations

import json
import os
from pathlib import Path

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models.manifest import FILE_NAME, Kind, Manifest, read_manifest

#: Models that come with the package.
SHIPPED = Path(__file__).parent / "shipped"
#: Environment variable that names another folder of user models.
FOLDER_VARIABLE = "NAPARI_LEUKOCYTE_MODELS"


def user_folder() -> Path:
    """Return the folder in which a user's own models lie; it may not exist yet."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("napari-leukocyte", appauthor=False) / "models"


def model_folders() -> list[Path]:
    """Return the folders that hold models or, without a manifest, networks; shipped ones first."""
    folders: list[Path] = []
    for root in (SHIPPED, user_folder()):
        try:
            inside = sorted(root.iterdir())
        except OSError:  # there need not be any
            continue
        # What is being written has a name with a dot.
        folders += [f for f in inside if not f.name.startswith(".") and _holds_a_model(f)]
    return folders


def list_models(kind: Kind) -> list[Manifest]:
    """List the models of a kind: the default first, the other shipped ones, then the user's.

    Parameters
    ----------
    kind : {"segmentation", "classification"}
        Which.

    Returns
    -------
    list of Manifest
        Folders that hold no sound manifest are left out;
        :func:`napari_leukocyte.models.discovery.discover_models` says why.
    """
    found: dict[str, Manifest] = {}
    for folder in model_folders():
        try:
            manifest = read_manifest(folder)
        except ModelError:
            continue
        if manifest.kind == kind:
            found.setdefault(manifest.name, manifest)
    default = default_name(kind)
    return sorted(found.values(), key=lambda m: m.name != default)


def default_name(kind: Kind) -> str:
    """Return the name of the model that ``"default"`` stands for.

    Raises
    ------
    ModelError
        If the package's own list of models is missing or damaged.
    """
    path = SHIPPED / "defaults.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))[kind])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} is missing or damaged: install napari-leukocyte again."
        ) from error


def find_model(kind: Kind, name: str | Path = "default") -> Manifest:
    """Find a model by its name or its folder.

    Parameters
    ----------
    kind : {"segmentation", "classification"}
        What it must do.
    name : str or Path
        ``"default"``, a name of :func:`list_models`, or the path of a model's folder.

    Returns
    -------
    Manifest

    Raises
    ------
    ModelError
        If there is none, or it is of the other kind or damaged.
    """
    wanted = default_name(kind) if name == "default" else str(name)
    models = {m.name: m for m in list_models(kind)}
    if wanted in models:
        return models[wanted]
    for folder in (Path(wanted), user_folder() / wanted):
        if _is_folder(folder):
            manifest = read_manifest(folder)
            if manifest.kind != kind:
                raise ModelError(f"{folder} is a {manifest.kind} model, not a {kind} model.")
            return manifest
    raise ModelError(
        f"There is no {kind} model {wanted!r}: known are {', '.join(models) or 'none'}, "
        "or give the folder of a model."
    )


def _holds_a_model(folder: Path) -> bool:
    try:
        return (folder / FILE_NAME).exists() or any(folder.glob("*.onnx"))
    except OSError:  # it may not be read
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # longer than any name can be
        return False
