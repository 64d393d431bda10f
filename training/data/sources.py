"""The sources of the public sets: addresses of their files, or the way to get them by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

GITHUB = "https://raw.githubusercontent.com"
# Commits that hold the files, so that nobody's later change is what is fetched first. Zheng's
# repository has grown over several commits; whatever the branch holds is checked all the same.
_ZHENG = "zxaoyou/segmentation_WBC/master"
_BCCD = ("Shenggan/BCCD_Dataset/master", "dhruvp/wbc-classification/master")
_BCCD_BOXES = (
    "Shenggan/BCCD_Dataset/ec96fe4104e9bb329f0d263db95cf1edd8c09909",
    "Shenggan/BCCD_Dataset/master",
)
_BCCD_CLASSES = "dhruvp/wbc-classification/fbb2e273a7d8100648b7b8cecdea769596f7b590"
_BCCD_MASKS = (
    "ParthaPratimBanik/An-Automatic-Nucleus-Segmentation-and-CNN-Model-based-Classification-Method"
    "-of-White-Blood-Cell/5b76285d9275e636801ce451d42d5088aa6fd137"
)
_TXL = "lugan113/TXL-PBC_Dataset/bcafb7af67467b02b3bac19a95d0e43ebcc5b983"
_WBCATT = "apple2373/wbcatt/3121eea24a0977184bbedcb61b90f7a528f7b4e9"


@dataclass(frozen=True)
class Source:
    """A public set.

    Attributes
    ----------
    title, terms : str
        Whose it is, and under what terms.
    addresses : callable or None
        From a file's path under the data root to where it can be downloaded, first choice first.
        None where users must get the set themselves.
    how : str
        How they do that, with ``{root}`` for the data root.
    """

    title: str
    terms: str
    addresses: Callable[[str], tuple[str, ...]] | None = None
    how: str = ""


def _raw(*places: str) -> tuple[str, ...]:
    return tuple(f"{GITHUB}/{quote(place)}" for place in places)


def _zheng(path: str) -> tuple[str, ...]:
    return _raw(f"{_ZHENG}/{path.removeprefix('zheng2018/')}")


def _bccd(path: str) -> tuple[str, ...]:
    name, folder = PurePosixPath(path).name, PurePosixPath(path).parent.name
    if folder == "images":
        # The first lacks three of them.
        return _raw(f"{_BCCD[0]}/BCCD/JPEGImages/{name}", f"{_BCCD[1]}/Original_Images/{name}")
    if folder == "Annotations":
        return _raw(*(f"{place}/BCCD/Annotations/{name}" for place in _BCCD_BOXES))
    if folder == "masks":
        return _raw(f"{_BCCD_MASKS}/wbc_nucleus_seg_localz/Datasets/Ground Truth/BCCD/{name}")
    return _raw(f"{_BCCD_CLASSES}/_inputs/{name}")


def _raabin(path: str) -> tuple[str, ...]:
    file = Path(path)
    # Spread over that set's own split.
    sides = ("train", "val", "test")
    return _raw(*(f"{_TXL}/TXL_PBC/{file.parent.name}/{side}/{file.name}" for side in sides))


def _wbcatt(path: str) -> tuple[str, ...]:
    return _raw(f"{_WBCATT}/submission/{PurePosixPath(path).name}")


#: The sets that can be asked for, in the order in which they are fetched.
SOURCES: dict[str, Source] = {
    "zheng1": Source(
        "Zheng and others 2018, Jiangxi Tecom: https://github.com/zxaoyou/segmentation_WBC",
        "GPL-3 (repository)",
        _zheng,
    ),
    "zheng2": Source(
        "Zheng and others 2018, CellaVision: https://github.com/zxaoyou/segmentation_WBC",
        "GPL-3 (repository)",
        _zheng,
    ),
    "bccd": Source(
        "BCCD: https://github.com/Shenggan/BCCD_Dataset, masks by Banik and others",
        "MIT",
        _bccd,
    ),
    "raabin": Source(
        "Raabin-WBC as in TXL-PBC: https://github.com/lugan113/TXL-PBC_Dataset",
        "MIT (repository)",
        _raabin,
    ),
    "wbcatt": Source(
        "WBCAtt: https://github.com/apple2373/wbcatt",
        "MIT",
        _wbcatt,
    ),
    "pbc": Source(
        "PBC, Acevedo and others 2020: https://data.mendeley.com/datasets/snkd93bnjr/1",
        "CC BY 4.0",
        how="Download PBC_dataset_normal_DIB.zip from https://data.mendeley.com/datasets/"
        "snkd93bnjr/1 in a browser and unpack it so that "
        "{root}/pbc/PBC_dataset_normal_DIB/basophil exists.",
    ),
    "raabin_labelled": Source(
        "Raabin-WBC, double labelled, Train, Kouzehkanan and others 2022: https://raabindata.com",
        "free for research, as its article says",
        how="Get the double labelled crops of https://raabindata.com/free-data, reduce them to "
        "0.696, cut the middle 320 px of each, and put them into {root}/raabin/images, with a "
        "table {root}/raabin/labels.csv of the columns file, class and smear.",
    ),
    "bionet": Source(
        "Bio-Net, Shams and others 2024: "
        "https://github.com/usmanalishams/DeepBioNet_dataset_BCCD_WBC_Classifition",
        "cite the article",
        how="Download the fields of https://github.com/usmanalishams/"
        "DeepBioNet_dataset_BCCD_WBC_Classifition into {root}/bionet/images, with the tables "
        "{root}/bionet/labels.csv (file, class) and boxes.csv (file, kind, xmin, ymin, xmax, "
        "ymax).",
    ),
    "chula_rbc": Source(
        "Chula RBC-12, Naruenatthanaset and others: "
        "https://github.com/Chula-PIC-Lab/Chula-RBC-12-Dataset",
        "MIT",
        how="Download https://github.com/Chula-PIC-Lab/Chula-RBC-12-Dataset, put the fields that "
        "show no leukocyte into {root}/chula_rbc/images, with a table "
        "{root}/chula_rbc/labels.csv of the columns file and leukocytes (0).",
    ),
    "choi_marrow": Source(
        "Choi and others 2017, PLoS ONE: https://github.com/JinwooChoi9/wbc_plosone",
        "published as the data of an open-access article",
        how="Unpack data_WBC_torch.zip of https://github.com/JinwooChoi9/wbc_plosone into "
        "{root}/choi_marrow/images, with a table {root}/choi_marrow/labels.csv of the columns "
        "file, class and stage.",
    ),
    "kaggle": Source(
        "Blood Cell Images: https://www.kaggle.com/datasets/paultimothymooney/blood-cells",
        "as stated there",
        how="Download it from https://www.kaggle.com/datasets/paultimothymooney/blood-cells, which "
        "needs an account, and unpack it so that {root}/kaggle/dataset2-master exists.",
    ),
    "lisc": Source(
        "LISC, Rezatofighi and Soltanian-Zadeh 2011: "
        "http://users.cecs.anu.edu.au/~hrezatofighi/Data/Leukocyte%20Data.htm",
        "research and education, no copies",
        how="Its terms want everybody to get it from http://users.cecs.anu.edu.au/~hrezatofighi/"
        "Data/Leukocyte%20Data.htm: do so and unpack it so that {root}/lisc/Main Dataset exists.",
    ),
}
