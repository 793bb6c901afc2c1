"""Published checkpoints to ours: what each setting, layer and tensor is called on both sides.

Nothing is guessed and nothing is left over: every tensor of a file is used or named as unread, and every tensor of ours
is filled.
"""

from sonorant.models.convert.checkpoint import load_checkpoint
from sonorant.models.convert.fastpitch import (
    FastPitchCheckpoint,
    convert_fastpitch,
    fastpitch_name,
    read_fastpitch_checkpoint,
)
from sonorant.models.convert.hifigan import HifiganCheckpoint, convert_hifigan, hifigan_name, read_hifigan_checkpoint
from sonorant.models.convert.kind import kind_of_checkpoint
from sonorant.models.convert.tacotron2 import (
    Tacotron2Checkpoint,
    convert_tacotron2,
    read_tacotron2_checkpoint,
    tacotron2_name,
)
from sonorant.models.convert.waveglow import (
    WaveglowCheckpoint,
    convert_waveglow,
    read_waveglow_checkpoint,
    waveglow_name,
)

__all__ = [
    "FastPitchCheckpoint",
    "HifiganCheckpoint",
    "Tacotron2Checkpoint",
    "WaveglowCheckpoint",
    "convert_fastpitch",
    "convert_hifigan",
    "convert_tacotron2",
    "convert_waveglow",
    "fastpitch_name",
    "hifigan_name",
    "kind_of_checkpoint",
    "load_checkpoint",
    "read_fastpitch_checkpoint",
    "read_hifigan_checkpoint",
    "read_tacotron2_checkpoint",
    "read_waveglow_checkpoint",
    "tacotron2_name",
    "waveglow_name",
]
