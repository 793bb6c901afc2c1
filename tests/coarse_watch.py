"""Sees what torch really computes, after autocast has had its say."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

SENSITIVE = {
    "fastpitch": {"_log_softmax", "_ctc_loss", "native_layer_norm", "exp", "lgamma"},
    "sharpen_fastpitch": {"_log_softmax", "native_layer_norm", "exp", "_weight_norm_interface"},
    "tacotron2": {"_softmax", "rsqrt", "binary_cross_entropy_with_logits", "exp"},
    "waveglow": {"exp", "_linalg_slogdet"},
    "hifigan": {"exp", "log", "_fft_r2c", "_weight_norm_interface", "mean"},
    "source_filter": {"exp", "log", "_fft_r2c", "_fft_c2r", "native_layer_norm", "_log_softmax", "cos", "sin", "mean"},
}
"""Model -> what is too coarse in half precision: logarithms, exponentials, statistics, spectra."""


class CoarseWatch(TorchDispatchMode):
    """Notes which sensitive functions torch computes, and which of them in half precision.

    Attributes:
        seen: Names of all.
        coarse: Names of those in half precision.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.coarse: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
        name = func.overloadpacket.__name__
        if name in set().union(*SENSITIVE.values()) | {"log1p", "expm1", "cumsum", "logsumexp", "var", "pow"}:
            self.seen.add(name)
            if any(isinstance(arg, Tensor) and arg.dtype in (torch.float16, torch.bfloat16) for arg in args):
                self.coarse.add(name)
        return func(*args, **(kwargs or {}))
