"""What a check finds, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass

from napari_leukocyte.annotations.dataset.wording import number_of
from napari_leukocyte.classification.label_errors import LabelError

#: So many of a kind are named; of the rest, how many there are.
NAMED = 5


@dataclass(frozen=True)
class Finding:
    """Something that was found.

    Attributes
    ----------
    kind : str
        Such as "damaged file".
    sentence : str
        What it is.
    problem : bool
        Whether the dataset is not sound because of it; else it is something to know.
    """

    kind: str
    sentence: str
    problem: bool = True


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes
    ----------
    version : int
        That was checked.
    findings : tuple of Finding
        Problems first.
    suspects : tuple of LabelError
        Cells whose class may be wrong, the most doubtful first.
    files, images, objects : int
        How many were looked at.
    """

    version: int
    findings: tuple[Finding, ...]
    suspects: tuple[LabelError, ...]
    files: int
    images: int
    objects: int

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What makes the dataset unsound."""
        return tuple(f for f in self.findings if f.problem)

    @property
    def remarks(self) -> tuple[Finding, ...]:
        """What one should know besides."""
        return tuple(f for f in self.findings if not f.problem)

    @property
    def sound(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def lines(self, named: int = NAMED) -> list[str]:
        """Return the report as lines; of a kind with many findings, the first `named`."""
        done = (
            f"{number_of(self.files, 'file')}, {number_of(self.images, 'photograph')}, "
            f"{number_of(self.objects, 'cell')}"
        )
        verdict = "sound" if self.sound else number_of(len(self.problems), "problem")
        lines = [f"Version {self.version}: {verdict} ({done})."]
        for heading, found in (("Problems", self.problems), ("Remarks", self.remarks)):
            if found:
                lines.append(f"{heading}:")
            of_kind: dict[str, list[Finding]] = {}
            for finding in found:
                of_kind.setdefault(finding.kind, []).append(finding)
            for kind, findings in of_kind.items():
                lines += [f"  {kind}: {f.sentence}" for f in findings[:named]]
                if len(findings) > named:
                    lines.append(f"  {kind}: and {len(findings) - named} more.")
        return lines
