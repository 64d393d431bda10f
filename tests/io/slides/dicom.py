"""A DICOM slide of one level, as small as the standard allows."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TILE = 256
_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"


def write_dicom(path: Path, pixels: NDArray[np.uint8], um_per_px: float) -> None:
    """Write pixels, (H, W, 3) uint8, as JPEG tiles."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.sequence import Sequence
    from pydicom.uid import JPEGBaseline8Bit, generate_uid

    def item(**values: Any) -> Sequence:
        found = Dataset()
        for name, value in values.items():
            setattr(found, name, value)
        return Sequence([found])

    height, width = pixels.shape[:2]
    frames = []
    for y in range(0, height, TILE):
        for x in range(0, width, TILE):
            tile = np.full((TILE, TILE, 3), 255, np.uint8)
            piece = pixels[y : y + TILE, x : x + TILE]
            tile[: piece.shape[0], : piece.shape[1]] = piece
            buffer = BytesIO()
            Image.fromarray(tile).save(buffer, "JPEG", quality=95, subsampling=0)
            frames.append(buffer.getvalue())
    mm = um_per_px / 1000
    kind = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    values: dict[str, Any] = {
        "SOPClassUID": _WHOLE_SLIDE,
        **{f"{what}UID": generate_uid() for what in ("SOPInstance", "StudyInstance")},
        **{f"{what}UID": generate_uid() for what in ("SeriesInstance", "FrameOfReference")},
        "Modality": "SM",
        "ImageType": kind,
        "PatientID": "x",
        "PatientName": "x",
        "StudyDate": "20200101",
        "StudyTime": "000000",
        "AcquisitionDateTime": "20200101000000",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "ContainerIdentifier": "x",
        "SpecimenDescriptionSequence": Sequence([]),
        "Rows": TILE,
        "Columns": TILE,
        "NumberOfFrames": len(frames),
        "TotalPixelMatrixRows": height,
        "TotalPixelMatrixColumns": width,
        "TotalPixelMatrixFocalPlanes": 1,
        "ImagedVolumeWidth": width * mm,
        "ImagedVolumeHeight": height * mm,
        "ImagedVolumeDepth": 0.001,
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "YBR_FULL_422",
        "PlanarConfiguration": 0,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "LossyImageCompression": "01",
        "DimensionOrganizationType": "TILED_FULL",
        "NumberOfOpticalPaths": 1,
        "FocusMethod": "AUTO",
        "ExtendedDepthOfField": "NO",
        "BurnedInAnnotation": "NO",
        "SpecimenLabelInImage": "NO",
        "VolumetricProperties": "VOLUME",
        "PositionReferenceIndicator": "SLIDE_CORNER",
        "ImageOrientationSlide": [0, 1, 0, 1, 0, 0],
        "TotalPixelMatrixOriginSequence": item(
            XOffsetInSlideCoordinateSystem=0.0, YOffsetInSlideCoordinateSystem=0.0
        ),
        "SharedFunctionalGroupsSequence": item(
            PixelMeasuresSequence=item(
                PixelSpacing=[mm, mm], SliceThickness=0.001, SpacingBetweenSlices=0.001
            ),
            WholeSlideMicroscopyImageFrameTypeSequence=item(FrameType=kind),
            OpticalPathIdentificationSequence=item(OpticalPathIdentifier="0"),
        ),
        "OpticalPathSequence": item(
            OpticalPathIdentifier="0",
            IlluminationTypeCodeSequence=item(
                CodeValue="111744",
                CodingSchemeDesignator="DCM",
                CodeMeaning="Brightfield illumination",
            ),
            IlluminationWaveLength=500.0,
            ICCProfile=b"",
        ),
        "PixelData": encapsulate(frames),
    }
    (slide,) = item(**values)
    slide["PixelData"].is_undefined_length = True
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = slide.SOPClassUID
    meta.MediaStorageSOPInstanceUID = slide.SOPInstanceUID
    meta.TransferSyntaxUID = JPEGBaseline8Bit
    slide.file_meta = meta
    slide.save_as(path, enforce_file_format=True)
