"""Voices whose weights are stored in 16 bits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny_voice import LICENCES, tiny_acoustic, tiny_vocoder

from sonorant.errors import VoiceError
from sonorant.synthesis import Synthesizer
from sonorant.voice.export import export
from sonorant.voice.halving import SMALLEST, store_in_half
from sonorant.voice.pack import pack
from sonorant.voice.trained import parse_trained

onnx = pytest.importorskip("onnx")


def weights_of(graph: bytes) -> dict[str, np.ndarray]:
    model = onnx.load_from_string(graph)
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def graph_of(values: np.ndarray) -> bytes:
    """Add a weight to an input."""
    helper = onnx.helper
    inputs, outputs = (helper.make_tensor_value_info(name, 1, list(values.shape)) for name in ("x", "y"))
    node = helper.make_node("Add", ["x", "weight"], ["y"])
    weight = onnx.numpy_helper.from_array(values, "weight")
    graph = helper.make_graph([node], "sum", [inputs], [outputs], [weight])
    opset = helper.make_opsetid("", 20)
    content: bytes = helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()
    return content


def run(graph: bytes, x: np.ndarray) -> np.ndarray:
    import onnxruntime as ort

    result: np.ndarray = ort.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    return result


def test_a_weight_that_loses_nothing_is_stored_in_16_bits_and_computes_the_same() -> None:
    values = np.random.default_rng(0).standard_normal(SMALLEST).astype(np.float16).astype(np.float32)
    stored = store_in_half(graph_of(values))
    assert {weight.dtype for weight in weights_of(stored).values()} == {np.dtype(np.float16)}
    x = np.ones(SMALLEST, dtype=np.float32)
    np.testing.assert_array_equal(run(stored, x), run(graph_of(values), x))


@pytest.mark.parametrize("size", [SMALLEST, SMALLEST - 1])
def test_a_weight_that_would_lose_digits_or_is_small_stays(size: int) -> None:
    exact = np.ones(size, dtype=np.float32)
    values = exact if size < SMALLEST else exact + np.float32(2**-20)
    assert weights_of(store_in_half(graph_of(values)))["weight"].dtype == np.float32


def test_a_voice_in_half_is_smaller_and_says_the_same(tmp_path: Path) -> None:
    acoustic, vocoder = tiny_acoustic(), tiny_vocoder()
    voices = {
        half: pack(tmp_path / str(half), acoustic, vocoder, name="tiny", licences=LICENCES, half=half)
        for half in (False, True)
    }
    sizes = {half: (path / "acoustic.safetensors").stat().st_size for half, path in voices.items()}
    assert sizes[True] < 0.75 * sizes[False]
    spoken = {half: Synthesizer.load(path, threads=1).speak("Hello.").samples for half, path in voices.items()}
    np.testing.assert_allclose(spoken[True], spoken[False], atol=2e-3)  # 0.6 % of the loudest; 16 bits keep 0.05 %
    weights = parse_trained((voices[True] / "acoustic.safetensors").read_bytes(), "half").weights
    assert {weight.dtype for weight in weights.values() if weight.is_floating_point()} == {torch.float32}
    again = Synthesizer.load(voices[True], runtime="torch", threads=1).speak("Hello.").samples
    np.testing.assert_allclose(again, spoken[True], atol=1e-4)


def test_the_graphs_of_a_rounded_model_are_exported_in_half() -> None:
    rounded = tiny_vocoder().rounded()
    graph = export(rounded, half=True)["vocoder.onnx"]
    halved = sum(weight.size for weight in weights_of(graph).values() if weight.dtype == np.float16)
    assert halved == sum(weight.numel() for weight in rounded.weights.values() if weight.numel() >= SMALLEST)


def test_a_weight_beyond_16_bits_is_refused_by_name() -> None:
    model = tiny_vocoder()
    folded = model.rounded()
    weights = {name: weight.float() for name, weight in folded.weights.items()}
    name = next(iter(weights))
    weights[name] = torch.full_like(weights[name], 1e6)
    with pytest.raises(VoiceError, match=f"too large for 16 bits: {name}"):
        replace(model, weights=weights).rounded()
