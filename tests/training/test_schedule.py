import pytest

from sonorant.config import ScheduleConfig
from sonorant.training.schedule import learning_rate_factor


def factors(config: ScheduleConfig, steps: list[int], steps_per_epoch: int = 10, num_steps: int = 100) -> list[float]:
    return [learning_rate_factor(config, step, steps_per_epoch, num_steps) for step in steps]


def test_constant_rises_over_the_warmup_and_stays() -> None:
    assert factors(ScheduleConfig(warmup_steps=4), [0, 1, 3, 4, 99]) == [0.25, 0.5, 1.0, 1.0, 1.0]


def test_exponential_falls_once_per_epoch() -> None:
    config = ScheduleConfig(kind="exponential", gamma=0.5)
    assert factors(config, [0, 9, 10, 29, 30]) == [1.0, 1.0, 0.5, 0.25, 0.125]


def test_hifigan_ends_at_the_published_learning_rate() -> None:
    config = ScheduleConfig(kind="exponential", gamma=0.9998)
    (last,) = factors(config, [6500 * 97 - 1], steps_per_epoch=97)
    assert 3e-4 * last == pytest.approx(8.2e-5, rel=0.01)  # REFERENCE: 6500 epochs from 3e-4


def test_inverse_sqrt_peaks_at_the_end_of_the_warmup() -> None:
    config = ScheduleConfig(kind="inverse_sqrt", warmup_steps=1000)
    peak, before, after = factors(config, [999, 998, 1000])
    assert 0.1 * peak == pytest.approx(3.16e-3, rel=1e-3)  # FastPitch 1.1 with its learning rate of 0.1
    assert before < peak and after < peak
    assert factors(config, [3999]) == pytest.approx([peak / 2])


def test_cosine_goes_from_one_to_its_final_factor() -> None:
    config = ScheduleConfig(kind="cosine", warmup_steps=10, final_factor=0.1)
    values = factors(config, list(range(100)))
    assert values[9] == values[10] == 1.0
    assert values[99] == pytest.approx(0.1)
    assert values[10:] == sorted(values[10:], reverse=True)


def test_no_schedule_divides_by_zero_in_a_run_of_one_step() -> None:
    for kind in ("constant", "exponential", "inverse_sqrt", "cosine"):
        assert learning_rate_factor(ScheduleConfig(kind=kind), 0, 1, 1) == 1.0
