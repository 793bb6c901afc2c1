import subprocess
import sys

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from sonorant.errors import RequestError
from sonorant.evaluation import benchmark_machine, benchmark_torch
from sonorant.evaluation.benchmark_machine import CpuInstruments, describe_cpu, onnx_product, product_speed, versions

MIB = 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets a peak")
def test_memory_is_the_peak_since_it_was_forgotten_also_when_it_was_given_back() -> None:
    # In a process of its own: what other tests have used and the collector gives back would be counted.
    script = """
from numpy import ones
from sonorant.evaluation.benchmark_machine import CpuInstruments
instruments = CpuInstruments()
ones(256 << 20, dtype="u1")
print(instruments.peak_bytes() >> 20)
instruments.forget_peak()
print(instruments.peak_bytes() >> 20)
ones(128 << 20, dtype="u1")
print(instruments.peak_bytes() >> 20)
"""
    output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    first, forgotten, second = map(int, output.split())
    assert first > 250 and forgotten < 64 and 120 < second < 192


def test_without_the_figures_of_linux_the_peak_is_the_process_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_machine, "_status", lambda name: 0)
    instruments = CpuInstruments()
    assert instruments.peak_bytes() == 0
    np.ones(8 * MIB, dtype=np.uint8)
    assert instruments.peak_bytes() >= 0


def test_a_gpu_has_done_its_work_before_the_clock_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 100)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 175)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: events.append("done"))
    monkeypatch.setattr(benchmark_torch.time, "perf_counter", lambda: events.append("read") or 3.0)
    instruments = benchmark_torch.make_instruments(torch.device("cuda"))
    assert instruments.now() == 3.0 and events == ["done", "read"]
    assert instruments.peak_bytes() == 75


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_memory_of_a_gpu_is_what_torch_allocates_beyond_the_beginning() -> None:
    before = torch.ones(MIB, device="cuda")
    instruments = benchmark_torch.make_instruments(before.device)
    torch.ones(4 * MIB, device="cuda")
    assert instruments.peak_bytes() == 16 * MIB
    instruments.forget_peak()
    assert instruments.peak_bytes() == 0


def test_a_product_of_matrices_of_10_takes_2000_operations() -> None:
    assert product_speed("pencil", "fp32", 10, 1e-3) == {
        "library": "pencil", "precision": "fp32", "size": 10, "gflop_per_s": 0.0,
    }  # fmt: skip
    assert product_speed("pencil", "fp32", 1000, 0.1)["gflop_per_s"] == 20.0


def test_the_product_of_onnx_runtime_is_a_matmul() -> None:
    matrices = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None]) for name in "abc"]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "matmul", matrices[:2], matrices[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    assert model.SerializeToString() == benchmark_machine._MATRIX_PRODUCT


def test_both_libraries_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (benchmark_machine, benchmark_torch):
        monkeypatch.setattr(module, "CPU_PRODUCT_SIZE", 64)
    precisions, cpu = ("fp32", "bf16", "fp16"), torch.device("cpu")
    measured = [onnx_product(1), *(benchmark_torch.torch_product(cpu, precision) for precision in precisions)]
    assert [(m["library"], m["precision"], m["size"]) for m in measured] == [
        ("onnxruntime", "fp32", 64), ("torch", "fp32", 64), ("torch", "bf16", 64), ("torch", "fp16", 64),
    ]  # fmt: skip
    assert all(m["gflop_per_s"] > 0 for m in measured)


@pytest.mark.parametrize(
    ("precision", "tf32", "autocast"),
    [("fp32", False, False), ("tf32", True, False), ("bf16", False, True), ("fp16", False, True)],
)
def test_float32_is_tf32_only_where_it_is_asked_for(precision: str, tf32: bool, autocast: bool) -> None:
    with benchmark_torch.choose_precision(torch.device("cpu"), precision):
        assert torch.is_autocast_enabled("cpu") == autocast
        assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == tf32
    benchmark_torch.choose_precision(torch.device("cpu"), "fp32")
    assert not torch.backends.cuda.matmul.allow_tf32


def test_the_machine_and_the_versions_are_named() -> None:
    machine = describe_cpu()
    assert machine["processor"] and machine["cores"] >= 1 and 0.1 < machine["memory_gib"] < 1e5
    assert versions()["torch"] == torch.__version__
    assert set(versions()) == {"python", "sonorant", "numpy", "onnxruntime", "torch"}


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(RequestError, match="device: cuda:99 cannot be used"):
        benchmark_torch.open_device("cuda:99", 1)
