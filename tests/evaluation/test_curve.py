import re

import pytest

from sonorant.evaluation.curve import LOG_FROM, Marks, chart

NONE = Marks({}, ())


def heights(svg: str) -> list[float]:
    """The curve's places from the top, from its first to its last point."""
    points = re.findall(r"points='([^']*)'", svg)[0]
    return [float(place.split(",")[1]) for place in points.split()]


def test_a_higher_value_lies_higher() -> None:
    first, second, third = heights(chart({"train": [(1, 1.0), (2, 3.0), (3, 2.0)]}, 3, NONE))
    assert second < third < first
    assert first - third == pytest.approx(third - second, abs=0.2)


def test_values_of_many_sizes_get_a_logarithmic_axis() -> None:
    ratio = LOG_FROM * 10
    first, second, third = heights(chart({"train": [(1, 1.0), (2, ratio**0.5), (3, ratio)]}, 3, NONE))
    assert first - second == pytest.approx(second - third, abs=0.2)


def test_values_that_pass_zero_never_do() -> None:
    first, second, third = heights(chart({"train": [(1, -1.0), (2, 499.5), (3, 1000.0)]}, 3, NONE))
    assert first - second == pytest.approx(second - third, abs=0.2)


def test_numbers_that_are_not_finite_are_left_out() -> None:
    svg = chart({"train": [(1, 1.0), (2, float("nan")), (3, float("inf")), (4, 2.0)]}, 4, NONE)
    assert len(heights(svg)) == 2 and "nan" not in svg and "inf" not in svg
    assert "no finite number" in chart({"train": [(1, float("nan"))]}, 1, NONE)


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0])
def test_a_curve_that_stands_still_is_drawn_in_the_middle(value: float) -> None:
    top, bottom = 8, 178
    assert heights(chart({"train": [(1, value), (2, value)]}, 2, NONE)) == [(top + bottom) / 2] * 2


def test_alarms_resumes_and_the_best_are_marked_with_what_they_mean() -> None:
    svg = chart({"validation": [(10, 1.0), (20, 2.0)]}, 20, Marks({15: "5 < 6"}, [12]), best=(10, 1.0))
    assert "step 15: 5 &lt; 6" in svg and "went on at step 12" in svg and "best: 1 at step 10" in svg
    assert "class='best'" not in chart({"validation": [(10, 1.0)]}, 20, NONE, best=(5, float("nan")))
