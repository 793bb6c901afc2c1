"""Pulses and noise: what their spectra, their power and their times must be."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sonorant.audio.excitation import make_excitation, make_excitations
from sonorant.audio.pitch import frame_centres_s
from sonorant.config import MelConfig

MEL = MelConfig()
HOP, RATE = MEL.hop_length, MEL.sample_rate
Floats = NDArray[np.float32]


def made(pitch_hz: object, config: MelConfig = MEL, seed: int = 0, cycles: float = 0.0) -> Floats:
    return make_excitation(np.asarray(pitch_hz, np.float32), config, np.random.default_rng(seed), cycles)


def constant(hz: float, num_frames: int) -> Floats:
    return np.full(num_frames, hz, dtype=np.float32)


@pytest.mark.parametrize("hz", [80.0, 105.0, 200.0, 333.25])
def test_pulses_are_all_harmonics_of_the_pitch_alike_and_nothing_else(hz: float) -> None:
    """A frequency that wraps at half the sample rate, or a pulse on the nearest sample, would sound between them."""
    pulses = made(constant(hz, 100))[0].astype(np.float64)
    times_s = np.arange(1, len(pulses) + 1) / RATE
    harmonics = np.arange(1, np.ceil(RATE / 2 / hz))
    expected = sum(np.cos(2 * np.pi * number * hz * times_s) for number in harmonics) * np.sqrt(2 / len(harmonics))
    assert np.abs(pulses).max() > 5
    np.testing.assert_allclose(pulses, expected, atol=1e-3)


def test_a_gliding_pitch_leaves_the_space_between_its_harmonics_empty() -> None:
    pulses = made(np.linspace(250.0, 260.0, 40))[0]
    spectrum = np.abs(np.fft.rfft(pulses * np.blackman(len(pulses))))
    hz = np.fft.rfftfreq(len(pulses), 1 / RATE)
    tenth = spectrum[(hz > 2500) & (hz < 2600)].max()
    between = spectrum[(hz > 2610) & (hz < 2740)].max()  # the 10th ends at 2600 Hz, the 11th begins at 2750
    assert between < 3e-3 * tenth


@pytest.mark.parametrize("hz", [60.0, 150.0, 500.0])
def test_pulses_and_noise_have_unit_power(hz: float) -> None:
    assert np.mean(made(constant(hz, 300)) ** 2, axis=1) == pytest.approx([1.0, 1.0], abs=0.02)


def test_a_pulse_comes_once_in_a_period_from_where_it_is_told_to_begin() -> None:
    hz = 441 / 4  # a period of 200 samples
    plain, later = (made(constant(hz, 20), cycles=cycles)[0] for cycles in (0.0, 0.25))
    peaks = np.flatnonzero(plain > 0.9 * plain.max())
    assert np.diff(peaks).tolist() == [200] * (len(peaks) - 1) and len(peaks) == 25
    assert (peaks[:-1] - np.flatnonzero(later > 0.9 * later.max())[: len(peaks) - 1] == 50).all()


def test_without_a_voice_there_is_silence_with_a_ramp_of_half_a_frame_at_its_edges() -> None:
    pitch_hz = np.repeat([0.0, 200.0, 0.0, 150.0], 10)
    pulses, noise = made(pitch_hz)
    frames = np.abs(pulses).reshape(40, HOP)
    assert (frames[1:9] == 0).all() and (frames[21:29] == 0).all() and noise.std() > 0.9
    edge = 10 * HOP  # between the centres of frames 9 and 10
    assert (pulses[edge - HOP // 2 : edge - HOP // 4] == 0).all() and (frames[10, HOP // 4 :].max() > 5)
    whole = made(np.where(pitch_hz > 0, pitch_hz, 200.0))[0]
    np.testing.assert_allclose(pulses[edge + HOP // 4 : edge + HOP], whole[edge + HOP // 4 : edge + HOP], atol=1e-5)


def test_the_phase_goes_on_through_changes_of_pitch_and_pauses() -> None:
    """The fundamental alone, as a phase that is unwrapped, advances by the pitch from sample to sample."""
    pitch_hz = np.concatenate([constant(5000.0, 5), np.linspace(5000, 4000, 5), np.zeros(5), constant(4000.0, 5)])
    pulses = made(pitch_hz)[0]  # at 5 kHz and 4 kHz there are two harmonics, whose sum is known
    centres = frame_centres_s(MEL, 20)
    hz = np.interp((np.arange(len(pulses)) + 0.5) / RATE, centres[pitch_hz > 0], pitch_hz[pitch_hz > 0])
    angle = 2 * np.pi * np.cumsum(hz) / RATE
    expected = np.cos(angle) + np.cos(2 * angle)
    voiced = np.r_[0 : 9 * HOP, 16 * HOP : 20 * HOP]
    np.testing.assert_allclose(pulses[voiced], expected[voiced], atol=1e-3)


def test_a_longer_course_of_pitch_begins_like_a_shorter_one() -> None:
    pitch_hz = np.concatenate([np.linspace(100, 200, 20), np.zeros(10), constant(180.0, 20)])
    whole = made(pitch_hz)
    for num_frames in (5, 20, 25, 40):
        part = made(pitch_hz[:num_frames])
        np.testing.assert_array_equal(part[1], whole[1, : num_frames * HOP])
        last_voiced = np.flatnonzero(pitch_hz[:num_frames])[-1]
        known = last_voiced * HOP + HOP // 2
        np.testing.assert_array_equal(part[0, :known], whole[0, :known])


def test_the_same_seed_gives_the_same_noise_and_another_gives_other() -> None:
    first, again, other = (made(constant(200.0, 10), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first[0], other[0])
    assert abs(np.corrcoef(first[1], other[1])[0, 1]) < 0.1


def test_each_row_of_a_batch_is_as_it_would_be_alone() -> None:
    rows = np.stack([constant(200.0, 10), np.linspace(100, 200, 10, dtype=np.float32)])
    together = make_excitations(rows, MEL, seed=3)
    assert together.shape == (2, 2, 10 * HOP)
    for row, found in zip(rows, together, strict=True):
        np.testing.assert_array_equal(found, made(row, seed=3))


@pytest.mark.parametrize("num_frames", [0, 1, 7])
def test_a_whisper_has_noise_alone(num_frames: int) -> None:
    pulses, noise = made(np.zeros(num_frames))
    assert len(pulses) == len(noise) == num_frames * HOP
    assert not pulses.any() and noise.dtype == np.float32 and np.count_nonzero(noise) == len(noise)


def test_where_frames_are_centred_on_their_first_samples_pulses_are_as_early() -> None:
    centred = MEL.model_copy(update={"padding": "centered"})
    pitch_hz = np.repeat([0.0, 200.0, 0.0], [10, 3, 10])
    first, last = (np.flatnonzero(made(pitch_hz, config)[0])[[0, -1]] for config in (MEL, centred))
    np.testing.assert_allclose(first - last, HOP // 2, atol=1)


@pytest.mark.parametrize("hz", [RATE / 2, 1e9, np.inf])
def test_a_pitch_without_a_harmonic_below_half_the_sample_rate_is_refused(hz: float) -> None:
    with pytest.raises(ValueError, match="is not below half the sample rate 22050"):
        made([200.0, hz])
