"""Each method that speaking needs, as an ONNX graph that serves any batch and any length."""

import warnings

import numpy as np
import pytest
import torch
from tests.models.tacotron2_cases import ATTENTIONS, DYNAMIC, N_MELS, NUM_SYMBOLS, a_config, a_model
from torch import nn

from sonorant.models.lengths import valid_positions
from sonorant.voice.graphs import MEMORY, POSTNET, STEP

SHAPES = ((2, 7), (1, 1), (3, 13), (2, 40))
"""(batch, length): the first is traced, all are compared."""

pytestmark = pytest.mark.slow


class Method(nn.Module):
    """A method of a network as a module, which is what the exporter takes."""

    def __init__(self, network, name):
        super().__init__()
        self.network = network
        self.name = name

    def forward(self, *inputs):
        return getattr(self.network, self.name)(*inputs)


def assert_exports(network, graph, make_inputs):
    """Export one method and compare it with torch."""
    import onnxruntime

    torch.manual_seed(3)
    shapes = tuple(dict.fromkeys(axes, torch.export.Dim.DYNAMIC) for axes in graph.inputs.values())
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter's own, about itself
        program = torch.onnx.export(
            Method(network, graph.method), make_inputs(*SHAPES[0]), dynamo=True, dynamic_shapes=(shapes,),
            input_names=list(graph.inputs), output_names=list(graph.outputs), opset_version=20, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    for shape in SHAPES:
        inputs = make_inputs(*shape)
        with torch.no_grad():
            expected = getattr(network, graph.method)(*inputs)
        given = {name: value.numpy() for name, value in zip(graph.inputs, inputs, strict=True)}
        found = session.run(None, given)
        for name, one, two in zip(graph.outputs, found, expected if isinstance(expected, tuple) else (expected,),
                                  strict=True):
            np.testing.assert_allclose(one, two.numpy(), atol=1e-4, rtol=0, err_msg=f"{name} at {shape}")


def text_like(batch, length):
    return (torch.randint(1, NUM_SYMBOLS, (batch, length)), (length - torch.arange(batch)).clamp(min=1),
            torch.arange(batch) % 3)


def test_encode_exports():
    network = a_model(a_config(DYNAMIC), num_speakers=3).eval()
    assert_exports(network, MEMORY, text_like)


@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda attention: attention.kind)
def test_step_exports(attention):
    network = a_model(a_config(attention, reduction_factor=2), num_speakers=3).eval()

    @torch.no_grad()
    def in_the_middle(batch, length):
        """The second step of a sentence."""
        symbols, lengths, speakers = text_like(batch, length)
        memory, processed = network.encode(symbols, lengths, speakers)
        given = (memory, processed, valid_positions(lengths, length))
        state = network.initial_state(memory)
        for _ in range(2):
            step = (*given, torch.randn(batch, N_MELS), network.decoder.draw_masks(1, batch).prenet[0], *state)
            _, _, *state = network.step(*step)
        return step

    assert_exports(network, STEP, in_the_middle)


def test_postnet_exports():
    network = a_model().eval()
    assert_exports(network, POSTNET, lambda batch, length: (
        torch.randn(batch, N_MELS, length), (length - torch.arange(batch)).clamp(min=1)))
