from pathlib import Path

import numpy as np
import pytest
from tests.tiny_voice import MEL

from sonorant.synthesis.denoiser import HOP_LENGTH, N_FFT, Denoiser, vocoder_bias
from sonorant.synthesis.onnx_runtime import OnnxRuntime
from sonorant.synthesis.runtime import Floats
from sonorant.voice import load_voice

NUM_BINS = N_FFT // 2 + 1


def denoise(denoiser: Denoiser, *chunks: Floats) -> Floats:
    return np.concatenate([*map(denoiser.push, chunks), denoiser.close()])


def noise(length: int) -> Floats:
    return np.random.default_rng(length).normal(0, 0.1, length).astype(np.float32)


@pytest.mark.parametrize("length", [1, HOP_LENGTH - 1, N_FFT, 5000, 20 * HOP_LENGTH])
def test_a_bias_of_nothing_changes_nothing(length: int) -> None:
    sound = noise(length)
    denoised = denoise(Denoiser(np.zeros(NUM_BINS, dtype=np.float32), 1.0), sound)
    assert len(denoised) == length
    np.testing.assert_allclose(denoised, sound, atol=1e-6)


@pytest.mark.parametrize("sizes", [(1, 4999), (2048, 2048, 904), (7,) * 714 + (2,)])
def test_the_cuts_of_a_stream_make_no_difference(sizes: tuple[int, ...]) -> None:
    sound = noise(5000)
    bias = np.abs(noise(NUM_BINS))
    pieces = np.split(sound, np.cumsum(sizes)[:-1])
    assert sum(map(len, pieces)) == 5000
    np.testing.assert_array_equal(denoise(Denoiser(bias, 1.0), *pieces), denoise(Denoiser(bias, 1.0), sound))


def test_what_is_ready_is_not_held_back() -> None:
    denoiser = Denoiser(np.zeros(NUM_BINS, dtype=np.float32), 1.0)
    assert len(denoiser.push(noise(8 * HOP_LENGTH))) == 8 * HOP_LENGTH - (N_FFT - HOP_LENGTH)


def test_a_steady_hum_goes_and_a_louder_tone_stays() -> None:
    time = np.arange(16384) / 22050
    hum = (0.01 * np.sin(2 * np.pi * 689.0625 * time)).astype(np.float32)
    tone = (0.5 * np.sin(2 * np.pi * 3445.3125 * time)).astype(np.float32)
    stretches = np.lib.stride_tricks.sliding_window_view(hum, N_FFT)[::HOP_LENGTH]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    bias = np.abs(np.fft.rfft(stretches * window, axis=-1)).mean(axis=0).astype(np.float32)
    left = denoise(Denoiser(bias, 1.0), hum + tone)[2048:-2048] - tone[2048:-2048]
    assert np.sqrt(np.mean(left**2)) < 0.1 * np.sqrt(np.mean(hum**2))


def test_the_bias_is_what_the_vocoder_makes_of_nothing(tiny_voice: Path) -> None:
    runtime = OnnxRuntime(load_voice(tiny_voice), threads=1)
    bias = vocoder_bias(runtime, load_voice(tiny_voice).manifest.vocoder)
    assert bias.shape == (NUM_BINS,) and bias.max() > 0
    ((steady,),) = runtime.run("vocoder.onnx", mel=np.zeros((1, MEL.n_mels, 400), dtype=np.float32))
    cleaned = denoise(Denoiser(bias, 1.0), steady)[2048:-2048]
    assert np.sqrt(np.mean(cleaned**2)) < 0.1 * np.sqrt(np.mean(steady[2048:-2048] ** 2))
