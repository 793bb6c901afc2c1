"""The torch twin agrees with numpy, keeps float32, and has finite gradients."""

from pathlib import Path

import numpy as np
import pytest

from sonorant.audio.files import read_audio
from sonorant.audio.mel import log_mel
from sonorant.config import MelConfig

torch = pytest.importorskip("torch")

from sonorant.audio.mel_torch import LogMel  # noqa: E402

CONFIGS = [
    MelConfig(),
    MelConfig(padding="centered", power_epsilon=0.0),
    MelConfig(f_max=None),
    MelConfig(n_fft=1024, win_length=800, hop_length=200, scale="htk", norm="none", n_mels=40, floor=1e-3),
]


def _assert_twins(samples: np.ndarray, config: MelConfig) -> None:
    ours = log_mel(samples, config)
    theirs = LogMel(config)(torch.from_numpy(samples)[None])[0].numpy()
    difference = np.abs(ours - theirs)
    assert ours.shape == theirs.shape
    assert difference.mean() < 1e-5  # near the floor the last float32 bits of the spectrum show
    assert difference.max() < 5e-3
    np.testing.assert_allclose(np.exp(ours), np.exp(theirs), rtol=1e-4, atol=2e-7 * np.exp(ours).max())


@pytest.mark.parametrize("config", CONFIGS)
def test_twins_agree_on_a_signal_of_all_levels(config: MelConfig) -> None:
    generator = np.random.default_rng(0)
    envelope = np.geomspace(1e-6, 0.3, 30000)
    _assert_twins((generator.normal(0, 1, 30000) * envelope).clip(-1, 1).astype(np.float32), config)


@pytest.mark.parametrize("config", CONFIGS)
def test_twins_agree_on_speech(shared: Path, config: MelConfig) -> None:
    _assert_twins(read_audio(shared / "data/LJSpeech-1.1/wavs/LJ001-0004.flac").samples, config)


def test_twins_refuse_the_same_short_signals() -> None:
    with pytest.raises(ValueError, match="384 samples is too short"):
        LogMel(MelConfig())(torch.zeros(1, 384))


def test_autocast_does_not_touch_the_mel() -> None:
    waveform = 0.1 * torch.randn(2, 8192, generator=torch.Generator().manual_seed(0))
    mel = LogMel(MelConfig())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = torch.ones(4, 4) @ torch.ones(4, 4)
        inside = mel(waveform)
    assert low.dtype == torch.bfloat16  # autocast is at work
    assert inside.dtype == torch.float32
    assert torch.equal(inside, mel(waveform))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_waveform_of_another_precision_is_measured_in_float32(dtype: "torch.dtype") -> None:
    waveform = (0.1 * torch.randn(1, 4096, generator=torch.Generator().manual_seed(0))).to(dtype)
    mel = LogMel(MelConfig())
    assert mel(waveform).dtype == torch.float32
    assert torch.equal(mel(waveform), mel(waveform.float()))


@pytest.mark.parametrize(("epsilon", "finite"), [(1e-9, True), (0.0, False)])
def test_the_epsilon_keeps_the_gradient_of_silence_finite(epsilon: float, finite: bool) -> None:
    waveform = torch.zeros(1, 4096, requires_grad=True)
    LogMel(MelConfig(power_epsilon=epsilon))(waveform).sum().backward()
    assert bool(torch.isfinite(waveform.grad).all()) == finite


def test_the_gradient_is_that_of_finite_differences() -> None:
    waveform = 0.1 * torch.randn(1, 4096, generator=torch.Generator().manual_seed(1))
    mel = LogMel(MelConfig())
    waveform.requires_grad_()
    mel(waveform).double().sum().backward()
    steepest = waveform.grad / waveform.grad.norm()
    with torch.no_grad():
        ahead, behind = (mel(waveform + sign * 1e-3 * steepest).double().sum() for sign in (1, -1))
    assert float(ahead - behind) / 2e-3 == pytest.approx(float(waveform.grad.norm()), rel=0.01)


def test_a_row_of_a_batch_equals_the_row_alone() -> None:
    batch = 0.1 * torch.randn(3, 4096, generator=torch.Generator().manual_seed(3))
    mel = LogMel(MelConfig())
    torch.testing.assert_close(mel(batch)[1:2], mel(batch[1:2]), atol=1e-5, rtol=1e-5)


def test_a_checkpoint_holds_nothing_of_the_mel() -> None:
    assert LogMel(MelConfig()).state_dict() == {}
