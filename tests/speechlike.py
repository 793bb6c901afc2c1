"""Recordings made up by rule, for tests that need a corpus: harmonics under a moving pitch, one pulse a word."""

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

WORDS = ("one", "river", "seven", "mellow", "stone", "again", "under", "yellow", "morning", "paper")


def waveform(duration_s: float, sample_rate: int = 22050, seed: int = 0) -> NDArray[np.float32]:
    """Return ten harmonics of 180 to 240 Hz that swell four times a second, and a little noise."""
    random = np.random.default_rng(seed)
    time_s = np.arange(int(duration_s * sample_rate)) / sample_rate
    pitch_hz = 210 + 30 * np.sin(2 * np.pi * 0.7 * time_s + seed)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / sample_rate
    harmonics = sum(np.sin(order * phase) / order for order in range(1, 11))
    envelope = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time_s)
    return (0.12 * envelope * harmonics + 0.002 * random.standard_normal(len(time_s))).astype(np.float32)


def write_corpus(folder: Path, num_clips: int = 16, sample_rate: int = 22050) -> Path:
    """Write a corpus of `num_clips` different sentences as audio and .txt pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(num_clips):
        words = [WORDS[(index + offset * (1 + index // len(WORDS))) % len(WORDS)] for offset in range(3)]
        sound = waveform(1.0 + 0.05 * (index % 5), sample_rate, seed=index)
        soundfile.write(folder / f"clip{index:03}.wav", sound, sample_rate)
        (folder / f"clip{index:03}.txt").write_text(f"{' '.join(words).capitalize()}.\n", encoding="utf-8")
    return folder
