from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonorant.evaluation.benchmark_voice import _CountingRuntime


class Echo:
    def run(self, graph: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        return [*inputs.values()]


def test_every_computation_of_a_graph_is_counted_and_passed_on() -> None:
    runtime = _CountingRuntime(Echo())
    for number in range(3):
        (output,) = runtime.run("step.onnx", frame=np.array([number]))
        assert output.tolist() == [number]
    runtime.run("postnet.onnx", mel=np.zeros(1))
    assert dict(runtime.calls) == {"step.onnx": 3, "postnet.onnx": 1}
    assert runtime.calls["decoder.onnx"] == 0
