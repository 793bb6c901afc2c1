"""From sentences to figures, and from two reports to differences."""

import re
from dataclasses import replace

import pytest
from tests.evaluation.reports import evaluation, result

from sonorant.errors import RequestError
from sonorant.evaluation.figures import changes, figures
from sonorant.evaluation.metrics import METRICS
from sonorant.evaluation.results import Share
from sonorant.evaluation.table import changes_text, figures_text


def test_a_figure_stands_beside_that_of_the_recordings() -> None:
    rows = {row.metric: row for row in figures([result(1, errors=1), result(2, errors=3)])}
    assert set(rows) == {"wer", "mcd", "real_time_factor"}
    wer = rows["wer"]
    assert (wer.value.value, wer.recordings.value, wer.beside.value) == (0.5, 0.25, 2.0)
    assert rows["mcd"].recordings is None and rows["mcd"].beside is None


def test_figures_come_in_the_order_of_the_metrics() -> None:
    names = [row.metric for row in figures([result(1)])]
    assert names == [name for name in METRICS if name in names]


def test_the_recordings_count_only_where_the_voice_was_measured_too() -> None:
    unheard = result(2, shares={})
    (wer,) = (row for row in figures([result(1), unheard]) if row.metric == "wer")
    assert wer.recordings.num_sentences == 1


def test_the_terminal_shows_every_figure_with_its_interval() -> None:
    text = figures_text(figures([result(1, errors=1), result(2, errors=3)]), "ada")
    assert "word error rate" in text and "50.0 % (25.0 to 75.0)" in text and "× 2.00 (1.00 to 3.00)" in text
    assert "mel-cepstral distortion, dB" in text and "6.50" in text


def test_a_comparison_is_of_the_second_less_the_first_on_common_sentences() -> None:
    before = evaluation(result(1, errors=3), result(2, errors=2), result(7))
    after = evaluation(result(2, errors=1), result(1, errors=1), result(8))
    rows = {row.metric: row for row in changes(before, after)}
    assert rows["wer"].difference.value == pytest.approx(-3 / 8)
    assert rows["wer"].difference.num_sentences == 2 and rows["wer"].is_certain
    assert rows["mcd"].difference.value == 0 and not rows["mcd"].is_certain
    text = changes_text(list(rows.values()), "before", "after")
    assert re.search(r"-37.5 % \(-50.0 to -25.0\) +\* better$", text, re.MULTILINE) and text.count("*") == 1


def test_more_is_better_only_where_the_metric_says_so() -> None:
    ours, theirs = (evaluation(result(1, shares={"pesq": Share(x), "mcd": Share(x)})) for x in (2.0, 3.0))
    text = changes_text(changes(ours, theirs), "a", "b")
    assert "* better" in text.splitlines()[2] and "PESQ" in text.splitlines()[2]
    assert "* worse" in text.splitlines()[1] and "mel-cepstral" in text.splitlines()[1]


def test_what_cannot_be_compared_is_refused() -> None:
    speech = evaluation(result(1))
    with pytest.raises(RequestError, match="different sentences"):
        changes(speech, evaluation(result(1, text="Another one.")))
    with pytest.raises(RequestError, match="--vocoder-only"):
        changes(speech, replace(speech, kind="copy"))
