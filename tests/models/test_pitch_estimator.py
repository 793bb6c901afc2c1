"""What reads the pitch: from logits to Hz and from Hz to a loss, by figures worked out by hand; and that it learns."""

import math

import pytest
import torch
from torch import Tensor

from sonorant.config import PitchEstimatorConfig
from sonorant.models.pitch_estimator import NEAR_BINS, TARGET_BINS, PitchEstimator

BINS, N_MELS = 61, 8
CONFIG = PitchEstimatorConfig(
    channels=8, hidden_channels=16, num_layers=1, bins=BINS, floor_hz=50.0, ceiling_hz=1600.0
)  # 5 octaves in 60 steps: semitones


@pytest.fixture
def estimator() -> PitchEstimator:
    torch.manual_seed(0)
    return PitchEstimator(CONFIG, N_MELS)


def hz_of(position: float) -> float:
    return 50.0 * 2 ** (position / 12)


def peak(*positions: float, height: float = 30.0) -> Tensor:
    """Logits of a narrow peak at each position, in bins: (1, T, BINS)."""
    return -height * (torch.arange(BINS) - torch.tensor(positions)[:, None]).square()[None]


def test_a_peak_at_a_bin_is_that_bins_pitch(estimator: PitchEstimator) -> None:
    found = estimator._decode(peak(0, 12, 35, 60), torch.ones(1, 4))
    torch.testing.assert_close(found, torch.tensor([[50.0, 100.0, hz_of(35), 1600.0]]))


def test_a_peak_between_bins_is_a_pitch_between_theirs(estimator: PitchEstimator) -> None:
    found = estimator._decode(peak(24.25, 30.5, height=0.5), torch.ones(1, 2))
    torch.testing.assert_close(found, torch.tensor([[hz_of(24.25), hz_of(30.5)]]), rtol=1e-4, atol=0)


def test_a_weaker_peak_far_away_does_not_pull(estimator: PitchEstimator) -> None:
    """An octave above, as likely as not, would make the mean of all bins wrong by half an octave."""
    logits = torch.full((1, 1, BINS), -30.0)
    logits[..., 20], logits[..., 32] = 5.0, 4.9
    assert estimator._decode(logits, torch.ones(1, 1)).item() == pytest.approx(hz_of(20), rel=1e-5)
    logits[..., 20 + NEAR_BINS] = 5.0 - 1e-3  # the last that counts
    assert estimator._decode(logits, torch.ones(1, 1)).item() == pytest.approx(hz_of(22), rel=1e-3)


def test_where_there_is_no_voice_the_pitch_is_0(estimator: PitchEstimator) -> None:
    found = estimator._decode(peak(20, 20, 20), torch.tensor([[-1.0, 0.0, 1e-3]]))
    assert found[0, :2].tolist() == [0.0, 0.0] and found[0, 2] > 0


def test_the_loss_is_least_where_the_logits_are_right(estimator: PitchEstimator) -> None:
    pitch_hz = torch.tensor([[hz_of(30), hz_of(30.5)]])
    right = peak(30, 30.5, height=0.5 / TARGET_BINS**2)
    voicing = torch.full((1, 2), 20.0)
    loss = estimator._cross_entropy(right, voicing, pitch_hz)
    entropy = math.log(TARGET_BINS * math.sqrt(2 * math.pi * math.e))  # of a Gaussian, in bins
    assert loss.item() == pytest.approx(entropy, rel=1e-3)
    for wrong in (peak(31, 31.5, height=0.5 / TARGET_BINS**2), 2 * right, 0.5 * right, 0 * right):
        assert estimator._cross_entropy(wrong, voicing, pitch_hz) > loss + 0.05


def test_voicing_costs_and_the_pitch_of_unvoiced_frames_costs_nothing(estimator: PitchEstimator) -> None:
    pitch_hz, logits = torch.tensor([[0.0, 0.0]]), torch.randn(1, 2, BINS)
    sure = estimator._cross_entropy(logits, torch.full((1, 2), -20.0), pitch_hz)
    half = estimator._cross_entropy(logits, torch.zeros(1, 2), pitch_hz)
    assert sure.item() < 1e-6 and half.item() == pytest.approx(math.log(2))
    voiced = estimator._cross_entropy(logits, torch.full((1, 2), 20.0), torch.tensor([[100.0, 0.0]]))
    assert voiced.item() > 9.9  # one of two frames is wrong by 20


@pytest.mark.parametrize(("hz", "bin_number"), [(10.0, 0), (5000.0, BINS - 1)])
def test_a_pitch_outside_of_the_bins_counts_as_the_nearest(
    estimator: PitchEstimator, hz: float, bin_number: int
) -> None:
    logits = torch.zeros(1, 1, BINS, requires_grad=True)
    estimator._cross_entropy(logits, torch.zeros(1, 1), torch.tensor([[hz]])).backward()
    assert logits.grad is not None and logits.grad.argmin() == bin_number


def test_every_parameter_has_a_gradient(estimator: PitchEstimator) -> None:
    estimator.loss(torch.randn(2, N_MELS, 12), 200.0 * (torch.rand(2, 12) > 0.5)).backward()
    missing = [name for name, p in estimator.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []


@torch.no_grad()
def test_a_frame_depends_on_its_reach_and_no_more(estimator: PitchEstimator) -> None:
    mel, reach = torch.randn(1, N_MELS, 40), estimator.reach
    changed = mel.clone()
    changed[..., 20] += 1.0
    moved = (estimator(mel)[0] != estimator(changed)[0]).any(dim=2)[0].nonzero().flatten()
    assert (moved.min(), moved.max()) == (20 - reach, 20 + reach)


def test_it_learns_to_read_the_pitch(estimator: PitchEstimator) -> None:
    """The mel of a voice here: a hill that moves up by a bin every 7.5 semitones; there is none without a voice."""
    centres = torch.arange(N_MELS)[:, None]

    def voice(positions: Tensor, voiced: Tensor) -> tuple[Tensor, Tensor]:
        hill = -(centres - positions[:, None] / 7.5).square() / 2 - 3.0
        mel = torch.where(voiced[:, None], hill, -8.0) + 0.01 * torch.randn(len(positions), N_MELS, positions.shape[1])
        return mel, 50.0 * 2 ** (positions / 12) * voiced

    def drawn(size: int) -> tuple[Tensor, Tensor]:
        courses = 10 + 40 * torch.rand(size, 1) + torch.linspace(0, 3, 24)
        return voice(courses, (torch.arange(24) > 6).expand(size, 24))

    optimizer = torch.optim.Adam(estimator.parameters(), lr=0.01)
    for _ in range(120):
        optimizer.zero_grad()
        estimator.loss(*drawn(8)).backward()
        optimizer.step()
    mel, truth = drawn(16)
    with torch.no_grad():
        found = estimator.pitch(mel)
    both = (found > 0) & (truth > 0)
    assert (both | (truth == 0) & (found == 0)).float().mean() > 0.95
    semitones = 12 * (found[both] / truth[both]).log2()
    assert semitones.abs().median() < 1.5  # a bin of the mel has 7.5
