"""The tensors of published checkpoints: NVIDIA's names and shapes, at sizes of choice, with random weights."""

from typing import Any

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]
Tensors = dict[str, Tensor]

FASTPITCH_CONFIG: dict[str, Any] = {
    "n_mel_channels": 80,
    "n_symbols": 148,
    "padding_idx": 0,
    "symbols_embedding_dim": 8,
    **{
        f"{side}_fft_{name}": value
        for side in ("in", "out")
        for name, value in {
            "n_layers": 2, "n_heads": 2, "d_head": 3, "conv1d_kernel_size": 3, "conv1d_filter_size": 10,
            "output_size": 8,
        }.items()
    },
    **{f"p_{side}_fft_{name}": 0.1 for side in ("in", "out") for name in ("dropout", "dropatt", "dropemb")},
    **{
        f"{kind}_predictor_{name}": value
        for kind in ("dur", "pitch", "energy")
        for name, value in {"kernel_size": 3, "filter_size": 6, "n_layers": 2}.items()
    },
    **{f"p_{kind}_predictor_dropout": 0.1 for kind in ("dur", "pitch", "energy")},
    "pitch_embedding_kernel_size": 3,
    "energy_embedding_kernel_size": 3,
    "energy_conditioning": True,
    "speaker_emb_weight": 1.0,
    "n_speakers": 1,
}  # fmt: skip
"""The settings of the network that `fastpitch_shapes` describes, under NVIDIA's names."""

FASTPITCH_SETUP: dict[str, Any] = {
    "sampling_rate": 22050,
    "filter_length": 1024,
    "hop_length": 256,
    "win_length": 1024,
    "mel_fmin": 0.0,
    "mel_fmax": 8000.0,
    "symbol_set": "english_basic",
    "p_arpabet": 1.0,
    "learning_rate": 0.1,
}
"""What its training was told, as far as it matters here."""


def tacotron2_shapes(
    symbols: int = 20,
    n_mels: int = 5,
    encoder: int = 6,
    postnet: int = 7,
    prenet: int = 8,
    attention_rnn: int = 9,
    decoder_rnn: int = 10,
    attention: int = 4,
    filters: int = 3,
    kernel: int = 7,
) -> Shapes:
    """Name every tensor of Tacotron 2 in both layouts of NVIDIA's."""
    layer = "decoder.attention_layer"
    named: Shapes = {
        "embedding.weight": (symbols, encoder),
        "decoder.prenet.layers.0.linear_layer.weight": (prenet, n_mels),
        "decoder.prenet.layers.1.linear_layer.weight": (prenet, prenet),
        f"{layer}.query_layer.linear_layer.weight": (attention, attention_rnn),
        f"{layer}.memory_layer.linear_layer.weight": (attention, encoder),
        f"{layer}.v.linear_layer.weight": (1, attention),
        f"{layer}.location_layer.location_conv.conv.weight": (filters, 2, kernel),
        f"{layer}.location_layer.location_dense.linear_layer.weight": (attention, filters),
        "decoder.linear_projection.linear_layer.weight": (n_mels, decoder_rnn + encoder),
        "decoder.linear_projection.linear_layer.bias": (n_mels,),
        "decoder.gate_layer.linear_layer.weight": (1, decoder_rnn + encoder),
        "decoder.gate_layer.linear_layer.bias": (1,),
    }
    for end in ("_l0", "_l0_reverse"):
        named |= _lstm("encoder.lstm", encoder, encoder // 2, end)
    named |= _lstm("decoder.attention_rnn", prenet + encoder, attention_rnn)
    named |= _lstm("decoder.decoder_rnn", attention_rnn + encoder, decoder_rnn)
    widths = [n_mels] + [postnet] * 4 + [n_mels]
    for part, count, inputs, outputs in (
        ("encoder", 3, [encoder] * 3, [encoder] * 3),
        ("postnet", 5, widths[:-1], widths[1:]),
    ):
        for index in range(count):
            name = f"{part}.convolutions.{index}"
            named[f"{name}.0.conv.weight"] = (outputs[index], inputs[index], 5)
            named[f"{name}.0.conv.bias"] = (outputs[index],)
            named |= {f"{name}.1.{tensor}": (outputs[index],)
                      for tensor in ("weight", "bias", "running_mean", "running_var")}
    return named


def _lstm(name: str, inputs: int, hidden: int, end: str = "") -> Shapes:
    return {
        f"{name}.weight_ih{end}": (4 * hidden, inputs),
        f"{name}.weight_hh{end}": (4 * hidden, hidden),
        f"{name}.bias_ih{end}": (4 * hidden,),
        f"{name}.bias_hh{end}": (4 * hidden,),
    }


def waveglow_shapes(
    flows: tuple[int, ...] = (8, 8, 6, 6, 4), layers: int = 3, channels: int = 6, n_mels: int = 4, kernel: int = 3
) -> Shapes:
    """Name every tensor of a WaveGlow of DeepLearningExamples; `flows` are the channels of each flow."""
    named: Shapes = {"upsample.weight": (n_mels, n_mels, 1024), "upsample.bias": (n_mels,)}
    for flow, width in enumerate(flows):
        named[f"convinv.{flow}.conv.weight"] = (width, width, 1)
        normed = {"start": (channels, width // 2, 1)}
        for layer in range(layers):
            normed[f"in_layers.{layer}"] = (2 * channels, channels, kernel)
            normed[f"cond_layers.{layer}"] = (2 * channels, n_mels * 8, 1)
            normed[f"res_skip_layers.{layer}"] = ((1 if layer == layers - 1 else 2) * channels, channels, 1)
        for name, shape in normed.items():
            named[f"WN.{flow}.{name}.weight_g"] = (shape[0], 1, 1)
            named[f"WN.{flow}.{name}.weight_v"] = shape
            named[f"WN.{flow}.{name}.bias"] = shape[:1]
        named[f"WN.{flow}.end.weight"] = (width, channels, 1)
        named[f"WN.{flow}.end.bias"] = (width,)
    return named


def fastpitch_shapes(
    channels: int = 8, head: int = 3, heads: int = 2, inner: int = 10, layers: int = 2, width: int = 6
) -> Shapes:
    """Name every tensor of a FastPitch 1.1 with 148 symbols, 80 mel bins and energy."""
    weights: Shapes = {
        "proj": (80, channels),
        "pitch_emb": (channels, 1, 3),
        "energy_emb": (channels, 1, 3),
        "attention.key_proj.0.conv": (2 * channels, channels, 3),
        "attention.key_proj.2.conv": (80, 2 * channels, 1),
        "attention.query_proj.0.conv": (160, 80, 3),
        "attention.query_proj.2.conv": (80, 160, 1),
        "attention.query_proj.4.conv": (80, 80, 1),
        "attention.attn_proj": (1, 80, 1, 1),
    }
    for kind in ("duration", "pitch", "energy"):
        for layer, inputs in enumerate((channels, width)):
            weights[f"{kind}_predictor.layers.{layer}.conv"] = (width, inputs, 3)
            weights[f"{kind}_predictor.layers.{layer}.norm"] = (width,)
        weights[f"{kind}_predictor.fc"] = (1, width)
    for side in ("encoder", "decoder"):
        for layer in range(layers):
            name = f"{side}.layers.{layer}"
            weights[f"{name}.dec_attn.qkv_net"] = (3 * heads * head, channels)
            weights[f"{name}.dec_attn.layer_norm"] = weights[f"{name}.pos_ff.layer_norm"] = (channels,)
            weights[f"{name}.pos_ff.CoreNet.0"] = (inner, channels, 3)
            weights[f"{name}.pos_ff.CoreNet.2"] = (channels, inner, 3)
    named: Shapes = {"encoder.word_emb.weight": (148, channels)}
    for name, shape in weights.items():
        named |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for side in ("encoder", "decoder"):
        named[f"{side}.pos_emb.inv_freq"] = (channels // 2,)
        named |= {f"{side}.layers.{layer}.dec_attn.o_net.weight": (channels, heads * head) for layer in range(layers)}
    return {**named, "pitch_mean": (1,), "pitch_std": (1,)}


def random_tensors(shapes: Shapes, scale: float) -> Tensors:
    """Draw weights; variances are positive, mixtures of channels can be undone in float32."""
    generator = torch.Generator().manual_seed(0)
    drawn = {name: scale * torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    for name, value in drawn.items():
        if name.endswith("running_var"):
            value.square_().add_(0.1)
        if name.startswith("convinv."):
            value += torch.eye(len(value)).flip(0)[..., None]
    return drawn
