import numpy as np
import pytest
import torch

from sonorant.models import lengths
from sonorant.synthesis.regulation import durations_from_log, repeat_by_duration


@pytest.mark.parametrize("speed", [0.25, 0.7, 1.0, 1.3, 4.0])
def test_durations_equal_those_of_the_torch_model(speed: float) -> None:
    log_durations = np.random.default_rng(0).normal(1.5, 1.5, 2000).astype(np.float32)
    expected = lengths.round_durations(
        torch.from_numpy(log_durations)[None].expm1() / speed, torch.tensor([2000]), 75
    )
    assert durations_from_log(log_durations, speed, 75).tolist() == expected[0].tolist()


def test_durations_stay_within_their_limits() -> None:
    log_durations = np.array([-5.0, 20.0, 200.0, 0.0], dtype=np.float32)
    assert durations_from_log(log_durations, 1.0, 75).tolist() == [0, 75, 75, 0]


def test_repetition_equals_that_of_the_torch_model() -> None:
    random = np.random.default_rng(0)
    encodings = random.normal(size=(9, 4)).astype(np.float32)
    durations = random.integers(0, 5, 9)
    expected, _ = lengths.repeat_by_duration(torch.from_numpy(encodings)[None], torch.from_numpy(durations)[None])
    np.testing.assert_array_equal(repeat_by_duration(encodings, durations), expected[0].numpy())
