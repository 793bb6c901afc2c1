"""Tacotron 2 of NVIDIA, in the layout of nvidia/tacotron2 and of DeepLearningExamples: the same names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sonorant.config import MelConfig, Tacotron2Config
from sonorant.errors import VoiceError
from sonorant.models.convert.checkpoint import (
    checked,
    count_numbered,
    load_checkpoint,
    network_tensors,
    renamed,
    renamed_strictly,
    shape_of,
)
from sonorant.models.tacotron2 import Tacotron2

TENSORS = (
    (r"embedding\.weight", r"embedding.weight"),
    (r"encoder\.convolutions\.(\d+)\.0\.conv\.(\w+)", r"encoder.convs.\1.conv.\2"),
    (r"encoder\.convolutions\.(\d+)\.1\.(\w+)", r"encoder.convs.\1.norm.\2"),
    (r"encoder\.lstm\.(\w+_l0)", r"encoder.lstm.forwards.\1"),
    (r"encoder\.lstm\.(\w+_l0)_reverse", r"encoder.lstm.backwards.\1"),
    (r"decoder\.prenet\.layers\.(\d+)\.linear_layer\.weight", r"decoder.prenet.layers.\1.weight"),
    (r"decoder\.(attention|decoder)_rnn\.(\w+)", r"decoder.\1_rnn.\2"),
    (r"decoder\.attention_layer\.query_layer\.linear_layer\.weight", r"decoder.attention.query.weight"),
    (r"decoder\.attention_layer\.memory_layer\.linear_layer\.weight", r"decoder.attention.keys.weight"),
    (r"decoder\.attention_layer\.v\.linear_layer\.weight", r"decoder.attention.energy.weight"),
    (
        r"decoder\.attention_layer\.location_layer\.location_conv\.conv\.weight",
        r"decoder.attention.location_conv.weight",
    ),
    (
        r"decoder\.attention_layer\.location_layer\.location_dense\.linear_layer\.weight",
        r"decoder.attention.location_projection.weight",
    ),
    (r"decoder\.linear_projection\.linear_layer\.(\w+)", r"decoder.mel_projection.\1"),
    (r"decoder\.gate_layer\.linear_layer\.(\w+)", r"decoder.stop_projection.\1"),
    (r"postnet\.convolutions\.(\d+)\.0\.conv\.(\w+)", r"postnet.convs.\1.conv.\2"),
    (r"postnet\.convolutions\.(\d+)\.1\.(\w+)", r"postnet.convs.\1.norm.\2"),
)
"""Tensors: theirs -> ours."""

UNREAD = ".num_batches_tracked"
"""The end of the names of counters that the network does not compute with; checkpoints of old versions have none."""

SETTINGS = {"gate_threshold": "stop_threshold", "p_attention_dropout": "rnn_dropout"}
"""Settings that the shapes do not show, where a checkpoint holds a config: theirs -> ours."""


class Tacotron2Checkpoint(NamedTuple):
    """A published Tacotron 2 in our terms; `state` fills `Tacotron2(config, symbols, n_mels=mel.n_mels)` strictly."""

    config: Tacotron2Config
    mel: MelConfig
    state: dict[str, Tensor]


def read_tacotron2_checkpoint(path: Path) -> Tacotron2Checkpoint:
    """Read a Tacotron 2 checkpoint of NVIDIA's; all sizes are read off the tensors, so that no setting can disagree.

    Raises:
        VoiceError: The file is missing, damaged or not such a checkpoint; the message names the tensors at fault.
    """
    return convert_tacotron2(load_checkpoint(path), path)


def convert_tacotron2(content: Mapping[str, Any], path: Path) -> Tacotron2Checkpoint:
    """Convert what `load_checkpoint` returned; see `read_tacotron2_checkpoint`."""
    tensors = network_tensors(content, path)
    num_symbols, embedding_channels = shape_of(tensors, "embedding.weight", 2, path)
    sizes, n_mels = _sizes(tensors, path)
    theirs = content.get("config")
    said = {ours: theirs[name] for name, ours in SETTINGS.items() if isinstance(theirs, Mapping) and name in theirs}
    config = checked(Tacotron2Config, {"embedding_channels": embedding_channels, **sizes, **said}, path)
    mel = checked(MelConfig, {"padding": "centered", "power_epsilon": 0.0, "n_mels": n_mels}, path)
    with torch.device("meta"):
        network = Tacotron2(config, num_symbols, n_mels=n_mels)
    read = {name: value for name, value in tensors.items() if not name.endswith(UNREAD)}
    return Tacotron2Checkpoint(config, mel, renamed_strictly(read, tacotron2_name, network, path))


def tacotron2_name(theirs: str) -> str | None:
    """Return our name of one of their tensors, or None where there is no such tensor.

    Example:
        >>> tacotron2_name("encoder.convolutions.2.1.running_mean")
        'encoder.convs.2.norm.running_mean'
        >>> tacotron2_name("encoder.lstm.bias_hh_l0_reverse")
        'encoder.lstm.backwards.bias_hh_l0'
    """
    return renamed(theirs, TENSORS)


def _sizes(tensors: Mapping[str, Tensor], path: Path) -> tuple[dict[str, Any], int]:
    """Read the config and the number of mel bins off the shapes."""
    attention = "decoder.attention_layer"
    encoder_channels, _, encoder_kernel = shape_of(tensors, "encoder.convolutions.0.0.conv.weight", 3, path)
    postnet_channels, n_mels, postnet_kernel = shape_of(tensors, "postnet.convolutions.0.0.conv.weight", 3, path)
    filters, _, kernel = shape_of(tensors, f"{attention}.location_layer.location_conv.conv.weight", 3, path)
    channels, _ = shape_of(tensors, f"{attention}.query_layer.linear_layer.weight", 2, path)
    prenet = [
        shape_of(tensors, f"decoder.prenet.layers.{layer}.linear_layer.weight", 2, path)
        for layer in range(max(count_numbered(tensors, r"decoder\.prenet\.layers\.(\d+)\..*"), 1))
    ]
    if prenet[0][1] != n_mels:
        raise VoiceError(
            f"{path}: the decoder is fed {prenet[0][1]} values per step, a frame has {n_mels}; only networks of one "
            "frame per step (n_frames_per_step 1) can be read"
        )
    sizes = {
        "encoder_layers": count_numbered(tensors, r"encoder\.convolutions\.(\d+)\..*"),
        "encoder_kernel": encoder_kernel,
        "encoder_channels": encoder_channels,
        "prenet_channels": [shape[0] for shape in prenet],
        "attention": {"kind": "location", "channels": channels, "filters": filters, "kernel": kernel},
        "attention_rnn_channels": shape_of(tensors, "decoder.attention_rnn.weight_hh", 2, path)[1],
        "decoder_rnn_channels": shape_of(tensors, "decoder.decoder_rnn.weight_hh", 2, path)[1],
        "postnet_layers": count_numbered(tensors, r"postnet\.convolutions\.(\d+)\..*"),
        "postnet_channels": postnet_channels,
        "postnet_kernel": postnet_kernel,
    }
    return sizes, n_mels
