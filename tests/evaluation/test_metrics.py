"""Every figure is explained, in the report and on the page about it."""

from pathlib import Path

import pytest

from sonorant.evaluation.metrics import METRICS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evaluation.md"


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_says_what_it_is_whence_and_when_not_to_trust_it(name: str) -> None:
    metric = METRICS[name]
    assert metric.title and metric.source
    assert metric.meaning.endswith(".") and metric.caution.endswith(".")


@pytest.mark.parametrize("name", METRICS)
def test_the_documentation_names_it(name: str) -> None:
    assert f"`{name}`" in PAGE.read_text(encoding="utf-8")
