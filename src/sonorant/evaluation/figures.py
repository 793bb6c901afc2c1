"""From sentences to the figures of a report, and from two reports to their differences."""

from collections.abc import Sequence
from dataclasses import dataclass

from sonorant.errors import RequestError
from sonorant.evaluation.bootstrap import Estimate, difference, mean, ratio
from sonorant.evaluation.metrics import METRICS
from sonorant.evaluation.results import Evaluation, SentenceResult

_BESIDE = {"ratio": ratio, "difference": difference}


@dataclass(frozen=True)
class Figure:
    """One row of a report.

    Attributes:
        metric: Its key in METRICS.
        value: Of the voice or the vocoder.
        recordings: Of the recordings of the same sentences; None where there are none or the metric needs a reference.
        beside: The ratio of the two, or their difference, as the metric says.
    """

    metric: str
    value: Estimate
    recordings: Estimate | None = None
    beside: Estimate | None = None


@dataclass(frozen=True)
class Change:
    """One row of a comparison: what `first` and `second` measure on the same sentences, and second less first."""

    metric: str
    first: Estimate
    second: Estimate
    difference: Estimate

    @property
    def is_certain(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        return self.difference.low > 0 or self.difference.high < 0


def figures(sentences: Sequence[SentenceResult]) -> list[Figure]:
    """Return all figures that the sentences give, in the order of METRICS."""
    return [figure for metric in METRICS if (figure := _figure(metric, sentences)) is not None]


def _figure(metric: str, sentences: Sequence[SentenceResult]) -> Figure | None:
    ours = [sentence.shares[metric] for sentence in sentences if metric in sentence.shares]
    value = mean(ours)
    if value is None:
        return None
    both = [s for s in sentences if metric in s.shares and metric in s.recording_shares]
    theirs = [sentence.recording_shares[metric] for sentence in both]
    beside = METRICS[metric].beside
    compare = _BESIDE[beside] if beside else None
    return Figure(
        metric,
        value,
        recordings=mean(theirs),
        beside=compare([sentence.shares[metric] for sentence in both], theirs) if compare else None,
    )


def changes(first: Evaluation, second: Evaluation) -> list[Change]:
    """Compare two evaluations on the sentences that both have: same id, same text.

    Raises:
        RequestError: One judged speech and the other copies, or they share no sentence.
    """
    if first.kind != second.kind:
        raise RequestError(
            f"compare: {first.subject} was judged by {first.kind}, {second.subject} by {second.kind}; "
            "evaluate both with --vocoder-only, or both without"
        )
    pairs = _pairs(first, second)
    if not pairs:
        both = f"{first.subject} and {second.subject}"
        raise RequestError(f"compare: {both} were judged by different sentences; evaluate the same")
    return [change for metric in METRICS if (change := _change(metric, pairs)) is not None]


def _pairs(first: Evaluation, second: Evaluation) -> list[tuple[SentenceResult, SentenceResult]]:
    theirs = {(sentence.sentence_id, sentence.text): sentence for sentence in second.sentences}
    keys = [(sentence.sentence_id, sentence.text) for sentence in first.sentences]
    return [(ours, theirs[key]) for ours, key in zip(first.sentences, keys, strict=True) if key in theirs]


def _change(metric: str, pairs: Sequence[tuple[SentenceResult, SentenceResult]]) -> Change | None:
    both = [(one.shares, two.shares) for one, two in pairs if metric in one.shares and metric in two.shares]
    ours, theirs = [one[metric] for one, _ in both], [two[metric] for _, two in both]
    first, second, change = mean(ours), mean(theirs), difference(theirs, ours)
    if first is None or second is None or change is None:
        return None
    return Change(metric, first, second, change)
