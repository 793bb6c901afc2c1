"""Networks as ONNX graphs, each proven equal to torch before it is handed out."""

import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

import numpy as np

from sonorant.errors import VoiceError
from sonorant.voice.manifest import DECODER_NAME, ENCODER_NAME, VOCODER_NAME
from sonorant.voice.trained import TrainedModel

if TYPE_CHECKING:
    from torch import Tensor, nn

OPSET = 20
TOLERANCE = 1e-4
"""The largest allowed difference from torch in fp32; where the output's peak is over 1, as a share of the peak."""

_SHAPES = ((2, 13), (1, 1), (1, 37), (3, 64))
"""(batch, length) of the example that is traced, then of those that are only compared."""


def export_acoustic(trained: TrainedModel) -> dict[str, bytes]:
    """Return the graphs of an acoustic model: symbols to encodings, and frames to a mel.

    The repetition of encodings lies between the two, in `sonorant.synthesis.regulation`.

    Raises:
        VoiceError: A graph does not compute what torch computes.
    """
    network = trained.network()
    encoder_examples = [_encoder_inputs(trained, *shape) for shape in _SHAPES]
    encoder_axes = {name: (0, 1) if name == "symbols" else (0,) for name in encoder_examples[0]}
    encoder = _export(
        _as_module(network, "encode"),
        ("encodings", "log_durations"),
        encoder_axes,
        encoder_examples,
        ENCODER_NAME,
    )
    decoder = _export(
        _as_module(network, "decode"),
        ("mel",),
        {"frames": (0, 1), "mel_lengths": (0,)},
        [_decoder_inputs(network, example) for example in encoder_examples],
        DECODER_NAME,
    )
    return {ENCODER_NAME: encoder, DECODER_NAME: decoder}


def export_vocoder(trained: TrainedModel) -> dict[str, bytes]:
    """Return the graph of a vocoder: mel to waveform.

    Raises:
        VoiceError: The graph does not compute what torch computes.
    """
    examples = [{"mel": _mel_like(batch, trained.mel.n_mels, length)} for batch, length in _SHAPES]
    module = _as_module(trained.network())
    return {VOCODER_NAME: _export(module, ("waveform",), {"mel": (0, 2)}, examples, VOCODER_NAME)}


def _encoder_inputs(trained: TrainedModel, batch: int, length: int) -> "dict[str, Tensor]":
    import torch

    generator = torch.Generator().manual_seed(length)
    return {
        "symbols": torch.randint(1, len(trained.symbols), (batch, length), generator=generator),
        "symbol_lengths": _lengths(batch, length),
        "speaker_ids": torch.arange(batch) % len(trained.speakers),
        "pitch_scale": torch.linspace(0.5, 1.5, batch),
        "pitch_offset": torch.linspace(-1.0, 1.0, batch),
    }


def _decoder_inputs(network: Any, encoder_inputs: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """Return encodings as the encoder makes them, one frame per symbol."""
    encodings, _ = network.encode(*encoder_inputs.values())
    return {"frames": encodings, "mel_lengths": encoder_inputs["symbol_lengths"]}


def _mel_like(*shape: int) -> "Tensor":
    """Return noise at the level of speech: log-mels lie between -11.5 and 2."""
    import torch

    return 2.0 * torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))) - 5.0


def _lengths(batch: int, longest: int) -> "Tensor":
    """Return different lengths, the first row's being the longest."""
    import torch

    return (longest - torch.arange(batch)).clamp(min=1)


def _as_module(network: "nn.Module", method: str = "forward") -> "nn.Module":
    """Make a method of a network the forward pass of a module, which is what the exporter takes."""
    from torch import nn

    class Method(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, *inputs: "Tensor") -> Any:
            return getattr(self.network, method)(*inputs)

    return Method()


def _export(
    module: "nn.Module",
    outputs: Sequence[str],
    dynamic_axes: Mapping[str, tuple[int, ...]],
    examples: Sequence["dict[str, Tensor]"],
    name: str,
) -> bytes:
    """Trace `module` with the first example and compare the graph with it on all of them."""
    import torch

    traced = examples[0]
    shapes = tuple(dict.fromkeys(dynamic_axes[key], torch.export.Dim.DYNAMIC) for key in traced)
    with _quiet_exporter(), torch.no_grad():
        program = torch.onnx.export(
            module,
            tuple(traced.values()),
            input_names=list(traced),
            output_names=list(outputs),
            dynamic_shapes=(shapes,),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
        )
    assert program is not None
    graph = _without_traces(program.model_proto)
    _prove_equal(graph, module, examples, name)
    return graph


def _without_traces(model: Any) -> bytes:
    """Drop where in our source each node came from: it is of no use to speak, and names the packer's folders."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    return model.SerializeToString()  # type: ignore[no-any-return]


def _prove_equal(graph: bytes, module: "nn.Module", examples: Sequence["dict[str, Tensor]"], name: str) -> None:
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
            if not error <= TOLERANCE:
                shape = tuple(next(iter(example.values())).shape)
                raise VoiceError(
                    f"{name}: the exported graph differs from torch by {error:.2g} for an input of shape {shape}, "
                    f"allowed is {TOLERANCE:g}; the network cannot be packed"
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
