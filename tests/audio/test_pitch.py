"""Pitch of sounds whose pitch is known."""

import numpy as np
import pytest

from sonorant.audio.pitch import estimate_pitch, pitch_at
from sonorant.config import MelConfig


def _voice(contour_hz: np.ndarray, sample_rate: int = 22050) -> np.ndarray:
    """Return twelve falling harmonics of a contour given for each sample."""
    phase = 2 * np.pi * np.cumsum(contour_hz) / sample_rate
    return sum(0.3 / k * np.sin(k * phase) for k in range(1, 13)).astype(np.float32)  # type: ignore[union-attr]


@pytest.mark.parametrize("padding", ["same", "centered"])
@pytest.mark.parametrize(("low", "high"), [(80.0, 160.0), (350.0, 150.0)])
def test_a_sweep_is_followed_within_one_percent(padding: str, low: float, high: float) -> None:
    pytest.importorskip("swift_f0")
    config = MelConfig(padding=padding)  # type: ignore[arg-type]
    contour = np.geomspace(low, high, 2 * 22050)
    num_frames = config.num_frames(len(contour))
    pitch = estimate_pitch(_voice(contour), config, num_frames, 50.0, 600.0)
    centres = np.arange(num_frames) * 256 + (128 if padding == "same" else 0)
    expected = contour[np.minimum(centres, len(contour) - 1)]
    inside = slice(8, -8)
    assert pitch.shape == (num_frames,) and pitch.dtype == np.float32
    np.testing.assert_allclose(pitch[inside], expected[inside], rtol=0.01)
    assert abs(np.log(pitch[inside] / expected[inside]).mean()) < 0.002  # half a hop off is 0.002 to 0.003


@pytest.mark.parametrize("level", [0.0, 0.05])
def test_silence_and_noise_have_no_pitch(level: float) -> None:
    pytest.importorskip("swift_f0")
    noise = np.random.default_rng(0).normal(0, level, 22050).astype(np.float32)
    assert (estimate_pitch(noise, MelConfig(), 86, 50.0, 600.0) == 0).mean() > 0.98


def test_a_voice_between_silences_is_voiced_only_there() -> None:
    pytest.importorskip("swift_f0")
    silence = np.zeros(11008, dtype=np.float32)
    signal = np.concatenate([silence, _voice(np.full(22016, 200.0)), silence])
    pitch = estimate_pitch(signal, MelConfig(), 172, 50.0, 600.0)
    assert not pitch[:40].any() and not pitch[-40:].any()
    np.testing.assert_allclose(pitch[48:-48], 200.0, rtol=0.01)


def test_a_clip_shorter_than_the_networks_frame_has_frames_all_the_same() -> None:
    pytest.importorskip("swift_f0")
    assert estimate_pitch(np.zeros(256, dtype=np.float32), MelConfig(), 5, 50.0, 600.0).tolist() == [0.0] * 5


def test_interpolation_is_geometric_and_stops_at_the_ends_of_a_run() -> None:
    known_s, known_hz = np.arange(4.0), np.array([100.0, 400.0, 999.0, 300.0])
    confidence = np.array([0.9, 0.5, 0.4, 0.8])
    times = np.array([-1.0, 0.0, 0.5, 1.0, 1.4, 1.6, 2.4, 2.6, 3.0, 9.0])
    expected = [100.0, 100.0, 200.0, 400.0, 400.0, 0.0, 0.0, 300.0, 300.0, 300.0]
    np.testing.assert_allclose(pitch_at(times, known_s, known_hz, confidence), expected, rtol=1e-6)


def test_one_known_frame_is_enough() -> None:
    times = np.array([0.0, 1.0])
    one = np.array([0.0])
    assert pitch_at(times, one, np.array([120.0]), np.array([1.0])).tolist() == pytest.approx([120.0, 120.0])
    assert pitch_at(times, one, np.array([120.0]), np.array([0.0])).tolist() == [0.0, 0.0]
