from .classification.classify import classify as classify
from .counting.leukogram import count as count
from .errors import LeukocyteError as LeukocyteError
from .segmentation.ensemble import MemberMaps as MemberMaps
from .segmentation.ensemble import segment as segment
from .segmentation.ensemble import segment_members as segment_members
from .segmentation.parameters import PostprocessParams as PostprocessParams
from .segmentation.postprocess import postprocess as postprocess
from .version import __version__ as __version__

__all__ = [
    "LeukocyteError",
    "MemberMaps",
    "PostprocessParams",
    "__version__",
    "classify",
    "count",
    "postprocess",
    "segment",
    "segment_members",
]
