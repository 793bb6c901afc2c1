"""The mel spectrogram in torch, for losses and for features on an accelerator; the twin of `sonorant.audio.mel`."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from sonorant.audio.mel import mel_filterbank
from sonorant.audio.stft import check_length, reflection, window
from sonorant.config import MelConfig


class LogMel(nn.Module):
    """The natural logarithm of mel magnitudes, differentiable.

    It is an island of float32: under autocast the product with the filters would run in bfloat16, whose three decimal
    digits are too few for a loss on logarithms.

    Shape:
        waveform: (B, N) in [-1, 1] -> (B, n_mels, T) with T = config.num_frames(N)

    Example:
        >>> LogMel(MelConfig())(torch.zeros(2, 2560)).shape
        torch.Size([2, 80, 10])
    """

    window: Tensor
    filterbank: Tensor

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("window", torch.from_numpy(window(config)), persistent=False)
        self.register_buffer("filterbank", torch.from_numpy(mel_filterbank(config)), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Return the log-mel spectrogram in float32.

        The epsilon under the root keeps the gradient finite where a bin is exactly zero.

        Raises:
            ValueError: The signal is too short to be reflected.
        """
        with torch.autocast(waveform.device.type, enabled=False):
            magnitude = self._magnitude(waveform.float())
            return torch.log(torch.clamp(self.filterbank @ magnitude, min=self.config.floor))

    def _magnitude(self, waveform: Tensor) -> Tensor:
        config = self.config
        check_length(waveform.shape[-1], config)
        padded = functional.pad(waveform, (reflection(config),) * 2, mode="reflect")
        spectrum = torch.stft(
            padded, config.n_fft, config.hop_length, window=self.window, center=False, return_complex=True
        )
        return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + config.power_epsilon)
