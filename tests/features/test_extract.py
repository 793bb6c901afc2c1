"""A recording becomes features whose lengths agree and whose mel is computed from the stored samples."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.speechlike import waveform

from sonorant.audio.level import loudness_lufs
from sonorant.audio.mel import log_mel
from sonorant.config import FeatureConfig, MelConfig
from sonorant.corpus import Record, read_corpus
from sonorant.errors import CorpusError
from sonorant.features.extract import UnusableClip, extract
from sonorant.features.store import Features
from sonorant.text.frontend import Frontend

IDS = [5, 6, 7]


def record(path: Path, samples: np.ndarray, sample_rate: int = 22050) -> Record:
    soundfile.write(path, samples, sample_rate)
    return Record(path.stem, path, "One.", "someone", None, path)


def silence(duration_s: float) -> np.ndarray:
    return np.zeros(int(duration_s * 22050), np.float32)


def assert_lengths_agree(features: Features, config: MelConfig) -> None:
    num_frames = features.mel.shape[1]
    assert features.mel.shape[0] == config.n_mels
    assert features.pitch_hz.shape == features.energy.shape == (num_frames,)
    assert len(features.waveform) == num_frames * config.hop_length
    found = [values.dtype for values in features.__dict__.values()]
    assert found == [np.float32, np.float32, np.float32, np.int32, np.int16]


@pytest.mark.parametrize("padding", ["same", "centered"])
def test_mel_and_energy_belong_to_the_stored_samples(padding: str, tmp_path: Path) -> None:
    config = FeatureConfig.model_validate({"mel": {"padding": padding}})
    features = extract(record(tmp_path / "a.wav", waveform(1.0)), IDS, config, False)
    assert_lengths_agree(features, config.mel)
    again = log_mel(features.waveform.astype(np.float32) / 32768, config.mel)
    np.testing.assert_array_equal(features.mel, again[:, : features.mel.shape[1]])
    np.testing.assert_allclose(features.energy, np.sqrt((features.mel**2).sum(axis=0)), rtol=1e-5)
    assert features.ids.tolist() == IDS


def test_the_pitch_of_a_voice_is_found_where_it_speaks(tmp_path: Path) -> None:
    features = extract(record(tmp_path / "a.wav", waveform(1.5)), IDS, FeatureConfig(), False)
    voiced = features.pitch_hz[features.pitch_hz > 0]
    assert len(voiced) > 0.7 * len(features.pitch_hz)
    assert 175 < np.median(voiced) < 245


def test_silence_at_the_ends_is_trimmed_but_for_the_margin(tmp_path: Path) -> None:
    speech = waveform(1.0)
    padded = record(tmp_path / "a.wav", np.concatenate([silence(0.7), speech, silence(0.4)]))
    trimmed = extract(padded, IDS, FeatureConfig(), False)
    assert abs(len(trimmed.waveform) / 22050 - 1.1) < 0.03
    kept = extract(padded, IDS, FeatureConfig(trim_db=None), False)
    assert abs(len(kept.waveform) / 22050 - 2.1) < 0.02


def test_loudness_is_reached_when_it_is_asked_for(tmp_path: Path) -> None:
    quiet = record(tmp_path / "a.wav", 0.1 * waveform(2.0))
    levelled, kept = (extract(quiet, IDS, FeatureConfig(target_lufs=-20), asked) for asked in (True, False))
    assert abs(loudness_lufs(levelled.waveform / 32768, 22050) + 20) < 0.1
    assert loudness_lufs(kept.waveform / 32768, 22050) < -35


def test_a_stereo_file_of_another_rate_is_mixed_and_resampled(tmp_path: Path) -> None:
    sound = waveform(1.0, 44100)
    stereo = record(tmp_path / "stereo.flac", np.stack([sound, 0.5 * sound], axis=1), 44100)
    mono = record(tmp_path / "mono.wav", 0.75 * waveform(1.0, 22050))
    config = FeatureConfig(trim_db=None)
    found, expected = extract(stereo, IDS, config, False), extract(mono, IDS, config, False)
    assert_lengths_agree(found, config.mel)
    assert found.mel.shape == expected.mel.shape
    assert np.abs(found.mel[:30, 5:-5] - expected.mel[:30, 5:-5]).mean() < 0.3
    assert abs(np.median(found.pitch_hz) - np.median(expected.pitch_hz)) < 2


@pytest.mark.parametrize(
    ("samples", "ids", "kind"),
    [
        (silence(1.0), IDS, "silent"),
        (waveform(0.15), IDS, "too-short"),
        (waveform(2.5), IDS, "too-long"),
        (waveform(0.5), range(1, 80), "too-few-frames"),
    ],
)
def test_a_clip_that_nothing_can_be_learned_from_is_refused(
    samples: np.ndarray, ids: list[int], kind: str, tmp_path: Path
) -> None:
    with pytest.raises(UnusableClip, match=r"a\.wav: ") as caught:
        extract(record(tmp_path / "a.wav", samples), ids, FeatureConfig(max_duration_s=2.0), False)
    assert caught.value.kind == kind


def test_a_file_that_is_no_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_text("no sound")
    with pytest.raises(CorpusError, match="not a sound file"):
        extract(Record("a", path, "One.", "x", None, path), IDS, FeatureConfig(), False)


def test_a_real_clip_becomes_plausible_features(shared: Path) -> None:
    clip = read_corpus(shared / "data" / "LJSpeech-1.1").records[1]
    config = FeatureConfig()
    features = extract(clip, Frontend().utterance(clip.text).ids, config, False)
    assert_lengths_agree(features, config.mel)
    voiced = features.pitch_hz[features.pitch_hz > 0]
    assert 150 < np.median(voiced) < 280 and 0.4 < len(voiced) / len(features.pitch_hz) < 0.95
    assert 5 < features.mel.shape[1] / len(features.ids) < 12
