"""Can a score on this data set be trusted, and may it stand beside the published ones?

`audit_dataset` looks at a data set from all sides and ends with a verdict. It reads and compares; it changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from captionkit.audit.captions import (
    check_references,
    check_sentinels,
    check_shared_captions,
    check_splits,
    check_vocabulary,
)
from captionkit.audit.findings import Finding, Weight
from captionkit.audit.pictures import check_names, check_pictures
from captionkit.audit.published import (
    Verdict,
    check_official_coco,
    check_trained_on,
    judge,
    trained_pictures,
)
from captionkit.audit.results import check_scores
from captionkit.audit.runs import Earlier, check_run
from captionkit.config import Config
from captionkit.datasets.problems import Problem
from captionkit.records import ImageRecord

__all__ = ["AuditReport", "Finding", "Verdict", "Weight", "audit_dataset"]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found.

    Attributes:
        records: how many pictures were looked at.
        findings: leaks first, then problems, then notes.
        verdict: whether scores compare with a published table.
    """

    records: int
    findings: tuple[Finding, ...]
    verdict: Verdict

    @property
    def leaks(self) -> bool:
        """Whether something held out was learned or chosen by."""
        return any(entry.weight is Weight.LEAK for entry in self.findings)

    def to_json(self) -> dict[str, object]:
        """The report as plain JSON values."""
        return {
            "pictures": self.records,
            "findings": [entry.to_json() for entry in self.findings],
            "leaks": self.leaks,
            "comparable": {
                "answer": self.verdict.comparable,
                "table": self.verdict.table,
                "reasons": list(self.verdict.reasons),
            },
        }


def audit_dataset(
    records: Sequence[ImageRecord],
    *,
    problems: Iterable[Problem] = (),
    split: str = "test",
    official_coco: bool = False,
    vocabulary: Iterable[str] | None = None,
    scores: object = None,
    run: Config | None = None,
    earlier: Earlier | None = None,
    trained_on: Sequence[ImageRecord] = (),
    look: bool = True,
    workers: int = 2,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> AuditReport:
    """Audit a data set.

    Args:
        records: all its pictures, with their splits.
        problems: what its reader met.
        split: the split that is, or will be, scored.
        official_coco: whether the records come from COCO's own annotation files.
        vocabulary: the words of a model, special tokens apart; None where there is none to check.
        scores: parsed JSON of scores on `split`; None where there are none.
        run: the configuration of a training run; None where there is none.
        earlier: the configurations of the runs it builds on, by where they are; None for one that is gone.
        trained_on: the records of another data set that the model was trained on.
        look: whether to read the pictures and compare them.
        workers: threads that read pictures.
        progress: called after every picture with those done and all.

    Raises:
        DataError: `scores` holds no scores.
    """
    findings = [*check_splits(problems), *check_names(records), *check_shared_captions(records)]
    findings += [*check_references(records), *check_sentinels(records)]
    if official_coco:
        findings += check_official_coco(records)
    if trained_on:
        findings += check_trained_on(records, trained_on)
    of_run, learned = ([], []) if run is None else check_run(run, records, earlier)
    if vocabulary is not None:
        findings += check_vocabulary(records, vocabulary, [*trained_pictures(trained_on), *learned])
    findings += of_run
    if scores is not None:
        findings += check_scores(scores, records, split)
    if look:
        findings += check_pictures(records, workers=workers, progress=progress)
    else:
        findings.append(Finding("pictures", Weight.NOTE, "The pictures were not looked at."))
    order = list(Weight)
    findings.sort(key=lambda entry: order.index(entry.weight))
    return AuditReport(
        len(records), tuple(findings), judge(records, findings, split=split, official_coco=official_coco)
    )
