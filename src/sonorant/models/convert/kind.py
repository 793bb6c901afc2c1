"""Which network a published checkpoint holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from sonorant.errors import VoiceError
from sonorant.models.convert.checkpoint import listed, network_tensors
from sonorant.models.convert.hifigan import GENERATOR_KEY

PublishedKind = Literal["fastpitch", "tacotron2", "hifigan", "waveglow"]

HIFIGAN_KEYS = (GENERATOR_KEY, "mpd", "msd")
"""What only files of HiFi-GAN hold: a generator, or discriminators, which its reader refuses in words."""

SIGNS: dict[str, PublishedKind] = {
    "encoder.word_emb.weight": "fastpitch",
    "decoder.attention_rnn.weight_ih": "tacotron2",
    "convinv.0.conv.weight": "waveglow",
}
"""A tensor that only one kind of network has."""


def kind_of_checkpoint(content: Mapping[str, Any], path: Path) -> PublishedKind:
    """Tell by its keys which network a checkpoint holds.

    Raises:
        VoiceError: None that can be read.

    Example:
        >>> import torch
        >>> kind_of_checkpoint({"state_dict": {"module.convinv.0.conv.weight": torch.eye(8)}}, Path("waveglow.pt"))
        'waveglow'
    """
    if any(key in content for key in HIFIGAN_KEYS):
        return "hifigan"
    tensors = network_tensors(content, path)
    for sign, kind in SIGNS.items():
        if sign in tensors:
            return kind
    raise VoiceError(
        f"{path}: no network that can be imported; it holds {listed(list(tensors))}; known are the checkpoints of "
        "HiFi-GAN, FastPitch 1.1, Tacotron 2 and WaveGlow"
    )
