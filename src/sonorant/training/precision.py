"""The four precisions of a recipe, in torch's terms."""

import torch

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Precision -> type of the numbers that are multiplied."""


def allow_tf32(precision: str) -> None:
    """Let a GPU's products of float32 matrices round their inputs to TF32 in that precision, and in no other."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context of a forward pass; losses stay outside of it."""
    dtype = DTYPES[precision]
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
