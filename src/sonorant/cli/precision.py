"""The values of `--precision`, the same for every verb that has it."""

from typing import Literal

Precision = Literal["fp32", "tf32", "bf16", "fp16"]
