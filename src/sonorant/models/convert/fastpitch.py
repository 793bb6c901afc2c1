"""FastPitch 1.1 of NVIDIA's DeepLearningExamples."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sonorant.config import FastPitchConfig, FrontendConfig, MelConfig
from sonorant.errors import VoiceError
from sonorant.models.convert.checkpoint import (
    checked,
    load_checkpoint,
    network_tensors,
    renamed,
    renamed_settings,
    renamed_strictly,
    settings_mapping,
)
from sonorant.models.fastpitch import FastPitch

SETTINGS = {
    "symbols_embedding_dim": "channels",
    "in_fft_n_layers": "encoder.num_layers",
    "in_fft_n_heads": "encoder.num_heads",
    "in_fft_d_head": "encoder.head_channels",
    "in_fft_conv1d_filter_size": "encoder.conv_channels",
    "in_fft_conv1d_kernel_size": "encoder.conv_kernel",
    "p_in_fft_dropout": "encoder.dropout",
    "p_in_fft_dropatt": "encoder.attention_dropout",
    "out_fft_n_layers": "decoder.num_layers",
    "out_fft_n_heads": "decoder.num_heads",
    "out_fft_d_head": "decoder.head_channels",
    "out_fft_conv1d_filter_size": "decoder.conv_channels",
    "out_fft_conv1d_kernel_size": "decoder.conv_kernel",
    "p_out_fft_dropout": "decoder.dropout",
    "p_out_fft_dropatt": "decoder.attention_dropout",
    "dur_predictor_n_layers": "duration_predictor.num_layers",
    "dur_predictor_filter_size": "duration_predictor.channels",
    "dur_predictor_kernel_size": "duration_predictor.kernel",
    "p_dur_predictor_dropout": "duration_predictor.dropout",
    "pitch_predictor_n_layers": "pitch_predictor.num_layers",
    "pitch_predictor_filter_size": "pitch_predictor.channels",
    "pitch_predictor_kernel_size": "pitch_predictor.kernel",
    "p_pitch_predictor_dropout": "pitch_predictor.dropout",
    "pitch_embedding_kernel_size": "pitch_kernel",
}
"""Settings of the network: theirs -> ours."""

ENERGY_SETTINGS = {
    "energy_predictor_n_layers": "energy_predictor.num_layers",
    "energy_predictor_filter_size": "energy_predictor.channels",
    "energy_predictor_kernel_size": "energy_predictor.kernel",
    "p_energy_predictor_dropout": "energy_predictor.dropout",
    "energy_embedding_kernel_size": "energy_kernel",
}
"""The same of a network that knows energy."""

MEL_SETTINGS = {
    "sampling_rate": "sample_rate",
    "filter_length": "n_fft",
    "hop_length": "hop_length",
    "win_length": "win_length",
    "mel_fmin": "f_min",
    "mel_fmax": "f_max",
}
"""Settings of the mel in `train_setup`: theirs -> ours."""

LAYERS = (
    (r"encoder\.word_emb", r"embedding"),
    (r"speaker_emb", r"speaker_embedding"),
    (r"(encoder|decoder)\.layers\.(\d+)\.dec_attn\.qkv_net", r"\1.layers.\2.attention.queries_keys_values"),
    (r"(encoder|decoder)\.layers\.(\d+)\.dec_attn\.o_net", r"\1.layers.\2.attention.output"),
    (r"(encoder|decoder)\.layers\.(\d+)\.dec_attn\.layer_norm", r"\1.layers.\2.attention_norm"),
    (r"(encoder|decoder)\.layers\.(\d+)\.pos_ff\.CoreNet\.0", r"\1.layers.\2.expand"),
    (r"(encoder|decoder)\.layers\.(\d+)\.pos_ff\.CoreNet\.2", r"\1.layers.\2.contract"),
    (r"(encoder|decoder)\.layers\.(\d+)\.pos_ff\.layer_norm", r"\1.layers.\2.conv_norm"),
    (r"(duration|pitch|energy)_predictor\.layers\.(\d+)\.(conv|norm)", r"\1_predictor.\3s.\2"),
    (r"(duration|pitch|energy)_predictor\.fc", r"\1_predictor.output"),
    (r"(pitch|energy)_emb", r"\1_embedding"),
    (r"proj", r"projection"),
    (r"attention\.key_proj\.0\.conv", r"aligner.key_convs.0.0"),
    (r"attention\.key_proj\.2\.conv", r"aligner.key_convs.1"),
    (r"attention\.query_proj\.0\.conv", r"aligner.query_convs.0.0"),
    (r"attention\.query_proj\.2\.conv", r"aligner.query_convs.1.0"),
    (r"attention\.query_proj\.4\.conv", r"aligner.query_convs.2"),
)
"""Layers: theirs -> ours; their tensors are called `weight` and `bias` on both sides."""

UNREAD = (
    "attention.attn_proj.weight",
    "attention.attn_proj.bias",
    "encoder.pos_emb.inv_freq",
    "decoder.pos_emb.inv_freq",
    "pitch_mean",
    "pitch_std",
)
"""Tensors that the network does not compute with: a projection that is never called, constants, statistics."""

ZERO = ("aligner.channel_scale.weight", "aligner.channel_scale.bias")
"""Ours alone, and without effect where they are 0."""


class FastPitchCheckpoint(NamedTuple):
    """A published FastPitch in our terms; `state` fills `FastPitch(config, symbols, speakers, mel.n_mels)` strictly.

    Attributes:
        config: The network's sizes.
        mel: What it speaks.
        state: Its tensors under our names.
        frontend: The text that it was trained on: phones or letters.
        pitch: Mean and standard deviation in Hz of the training's pitch; None where the file does not say.
    """

    config: FastPitchConfig
    mel: MelConfig
    state: dict[str, Tensor]
    frontend: FrontendConfig
    pitch: tuple[float, float] | None


def read_fastpitch_checkpoint(path: Path) -> FastPitchCheckpoint:
    """Read a FastPitch 1.1 checkpoint of NVIDIA's DeepLearningExamples.

    Raises:
        VoiceError: The file is missing, damaged or not such a checkpoint, or its tensors do not match its settings; the
            message names them.
    """
    return convert_fastpitch(load_checkpoint(path), path)


def convert_fastpitch(content: Mapping[str, Any], path: Path) -> FastPitchCheckpoint:
    """Convert what `load_checkpoint` returned; see `read_fastpitch_checkpoint`."""
    settings = settings_mapping(content, "config", "the number of heads cannot be seen in the weights", path)
    setup = content.get("train_setup", {})
    if not isinstance(setup, Mapping):
        raise VoiceError(f"{path}: train_setup is a {type(setup).__name__} instead of a mapping")
    config, mel = _settings(settings, setup, path)
    tensors = network_tensors(content, path)
    speakers = tensors.get("speaker_emb.weight")
    if speakers is not None:
        tensors["speaker_emb.weight"] = speakers * settings.get("speaker_emb_weight", 1.0)
    with torch.device("meta"):
        network = FastPitch(config, _num_symbols(tensors, path), 1 if speakers is None else len(speakers), mel.n_mels)
    read = {name: value for name, value in tensors.items() if name not in UNREAD}
    given = {name: torch.zeros(network.state_dict()[name].shape) for name in ZERO}
    state = renamed_strictly({**read, **given}, fastpitch_name, network, path)
    return FastPitchCheckpoint(config, mel, state, _frontend(setup, path), _pitch(tensors))


def fastpitch_name(theirs: str) -> str | None:
    """Return our name of one of their tensors, or None where there is no such tensor.

    Example:
        >>> fastpitch_name("decoder.layers.3.pos_ff.CoreNet.2.bias")
        'decoder.layers.3.contract.bias'
        >>> fastpitch_name("pitch_predictor.layers.0.norm.weight")
        'pitch_predictor.norms.0.weight'
    """
    if theirs in ZERO:
        return theirs
    layer, _, tensor = theirs.rpartition(".")
    ours = renamed(layer, LAYERS)
    return f"{ours}.{tensor}" if ours else None


def _settings(theirs: Mapping[str, Any], setup: Mapping[str, Any], path: Path) -> tuple[FastPitchConfig, MelConfig]:
    names = {**SETTINGS, **(ENERGY_SETTINGS if theirs.get("energy_conditioning") else {})}
    mel_names = MEL_SETTINGS if setup else {}
    values, n_mels, mel_values = renamed_settings(
        [(theirs, names), (theirs, {"n_mel_channels": "n_mels"}), (setup, mel_names)], path
    )
    values.setdefault("energy_predictor.num_layers", None)
    config = checked(FastPitchConfig, _nested(values.items()), path)
    mel = checked(MelConfig, {"padding": "centered", "power_epsilon": 0.0, **n_mels, **mel_values}, path)
    return config, mel


def _nested(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Put `part.setting` into the mapping of its part; a part whose only setting is None is None itself."""
    tree: dict[str, Any] = {}
    for name, value in values:
        part, _, setting = name.rpartition(".")
        if not part:
            tree[setting] = value
        elif value is None:
            tree[part] = None
        else:
            tree.setdefault(part, {})[setting] = value
    return tree


def _num_symbols(tensors: Mapping[str, Tensor], path: Path) -> int:
    embedding = tensors.get("encoder.word_emb.weight")
    if embedding is None or embedding.dim() != 2:
        raise VoiceError(f"{path}: tensors are missing: encoder.word_emb.weight")
    return len(embedding)


def _frontend(setup: Mapping[str, Any], path: Path) -> FrontendConfig:
    """Say what text became in training: the phones of known words, or letters where the setup says so."""
    symbols = setup.get("symbol_set", "english_basic")
    if symbols != "english_basic":
        raise VoiceError(f"{path}: trained on the symbols {symbols}; only english_basic can be read")
    in_letters = setup.get("p_arpabet", 1.0) == 0
    return FrontendConfig(symbols="english_basic", grapheme_words="all" if in_letters else "heteronyms")


def _pitch(tensors: Mapping[str, Tensor]) -> tuple[float, float] | None:
    """Return the statistics that a training stored; where it did not, they are zeros."""
    mean, deviation = (float(tensors[name].sum()) if name in tensors else 0.0 for name in ("pitch_mean", "pitch_std"))
    return (mean, deviation) if 0 < mean < math.inf and 0 < deviation < math.inf else None
