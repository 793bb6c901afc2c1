"""How near a sound comes to a recording of the same words: all figures that need the two."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sonorant.audio import Audio, estimate_pitch, log_mel, resample, trim_silence
from sonorant.audio.stft import check_length
from sonorant.config import FeatureConfig
from sonorant.evaluation.dtw import align
from sonorant.evaluation.perception import pesq_wide_band, stoi
from sonorant.evaluation.prosody import pitch_error
from sonorant.evaluation.results import Share
from sonorant.evaluation.spectra import (
    cepstral_distances_db,
    log_mel_error,
    log_spectra_db,
    log_spectral_distance_db,
    mel_cepstra,
    multi_resolution_stft_distance,
)

Floats = NDArray[np.float32]


def speech_shares(recording: Audio, sound: Audio, features: FeatureConfig) -> dict[str, Share]:
    """Compare speech with a recording whose timing is another one: frames are matched by dynamic time warping.

    Args:
        recording: Somebody said the words.
        sound: A voice said them.
        features: How mel and pitch are computed and what counts as silence.

    Returns:
        By metric; nothing where one of the two is too short for a frame.
    """
    pair = _at_rate(recording, sound, features.mel.sample_rate)
    if not _has_frames(pair, features):
        return {}
    costs = cepstral_distances_db(*(mel_cepstra(log_mel(samples, features.mel)) for samples in pair))
    shares = dict(_frame_shares(pair, costs, align(costs), features))
    lengths = [_length(samples, features) for samples in pair]
    return {**shares, "duration_error": Share(abs(lengths[1] - lengths[0]), lengths[0])} if lengths[0] else shares


def copy_shares(recording: Audio, copy: Audio, features: FeatureConfig) -> dict[str, Share]:
    """Compare a copy with its recording, sample by sample and frame by frame; see `speech_shares`."""
    pair = _at_rate(recording, copy, features.mel.sample_rate)
    length = min(map(len, pair))
    pair = pair[0][:length], pair[1][:length]
    if not _has_frames(pair, features):
        return {}
    mels = [log_mel(samples, features.mel) for samples in pair]
    frames = np.arange(mels[0].shape[1])
    costs = cepstral_distances_db(*map(mel_cepstra, mels))
    shares = dict(_frame_shares(pair, costs, np.stack([frames, frames], axis=1), features))
    return {**shares, "log_mel_error": Share(log_mel_error(*mels)), **_sample_shares(pair, features.mel.sample_rate)}


def _at_rate(recording: Audio, sound: Audio, sample_rate: int) -> tuple[Floats, Floats]:
    first, second = (resample(each.samples, each.sample_rate, sample_rate) for each in (recording, sound))
    return first, second


def _has_frames(pair: tuple[Floats, Floats], features: FeatureConfig) -> bool:
    try:
        check_length(min(map(len, pair)), features.mel)
    except ValueError:
        return False
    return True


def _frame_shares(
    pair: tuple[Floats, Floats], costs: NDArray[np.float64], path: NDArray[np.int64], features: FeatureConfig
) -> Iterator[tuple[str, Share]]:
    """Compare frames that belong together.

    Shape:
        costs: (T, U) cepstral distances, path: (K, 2)
    """
    ours, theirs = path.T
    yield "mcd", Share(float(costs[ours, theirs].mean()))
    spectra = [log_spectra_db(samples, features.mel)[:, frames] for samples, frames in zip(pair, path.T, strict=True)]
    yield "log_spectral_distance", Share(log_spectral_distance_db(*spectra))
    pitches = [_pitch(samples, features)[frames] for samples, frames in zip(pair, path.T, strict=True)]
    error = pitch_error(*pitches)
    yield "voicing_error", Share(error.num_misvoiced, error.num_frames)
    if error.rmse_cents is not None:
        yield "f0_rmse", Share(error.rmse_cents)


def _sample_shares(pair: tuple[Floats, Floats], sample_rate: int) -> dict[str, Share]:
    shares = {"stft_distance": Share(multi_resolution_stft_distance(*pair, sample_rate))}
    recording, copy = (Audio(samples, sample_rate) for samples in pair)
    for name, score in (("pesq", pesq_wide_band(recording, copy)), ("stoi", stoi(recording, copy))):
        if score is not None:
            shares[name] = Share(score)
    return shares


def _pitch(samples: Floats, features: FeatureConfig) -> Floats:
    num_frames = features.mel.num_frames(len(samples))
    return estimate_pitch(samples, features.mel, num_frames, features.pitch_floor_hz, features.pitch_ceiling_hz)


def _length(samples: Floats, features: FeatureConfig) -> int:
    """Return the number of samples from the beginning of the sound to its end, as `prepare` trims."""
    if features.trim_db is None:
        return len(samples)
    start, end = trim_silence(samples, features.mel.sample_rate, features.trim_db, margin_ms=0.0)
    return end - start
