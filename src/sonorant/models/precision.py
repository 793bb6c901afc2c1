"""The four precisions of networks, in torch's terms, and the islands of float32 inside networks."""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Precision -> type of the numbers that are multiplied."""

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


def allow_tf32(precision: str) -> None:
    """Let a GPU's products of float32 matrices round their inputs to TF32 in that precision, and in no other."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context of a forward pass; losses stay outside of it."""
    dtype = DTYPES[precision]
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


@contextmanager
def computing(device: torch.device, precision: str) -> Iterator[None]:
    """Compute forward passes in a precision, and leave the process with the TF32 setting that it had."""
    products, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    allow_tf32(precision)
    try:
        with autocast(device, precision):
            yield
    finally:
        torch.set_float32_matmul_precision(products)
        torch.backends.cudnn.allow_tf32 = convolutions


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return the context of an island; what comes from outside of it may still be in half precision."""
    # A device without autocast, as "meta", may compute here too.
    return torch.autocast(device.type, enabled=False) if torch.amp.is_autocast_available(device.type) else nullcontext()


def in_float32(compute: Callable[P, ResultT]) -> Callable[P, ResultT]:
    """Make a function an island: it computes in float32 under any autocast and whatever it is given.

    Tensors of 16-bit numbers among its arguments become float32 first; float64 stays. It must be said in so many words,
    because what autocast leaves in float32 differs between CPUs and GPUs.

    Example:
        >>> one = torch.ones(1, 1)
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     torch.matmul(one, one).dtype, in_float32(torch.matmul)(one.bfloat16(), one).dtype
        (torch.bfloat16, torch.float32)
    """

    @functools.wraps(compute)
    def island(*args: P.args, **kwargs: P.kwargs) -> ResultT:
        given = (*args, *kwargs.values())
        device = next(argument.device for argument in given if isinstance(argument, Tensor))
        with without_autocast(device):
            return compute(*map(_widened, args), **{name: _widened(value) for name, value in kwargs.items()})

    return island


def _widened(argument: Any) -> Any:
    is_narrow = isinstance(argument, Tensor) and argument.dtype in (torch.float16, torch.bfloat16)
    return argument.float() if is_narrow else argument
