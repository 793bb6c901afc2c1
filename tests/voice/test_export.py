"""The graphs of Tacotron 2 and WaveGlow; those of the others are looked at in test_pack.py."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from tests.tiny_voice import LICENCES, TACOTRON2, tiny_acoustic, tiny_tacotron2, tiny_vocoder, tiny_waveglow

from sonorant.config.models import LocationAttentionConfig
from sonorant.errors import RequestError, VoiceError
from sonorant.voice import export, load_voice
from sonorant.voice import pack as pack_module
from sonorant.voice.graphs import GRAPHS, MEMORY, POSTNET, STEP, VOCODER_NAME
from sonorant.voice.manifest import Tacotron2Part
from sonorant.voice.pack import pack
from sonorant.voice.quantization import BLOCK, quantise, quantise_step
from sonorant.voice.trained import TrainedModel

LOCATION = TACOTRON2.model_copy(update={"attention": LocationAttentionConfig(channels=8, filters=4, kernel=7)})


@cache
def step_graph() -> bytes:
    """The decoder step with an attention by location, exported once; the tiny voice's attention is the other."""
    trained = tiny_tacotron2(LOCATION)
    network = trained.network()
    example = export._tacotron2_examples(trained, network, 2, 13)[STEP.file]
    return export._export(export._as_module(network, STEP.method), STEP, [example])


def examples(trained: TrainedModel, batch: int, length: int) -> tuple[Any, dict[str, dict[str, torch.Tensor]]]:
    network = trained.network()
    return network, export._EXAMPLES[trained.kind](trained, network, batch, length)


def largest_difference(graph: bytes | Path, module: Any, inputs: dict[str, torch.Tensor]) -> float:
    found = ort.InferenceSession(graph).run(None, {name: value.numpy() for name, value in inputs.items()})
    expected = module(*inputs.values())
    expected = expected if isinstance(expected, tuple) else (expected,)
    return max(
        float(np.abs(ours - theirs.numpy()).max()) for ours, theirs in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("graph", [MEMORY, STEP, POSTNET], ids=lambda graph: graph.method)
@pytest.mark.parametrize(("batch", "length"), [(1, 2), (5, 21)])
def test_tacotron_2s_graphs_take_any_batch_and_length(
    tiny_flow_voice: Path, graph: Any, batch: int, length: int
) -> None:
    network, inputs = examples(tiny_tacotron2(), batch, length)
    difference = largest_difference(tiny_flow_voice / graph.file, getattr(network, graph.method), inputs[graph.file])
    assert difference < 1e-4


@pytest.mark.parametrize(("batch", "length"), [(1, 2), (5, 21)])
def test_an_attention_by_location_is_exported_as_well(batch: int, length: int) -> None:
    network, inputs = examples(tiny_tacotron2(LOCATION), batch, length)
    assert largest_difference(step_graph(), network.step, inputs[STEP.file]) < 1e-4


@pytest.mark.parametrize(("batch", "length"), [(1, 2), (5, 21)])
def test_waveglows_graph_takes_any_batch_and_length(tiny_flow_voice: Path, batch: int, length: int) -> None:
    network, inputs = examples(tiny_waveglow(), batch, length)
    assert largest_difference(tiny_flow_voice / VOCODER_NAME, network.infer, inputs[VOCODER_NAME]) < 1e-4


def test_windowing_a_step_reaches_the_graph(tiny_flow_voice: Path) -> None:
    _, inputs = examples(tiny_tacotron2(), 2, 13)
    step = inputs[STEP.file]
    step["valid"] = torch.arange(13).expand(2, 13) == 4
    outputs = ort.InferenceSession(tiny_flow_voice / STEP.file).run(None, {k: v.numpy() for k, v in step.items()})
    alignment = outputs[list(STEP.outputs).index("next_alignment")]
    np.testing.assert_array_equal(alignment, np.eye(13)[[4, 4]])


def test_a_step_in_int8_holds_its_large_products_as_bytes_and_nothing_else() -> None:
    model = onnx.load_from_string(quantise_step(step_graph()))
    products = [node for node in model.graph.node if node.op_type == "MatMulNBits"]
    assert len(products) == 5  # two of each LSTM cell, and the query
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    assert all(weights[node.input[1]].data_type == onnx.TensorProto.UINT8 for node in products)
    assert not any("rnn.weight" in name and not name.endswith((".int8", ".scales")) for name in weights)
    assert sum("projection.weight" in node.input[1] for node in model.graph.node if node.op_type == "Gemm") == 2


def test_a_step_that_would_silently_stay_in_fp32_is_refused() -> None:
    with pytest.raises(VoiceError, match="found 0 products of the decoder step to turn into int8 instead of 5"):
        quantise_step(quantise_step(step_graph()))


def test_a_step_in_int8_is_near_torch_but_not_equal() -> None:
    network, inputs = examples(tiny_tacotron2(LOCATION), 3, 13)
    difference = largest_difference(quantise_step(step_graph()), network.step, inputs[STEP.file])
    assert 1e-4 < difference < export.INT8_TOLERANCE


def test_many_steps_in_int8_stay_near_those_in_fp32() -> None:
    _, inputs = examples(tiny_tacotron2(LOCATION), 1, 30)
    frames = {}
    for name, graph in (("fp32", step_graph()), ("int8", quantise_step(step_graph()))):
        session, said = ort.InferenceSession(graph), []
        feeds = {key: value.numpy() for key, value in inputs[STEP.file].items()}
        for _ in range(40):
            outputs = session.run(None, feeds)
            said.append(outputs[0])
            state = dict(zip(list(STEP.inputs)[5:], outputs[2:], strict=True))
            feeds |= state | {"frame": np.ascontiguousarray(outputs[0][:, :, -1])}
        frames[name] = np.concatenate(said, axis=2)
    error = np.linalg.norm(frames["int8"] - frames["fp32"]) / np.linalg.norm(frames["fp32"])
    assert 0 < error < 0.02


def test_a_step_in_int8_that_is_too_far_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network, inputs = examples(tiny_tacotron2(LOCATION), 2, 13)
    module, own = export._as_module(network, STEP.method), [inputs[STEP.file]]
    assert export._in_int8(step_graph(), module, STEP, own) == quantise_step(step_graph())
    monkeypatch.setattr("sonorant.voice.export.quantise_step", _halved)
    with pytest.raises(VoiceError, match=r"acoustic_step\.onnx in int8: .* differs from torch by .*, allowed is 0\.02"):
        export._in_int8(step_graph(), module, STEP, own)


def _halved(graph: bytes) -> bytes:
    """Quantise with scales that are half of what they should be."""
    model = onnx.load_from_string(quantise_step(graph))
    for tensor in model.graph.initializer:
        if tensor.name.endswith(".scales"):
            tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) / 2, tensor.name))
    return model.SerializeToString()


def test_quantising_rounds_each_block_to_its_own_scale() -> None:
    weight = np.random.default_rng(0).normal(size=(3, BLOCK + 40)).astype(np.float32)
    weight[:, BLOCK:] *= 1e-3
    weight[2] = 0.0
    numbers, scales = quantise(weight)
    restored = ((numbers.astype(np.float32) - 128) * scales[:, :, None]).reshape(3, -1)
    assert numbers.shape == (3, 2, BLOCK) and (restored[:, BLOCK + 40 :] == 0).all()
    error = np.abs(restored[:, : BLOCK + 40] - weight)
    assert (error <= np.repeat(scales, [BLOCK, 40], axis=1) / 2 * 1.001).all()
    assert (restored[2] == 0).all()


def test_a_voice_in_int8_says_so_and_only_its_step_differs(
    tiny_flow_voice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quick(trained: TrainedModel, int8: bool = False, half: bool = False) -> dict[str, bytes]:
        graphs = {graph.file: (tiny_flow_voice / graph.file).read_bytes() for graph in GRAPHS[trained.kind]}
        return graphs | ({STEP.file: quantise_step(graphs[STEP.file])} if int8 else {})

    monkeypatch.setattr(pack_module, "export", quick)
    models = tiny_tacotron2(), tiny_waveglow()
    plain, packed = (
        load_voice(pack(tmp_path / f"int8-{int8}", *models, name="tiny", licences=LICENCES, int8=int8))
        for int8 in (False, True)
    )
    assert [isinstance(v.manifest.acoustic, Tacotron2Part) and v.manifest.acoustic.int8 for v in (plain, packed)] == [
        False,
        True,
    ]
    differing = {name for name in plain.manifest.graphs if plain.read(name) != packed.read(name)}
    assert differing == {STEP.file}


def test_int8_is_refused_for_fastpitch_before_any_export(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"int8: it is for Tacotron 2's decoder step, .* is a fastpitch"):
        pack(tmp_path / "voice", tiny_acoustic(), tiny_vocoder(), name="tiny", licences=LICENCES, int8=True)
    assert not list(tmp_path.iterdir())
