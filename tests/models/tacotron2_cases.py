"""What the tests of Tacotron 2 share: a tiny model and a batch of utterances."""

from typing import NamedTuple

import torch
from torch import Tensor

from sonorant.config.models import DynamicConvolutionAttentionConfig, LocationAttentionConfig, Tacotron2Config
from sonorant.models.tacotron2 import Tacotron2

N_MELS = 6
NUM_SYMBOLS = 15

LOCATION = LocationAttentionConfig(channels=8, filters=3, kernel=5)
DYNAMIC = DynamicConvolutionAttentionConfig(
    channels=8, static_filters=3, static_kernel=5, dynamic_filters=2, dynamic_kernel=7, prior_taps=4)
ATTENTIONS = (LOCATION, DYNAMIC)


def a_config(attention=LOCATION, **changes):
    """Every size differs from every other, so that none can stand in for another."""
    sizes = {
        "embedding_channels": 9, "encoder_layers": 2, "encoder_channels": 10, "encoder_dropout": 0.0,
        "prenet_channels": (7, 5), "attention": attention, "attention_rnn_channels": 12, "decoder_rnn_channels": 14,
        "postnet_layers": 3, "postnet_channels": 11, "postnet_dropout": 0.0,
    }  # fmt: skip
    return Tacotron2Config(**(sizes | changes))


def a_model(config=None, num_speakers=1, seed=0):
    torch.manual_seed(seed)
    return Tacotron2(config or a_config(), NUM_SYMBOLS, num_speakers, N_MELS)


class Batch(NamedTuple):
    """The arguments of `Tacotron2.forward`."""

    symbols: Tensor
    symbol_lengths: Tensor
    mel: Tensor
    mel_lengths: Tensor
    speaker_ids: Tensor

    def row(self, index):
        """Cut one row out, without padding."""
        own = slice(index, index + 1)
        symbols, frames = int(self.symbol_lengths[index]), int(self.mel_lengths[index])
        return Batch(self.symbols[own, :symbols], self.symbol_lengths[own], self.mel[own, :, :frames],
                     self.mel_lengths[own], self.speaker_ids[own])


def a_batch(symbol_lengths=(6, 4, 1), num_speakers=1, seed=0):
    """Utterances in which a symbol sounds like itself for three frames; the padding is filled with junk."""
    torch.manual_seed(seed)
    lengths = torch.tensor(symbol_lengths)
    mel_lengths = 3 * lengths + torch.arange(len(lengths))
    size, frames = int(lengths.max()), int(mel_lengths.max())
    symbols = torch.randint(1, NUM_SYMBOLS, (len(lengths), size))
    sounds = 2 * torch.randn(NUM_SYMBOLS, N_MELS)
    spoken = symbols.gather(1, (torch.arange(frames) // 3).clamp(max=size - 1).expand(len(lengths), -1))
    speaker_ids = torch.arange(len(lengths)) % num_speakers
    return Batch(symbols, lengths, sounds[spoken].transpose(1, 2), mel_lengths, speaker_ids)
