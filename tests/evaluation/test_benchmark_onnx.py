from pathlib import Path

import numpy as np
import onnx
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from sonorant.evaluation.benchmark_onnx import count_weights


def model_of(*tensors: TensorProto) -> bytes:
    node = helper.make_node("Identity", ["x"], ["y"])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in "xy"]
    return helper.make_model(helper.make_graph([node], "g", values[:1], values[1:], list(tensors))).SerializeToString()


def test_the_weights_of_a_packed_voice_are_those_that_onnx_reads(tiny_voice: Path) -> None:
    for file in sorted(tiny_voice.glob("*.onnx")):
        tensors = [numpy_helper.to_array(tensor) for tensor in onnx.load(file).graph.initializer]
        expected = sum(tensor.size for tensor in tensors if tensor.dtype.kind == "f")
        assert expected > 100 and count_weights(file.read_bytes()) == expected


def test_indices_are_no_weights_and_quantised_weights_are() -> None:
    arrays = {
        "weight": np.ones((300, 2), dtype=np.float32),
        "quantised": np.ones((5, 7), dtype=np.int8),
        "half": np.ones(11, dtype=np.float16),
        "scale": np.float32(0.5),
        "shape": np.array([1, 2, 3]),
        "indices": np.arange(4, dtype=np.int32),
    }
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    assert count_weights(model_of(*tensors)) == 600 + 35 + 11 + 1


@given(st.lists(st.integers(0, 2**20), max_size=4))
def test_any_shape_is_multiplied_out_packed_or_not(shape: list[int]) -> None:
    tensor = TensorProto(dims=shape, data_type=TensorProto.FLOAT)
    assert count_weights(model_of(tensor)) == int(np.prod(shape, dtype=object))
    packed = b"".join(bytes(_varint(size)) for size in shape)
    graph = bytes([1 << 3 | 5, *b"f32!", 5 << 3 | 2, len(packed) + 4, 1 << 3 | 2, len(packed), *packed, 2 << 3, 1])
    model = bytes([2 << 3 | 1, *b"fixed 64", 7 << 3 | 2, len(graph), *graph])
    assert count_weights(model) == int(np.prod(shape, dtype=object))


def _varint(number: int) -> list[int]:
    low, rest = number & 0x7F, number >> 7
    return [low | 0x80, *_varint(rest)] if rest else [low]
