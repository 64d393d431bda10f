from . import datasets as datasets
from . import formats as formats
from . import sessions as sessions
from .analysis.pipeline import Analysis as Analysis
from .analysis.pipeline import analyse as analyse
from .classification.inference import classify as classify
from .counting.leukogram import count as count
from .counting.readers import ReaderComparison as ReaderComparison
from .counting.readers import compare_readers as compare_readers
from .errors import LeukocyteError as LeukocyteError
from .io.images.reading import read_image as read_image
from .learning.head.estimator import HeadClassifier as HeadClassifier
from .learning.head.estimator import embed_cells as embed_cells
from .samples.synthetic import SyntheticSmear as SyntheticSmear
from .samples.synthetic import synthetic_smear as synthetic_smear
from .segmentation.ensemble import MemberMaps as MemberMaps
from .segmentation.ensemble import segment as segment
from .segmentation.ensemble import segment_members as segment_members
from .segmentation.parameters import PostprocessParams as PostprocessParams
from .segmentation.postprocess import postprocess as postprocess
from .version import __version__ as __version__

__all__ = [
    "Analysis",
    "HeadClassifier",
    "LeukocyteError",
    "MemberMaps",
    "PostprocessParams",
    "ReaderComparison",
    "SyntheticSmear",
    "__version__",
    "analyse",
    "classify",
    "compare_readers",
    "count",
    "datasets",
    "embed_cells",
    "formats",
    "postprocess",
    "read_image",
    "segment",
    "segment_members",
    "sessions",
    "synthetic_smear",
]
