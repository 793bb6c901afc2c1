"""Networks as ONNX graphs, each proven equal to torch before it is handed out."""

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

import numpy as np

from sonorant.audio.excitation import make_excitations
from sonorant.config import Tacotron2Config, WaveglowConfig
from sonorant.errors import VoiceError
from sonorant.voice.graphs import (
    DECODER,
    ENCODER,
    GRAPHS,
    HIFIGAN,
    MEMORY,
    PITCH,
    POSTNET,
    SOURCE_FILTER,
    STEP,
    WAVEGLOW,
    Graph,
)
from sonorant.voice.halving import store_in_half
from sonorant.voice.quantization import quantise_step
from sonorant.voice.trained import TrainedModel

if TYPE_CHECKING:
    from torch import Tensor, nn

OPSET = 20
TOLERANCE = 1e-4
"""The largest allowed difference from torch in fp32; where the output's peak is over 1, as a share of the peak."""
INT8_TOLERANCE = 0.02
"""The same for a decoder step in int8."""

_SHAPES = ((2, 13), (1, 1), (1, 37), (3, 64))
"""(batch, length) of the example that is traced, then of those that are only compared."""


def export(trained: TrainedModel, int8: bool = False, half: bool = False) -> dict[str, bytes]:
    """Return the graphs of a model by their file names, as `sonorant.voice.graphs` lists them.

    Args:
        trained: The model.
        int8: Turn a Tacotron 2's decoder step into int8; other graphs stay what they are.
        half: Store the weights in 16 bits, where they were rounded to them.

    Raises:
        VoiceError: A graph does not compute what torch computes.
    """
    network = trained.network()
    make_inputs = _EXAMPLES[trained.kind]
    examples = [make_inputs(trained, network, batch, length) for batch, length in _SHAPES]
    graphs = {}
    for graph in GRAPHS[trained.kind]:
        module, own = _as_module(network, graph.method), [example[graph.file] for example in examples]
        exported = _export(module, graph, own)
        in_int8 = int8 and graph is STEP
        if in_int8:
            exported = _in_int8(exported, module, graph, own)
        if half:
            exported = store_in_half(exported)
            _prove_equal(exported, module, own, f"{graph.file} in half", INT8_TOLERANCE if in_int8 else TOLERANCE)
        graphs[graph.file] = exported
    return graphs


Examples = dict[str, "dict[str, Tensor]"]
"""The file of each graph -> its inputs by name."""


def _fastpitch_examples(trained: TrainedModel, network: Any, batch: int, length: int) -> Examples:
    """Return symbols, and encodings as the encoder makes them, one frame per symbol."""
    import torch

    symbols = _symbols(trained, batch, length)
    scale, offset = torch.linspace(0.5, 1.5, batch), torch.linspace(-1.0, 1.0, batch)
    encoder = {**symbols, "pitch_scale": scale, "pitch_offset": offset}
    encodings, _ = network.encode(*encoder.values())
    return {ENCODER.file: encoder, DECODER.file: {"frames": encodings, "mel_lengths": symbols["symbol_lengths"]}}


def _tacotron2_examples(trained: TrainedModel, network: Any, batch: int, length: int) -> Examples:
    """Return symbols, a decoder step in the middle of a sentence, and a mel."""
    import torch

    assert isinstance(trained.config, Tacotron2Config)
    config, n_mels = trained.config, trained.mel.n_mels
    symbols = _symbols(trained, batch, length)
    memory, processed_memory = network.encode(*symbols.values())
    generator = torch.Generator().manual_seed(length)
    attention, decoder = config.attention_rnn_channels, config.decoder_rnn_channels
    sizes = (attention, attention, decoder, decoder, config.encoder_channels)
    state = [torch.rand(batch, size, generator=generator) - 0.5 for size in sizes]
    valid = torch.arange(length) < symbols["symbol_lengths"][:, None]
    alignment = torch.rand(batch, length, generator=generator).masked_fill(~valid, 0.0)
    masks = (torch.rand(batch, sum(config.prenet_channels), generator=generator) > config.prenet_dropout).float()
    frame = _mel_like(batch, n_mels)
    state += [alignment / alignment.sum(1, keepdim=True), alignment]
    step = [memory, processed_memory, valid, frame, masks, *state]
    mel = {"mel": _mel_like(batch, n_mels, length), "mel_lengths": symbols["symbol_lengths"]}
    return {MEMORY.file: symbols, STEP.file: dict(zip(STEP.inputs, step, strict=True)), POSTNET.file: mel}


def _hifigan_examples(trained: TrainedModel, network: Any, batch: int, length: int) -> Examples:
    return {HIFIGAN.file: {"mel": _mel_like(batch, trained.mel.n_mels, length)}}


def _waveglow_examples(trained: TrainedModel, network: Any, batch: int, length: int) -> Examples:
    import torch

    assert isinstance(trained.config, WaveglowConfig)
    group = trained.config.group_size
    shape = (batch, group, length * trained.mel.hop_length // group)
    noise = trained.config.sigma * torch.randn(shape, generator=torch.Generator().manual_seed(length))
    return {WAVEGLOW.file: {"mel": _mel_like(batch, trained.mel.n_mels, length), "noise": noise}}


def _source_filter_examples(trained: TrainedModel, network: Any, batch: int, length: int) -> Examples:
    """Return a mel, and pulses and noise at a pitch that rises from silence, in each row more slowly."""
    import torch

    mel = _mel_like(batch, trained.mel.n_mels, length)
    pitch_hz = 20.0 * torch.arange(length) / torch.arange(1, batch + 1)[:, None]
    excitation = make_excitations(pitch_hz.numpy(), trained.mel, seed=length)
    source = {"mel": mel, "pitch_hz": pitch_hz, "excitation": torch.from_numpy(excitation)}
    return {PITCH.file: {"mel": mel}, SOURCE_FILTER.file: source}


_EXAMPLES: dict[str, Callable[[TrainedModel, Any, int, int], Examples]] = {
    "fastpitch": _fastpitch_examples,
    "tacotron2": _tacotron2_examples,
    "hifigan": _hifigan_examples,
    "waveglow": _waveglow_examples,
    "source_filter": _source_filter_examples,
}


def _symbols(trained: TrainedModel, batch: int, length: int) -> "dict[str, Tensor]":
    import torch

    generator = torch.Generator().manual_seed(length)
    return {
        "symbols": torch.randint(1, len(trained.symbols), (batch, length), generator=generator),
        "symbol_lengths": (length - torch.arange(batch)).clamp(min=1),
        "speaker_ids": torch.arange(batch) % len(trained.speakers),
    }


def _mel_like(*shape: int) -> "Tensor":
    """Return noise at the level of speech: log-mels lie between -11.5 and 2."""
    import torch

    return 2.0 * torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))) - 5.0


def _as_module(network: "nn.Module", method: str) -> "nn.Module":
    """Make a method of a network the forward pass of a module, which is what the exporter takes."""
    from torch import nn

    class Method(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, *inputs: "Tensor") -> Any:
            return getattr(self.network, method)(*inputs)

    return Method()


def _export(module: "nn.Module", graph: Graph, examples: Sequence["dict[str, Tensor]"]) -> bytes:
    """Trace `module` with the first example and compare what comes out with it on all of them."""
    import torch

    traced = examples[0]
    shapes = tuple(dict.fromkeys(axes, torch.export.Dim.DYNAMIC) for axes in graph.inputs.values())
    with _quiet_exporter(), torch.no_grad():
        program = torch.onnx.export(
            module,
            tuple(traced.values()),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes=(shapes,),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
        )
    assert program is not None
    exported = _without_traces(program.model_proto)
    _prove_equal(exported, module, examples, graph.file)
    return exported


def _in_int8(exported: bytes, module: "nn.Module", graph: Graph, examples: Sequence["dict[str, Tensor]"]) -> bytes:
    quantised = quantise_step(exported)
    _prove_equal(quantised, module, examples, f"{graph.file} in int8", INT8_TOLERANCE)
    return quantised


def _without_traces(model: Any) -> bytes:
    """Drop where in our source each node came from: it is of no use to speak, and names the packer's folders."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    return model.SerializeToString()  # type: ignore[no-any-return]


def _prove_equal(
    graph: bytes,
    module: "nn.Module",
    examples: Sequence["dict[str, Tensor]"],
    name: str,
    tolerance: float = TOLERANCE,
) -> None:
    """Compare a graph with torch on every example.

    Raises:
        VoiceError: They differ by more than the tolerance.
    """
    import onnxruntime as ort
    import torch

    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for example in examples:
        with torch.no_grad():
            expected = module(*example.values())
        expected = expected if isinstance(expected, tuple) else (expected,)
        found = session.run(None, {key: value.numpy() for key, value in example.items()})
        for ours, theirs in zip(found, expected, strict=True):
            reference = theirs.numpy()
            error = float(np.abs(ours - reference).max() / max(1.0, np.abs(reference).max()))
            if not error <= tolerance:
                shape = tuple(next(iter(example.values())).shape)
                raise VoiceError(
                    f"{name}: the exported graph differs from torch by {error:.2g} for an input of shape {shape}, "
                    f"allowed is {tolerance:g}; the network cannot be packed"
                )


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silence what the exporter says about itself and its own dependencies."""
    disabled = logging.root.manager.disable
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(disabled)
