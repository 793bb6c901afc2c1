"""A source-filter vocoder: exact transforms, harmonics where the pitch says, chunks that equal the whole."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sonorant.audio.excitation import make_excitation
from sonorant.audio.mel import mel_filterbank
from sonorant.config import MelConfig, PitchEstimatorConfig, SourceFilterConfig, SourceFilterRecipe, load_recipe
from sonorant.models import source_filter
from sonorant.models.source_filter import SourceFilterVocoder

PITCH = PitchEstimatorConfig(channels=4, hidden_channels=8, num_layers=0, bins=16)
SIZES = [(64, 16), (64, 32), (96, 16), (30, 5), (60, 20)]
"""n_fft and hop: multiples of 4, 2, 6, 6 with an odd hop, and 3."""


def mel_of(n_fft: int, hop_length: int, **others: object) -> MelConfig:
    sizes = {"n_fft": n_fft, "hop_length": hop_length, "win_length": n_fft, "padding": "centered"}
    return MelConfig.model_validate({"sample_rate": 8000, "n_mels": 8, "f_max": None, **sizes, **others})


def build(mel: MelConfig, kernel: int = 3, num_layers: int = 1) -> SourceFilterVocoder:
    torch.manual_seed(0)
    config = SourceFilterConfig(
        hop_length=mel.hop_length, channels=8, hidden_channels=16, num_layers=num_layers, kernel=kernel, pitch=PITCH
    )
    return SourceFilterVocoder(config, mel_filterbank(mel))


def inputs(mel: MelConfig, rows: int, frames: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(frames)
    log_mel = 2 * torch.randn(rows, mel.n_mels, frames, generator=generator) - 5
    pitch_hz = 100 + 100 * torch.rand(rows, frames, generator=generator)
    pitch_hz[:, : frames // 3] = 0
    return log_mel, pitch_hz, torch.randn(rows, 2, frames * mel.hop_length, generator=generator)


@pytest.mark.parametrize(("n_fft", "hop_length"), SIZES)
@pytest.mark.parametrize("frames", [1, 2, 9])
def test_what_is_not_filtered_comes_back_to_its_last_sample(n_fft: int, hop_length: int, frames: int) -> None:
    network = build(mel_of(n_fft, hop_length)).double()
    waveform = torch.randn(2, frames * hop_length, dtype=torch.float64)
    spectrum = network._spectrum(waveform)
    assert spectrum.shape == (2, frames, n_fft // 2 + 1)
    torch.testing.assert_close(network._waveform(spectrum), waveform, rtol=0, atol=1e-12)


def test_a_frame_is_the_windowed_stretch_about_the_middle_of_its_hop() -> None:
    network = build(mel_of(64, 16))
    waveform = torch.randn(1, 10 * 16)
    expected = torch.stft(
        F.pad(waveform, (24, 24)), 64, 16, window=torch.hann_window(64), center=False, return_complex=True
    )
    torch.testing.assert_close(network._spectrum(waveform), expected.transpose(1, 2), rtol=0, atol=1e-5)


@torch.no_grad()
def test_filters_of_gain_1_and_no_phase_give_the_pulses_back() -> None:
    mel = mel_of(64, 16)
    network = build(mel)
    log_mel, _, excitation = inputs(mel, 2, 12)
    silent = torch.full_like(log_mel, -30.0)  # the prior is the smallest magnitude everywhere
    filters = torch.zeros(2, 12, 3 * 33)
    filters[..., :33] = network.window.square().sum().sqrt().log() - math.log(source_filter.SMALLEST_MAGNITUDE)
    filters[..., 66:] = -100.0
    waveform = network._filter(silent, filters, excitation)
    torch.testing.assert_close(waveform, excitation[:, 0], rtol=0, atol=1e-4)


@torch.no_grad()
def test_a_phase_turns_the_pulses_and_leaves_their_size() -> None:
    mel = mel_of(64, 16)
    network = build(mel)
    log_mel, _, excitation = inputs(mel, 1, 12)
    filters = torch.zeros(1, 12, 3 * 33)
    filters[..., 66:] = -100.0
    plain = network._filter(log_mel, filters, excitation)
    filters[..., 33:66] = math.pi / source_filter.PHASE_SCALE
    torch.testing.assert_close(network._filter(log_mel, filters, excitation), -plain, rtol=0, atol=1e-5)


@torch.no_grad()
def test_before_any_learning_noise_has_about_the_power_of_the_mel() -> None:
    """A stationary noise's mel, turned back, filters white noise to that noise's loudness."""
    mel = mel_of(256, 64, n_mels=40)
    network = build(mel)
    white = 0.1 * torch.randn(1, 200 * 64)
    magnitudes = network._spectrum(white).abs()
    log_mel = (torch.from_numpy(mel_filterbank(mel)).float() @ magnitudes.transpose(1, 2)).log()
    filters = torch.zeros(1, 200, 3 * 129)
    filters[..., :129], filters[..., 258:] = -100.0, -source_filter.FIRST_NOISE_LOG_GAIN
    excitation = torch.randn(1, 2, 200 * 64)
    made = network._filter(log_mel, filters, excitation)
    assert made.std().item() == pytest.approx(0.1, rel=0.5)


@torch.no_grad()
def test_the_sound_has_the_pitch_of_the_pulses_whatever_the_mel_says() -> None:
    mel = mel_of(256, 64, n_mels=40)
    network = build(mel)
    log_mel = torch.full((1, 40, 60), -5.0)
    for hz in (100.0, 160.0):
        excitation = make_excitation(np.full(60, hz, np.float32), mel, np.random.default_rng(0))
        sound = network(log_mel, torch.full((1, 60), hz), torch.from_numpy(excitation)[None])[0]
        spectrum = torch.fft.rfft(sound * torch.hann_window(len(sound))).abs()
        bins = torch.fft.rfftfreq(len(sound), 1 / 8000)
        at = spectrum[(bins - 5 * hz).abs() < 5].max()  # the 5th harmonic against what is half-way to the 6th
        assert at > 5 * spectrum[(bins - 5.5 * hz).abs() < 5].max()


@torch.no_grad()
@pytest.mark.parametrize(("n_fft", "hop_length"), SIZES)
def test_a_batch_of_one_equals_its_row_of_a_batch(n_fft: int, hop_length: int) -> None:
    mel = mel_of(n_fft, hop_length)
    network, (log_mel, pitch_hz, excitation) = build(mel), inputs(mel, 3, 11)
    together = network(log_mel, pitch_hz, excitation)
    assert together.shape == (3, 11 * hop_length) and together.isfinite().all()
    alone = network(log_mel[1:2], pitch_hz[1:2], excitation[1:2])
    torch.testing.assert_close(alone[0], together[1], rtol=1e-5, atol=1e-6)


CHUNKED = [(64, 16, 3, 1), (64, 32, 5, 2), (96, 16, 3, 0), (64, 16, 1, 0), (30, 5, 1, 0), (60, 20, 3, 1)]


@pytest.mark.parametrize(("n_fft", "hop_length", "kernel", "num_layers"), CHUNKED)
@torch.no_grad()
def test_a_chunk_with_its_receptive_field_is_what_the_whole_has_there(
    n_fft: int, hop_length: int, kernel: int, num_layers: int
) -> None:
    mel = mel_of(n_fft, hop_length)
    network = build(mel, kernel, num_layers).double()
    context = network.receptive_field_frames()
    frames = 3 * context + 7
    log_mel, pitch_hz, excitation = (part.double() for part in inputs(mel, 1, frames))
    whole = network(log_mel, pitch_hz, excitation)

    def error(start: int, end: int, context: int) -> float:
        seen, last = max(0, start - context), min(frames, end + context)
        cut = excitation[..., seen * hop_length : last * hop_length]
        chunk = network(log_mel[..., seen:last], pitch_hz[:, seen:last], cut)
        inside = chunk[:, (start - seen) * hop_length : (end - seen) * hop_length]
        return float((inside - whole[:, start * hop_length : end * hop_length]).abs().max())

    ranges = [(0, 2), (context + 1, context + 4), (frames - 3, frames)]
    assert max(error(start, end, context) for start, end in ranges) < 1e-12
    assert error(*ranges[1], context - 1) > 1e-9  # a frame less on each side is too little


def test_every_parameter_but_the_estimators_has_a_gradient_of_the_sound() -> None:
    mel = mel_of(64, 16)
    network, given = build(mel), inputs(mel, 2, 12)
    network(*given).square().mean().backward()
    without = {name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()}
    assert without == {f"estimator.{name}" for name, _ in network.estimator.named_parameters()}


@torch.no_grad()
@pytest.mark.parametrize("level", [-200.0, 60.0])
def test_a_mel_far_from_any_voices_gives_finite_sound(level: float) -> None:
    mel = mel_of(64, 16)
    _, pitch_hz, excitation = inputs(mel, 1, 12)
    assert build(mel)(torch.full((1, 8, 12), level), pitch_hz, excitation).isfinite().all()


@pytest.mark.parametrize(("n_fft", "hop_length"), [(64, 24), (64, 64), (64, 48)])
def test_frames_that_cannot_be_added_up_again_are_refused(n_fft: int, hop_length: int) -> None:
    with pytest.raises(ValueError, match=f"n_fft {n_fft} must be even and a multiple, .* of hop_length {hop_length}"):
        build(mel_of(n_fft, hop_length))


def test_nothing_but_parameters_is_stored() -> None:
    network = build(mel_of(64, 16))
    assert set(network.state_dict()) == {name for name, _ in network.named_parameters()}


def test_the_recipe_for_a_cpu_has_the_parameters_that_its_layers_add_up_to() -> None:
    """A ConvNeXt of C channels: input C * (7 I + 1) and 2 C, blocks 7 C + C + 2 C + 2 C H + H + C + C, output."""

    def convnext(inputs: int, channels: int, hidden: int, layers: int, outputs: int) -> int:
        block = (7 + 1) * channels + 2 * channels + 2 * channels * hidden + hidden + channels + channels
        return channels * (7 * inputs + 1) + 4 * channels + layers * block + (channels + 1) * outputs

    recipe = load_recipe("source_filter_cpu")
    assert isinstance(recipe, SourceFilterRecipe)
    network = SourceFilterVocoder(recipe.model, mel_filterbank(recipe.features.mel))
    estimator, filters = convnext(80, 128, 256, 3, 161), convnext(82, 256, 768, 6, 3 * 513)
    assert (estimator, filters) == (295_073, 2_926_083)
    assert sum(p.numel() for p in network.parameters()) == estimator + filters == 3_221_156
    assert network.receptive_field_frames() == 7 * 3 + 2
