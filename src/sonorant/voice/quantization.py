"""Graphs with weights in int8: a fourth of the memory, and it is memory that a decoder step of one row waits for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonorant.errors import VoiceError

BLOCK = 256
"""Inputs that share a scale."""

_INT8_PRODUCTS = 4
"""ONNX Runtime's name for multiplying in int8: the inputs are quantised as they come, by the same blocks."""

_LAYERS = ("attention_rnn.", "decoder_rnn.", "query.")
_NUM_PRODUCTS = 5
"""Two of each LSTM cell, and the query's."""


def quantise_step(graph: bytes) -> bytes:
    """Turn the large products of a decoder step into int8: those of its LSTM cells and of the attention's query.

    The others, of the frames that come and go, take little of the time, and in int8 put the mel much further off.

    Raises:
        VoiceError: The graph has another number of such products: the exporter writes them in a new way.
    """
    import onnx

    model = onnx.load_from_string(graph)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    large = [
        node for node in model.graph.node if node.op_type == "Gemm" and any(layer in node.input[1] for layer in _LAYERS)
    ]
    if len(large) != _NUM_PRODUCTS:
        raise VoiceError(
            f"int8: found {len(large)} products of the decoder step to turn into int8 instead of {_NUM_PRODUCTS}; "
            "pack without int8"
        )
    for node in large:
        tensor = weights[node.input[1]]
        made = _as_int8_product(node, onnx.numpy_helper.to_array(tensor))
        model.graph.initializer.remove(tensor)
        model.graph.initializer.extend(made)
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    quantised: bytes = model.SerializeToString()
    return quantised


def quantise(weight: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return a weight as whole numbers around 128, and the scale of each block of inputs.

    Shape:
        weight: (outputs, inputs) -> (outputs, blocks, BLOCK), (outputs, blocks); the last block is filled with zeros

    Example:
        >>> numbers, scales = quantise(np.array([[0.5, -1.0]], dtype=np.float32))
        >>> numbers.shape, numbers[0, 0, :3].tolist(), scales.tolist()
        ((1, 1, 256), [192, 1, 128], [[0.007874015718698502]])
    """
    outputs, inputs = weight.shape
    padded = np.pad(weight, ((0, 0), (0, -inputs % BLOCK))).reshape(outputs, -1, BLOCK)
    scales = np.maximum(np.abs(padded).max(axis=2), np.finfo(np.float32).tiny) / np.float32(127)
    return (np.rint(padded / scales[:, :, None]) + 128).astype(np.uint8), scales


def _as_int8_product(node: Any, weight: NDArray[np.float32]) -> list[Any]:
    """Change a node x W^T + b in place, and return the initialisers that it needs."""
    from onnx.helper import make_attribute
    from onnx.numpy_helper import from_array

    x, name, *bias = node.input
    outputs, inputs = weight.shape
    numbers, scales = quantise(weight)
    sizes = {"K": inputs, "N": outputs, "bits": 8, "block_size": BLOCK, "accuracy_level": _INT8_PRODUCTS}
    node.op_type, node.domain = "MatMulNBits", "com.microsoft"
    del node.attribute[:], node.input[:]
    node.attribute.extend(make_attribute(key, value) for key, value in sizes.items())
    no_zero_points, no_groups = "", ""
    node.input.extend([x, f"{name}.int8", f"{name}.scales", *([no_zero_points, no_groups, *bias] if bias else [])])
    return [from_array(numbers, f"{name}.int8"), from_array(scales, f"{name}.scales")]
