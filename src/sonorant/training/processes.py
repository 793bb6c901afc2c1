"""The processes that train one model together, each on its own device.

Losses are sums divided by counts over the global batch, so gradients are added over processes, not averaged. They are
added once per optimiser step, after the last micro-batch, in buckets. torch's DistributedDataParallel would begin while
the last backward pass still runs; but it wants every forward pass to go through its wrapper and every parameter to be
used in each, which a GAN's two halves and a loss whose terms come and go do not offer.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from sonorant.errors import RequestError

BUCKET_NUMBERS = 8_000_000
"""Gradients are added in messages of about so many numbers."""

TIMEOUT = timedelta(hours=2)
"""How long processes wait for each other: the first validates and saves while the others stand still."""

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """This process among those of a run; alone, the sums change nothing.

    Attributes:
        rank: Its number, from 0.
        count: How many there are.
        device: Where it computes.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """Return those of a step's micro-batches that are this process's.

        Example:
            >>> Processes(rank=1, count=2).share(["a", "b", "c", "d"])
            ['b', 'd']
        """
        return items[self.rank :: self.count]

    def sum(self, values: Tensor) -> Tensor:
        """Add a tensor over the processes, in place."""
        if self.count > 1:
            dist.all_reduce(values)
        return values

    def sum_counts(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Add whole numbers over the processes."""
        values = self.sum(torch.tensor(list(counts.values())))
        return dict(zip(counts, values.tolist(), strict=True))

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Add the gradients over the processes; a parameter that got none in this one counts as zeros."""
        if self.count == 1:
            return
        for bucket in _buckets(parameters):
            for parameter in bucket:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
            gradients = [parameter.grad for parameter in bucket if parameter.grad is not None]
            message = self.sum(torch.cat([gradient.flatten() for gradient in gradients]))
            parts = torch.split(message, [gradient.numel() for gradient in gradients])
            for gradient, part in zip(gradients, parts, strict=True):
                gradient.copy_(part.view_as(gradient))

    def any(self, flag: bool) -> bool:
        """Say whether any of the processes says yes."""
        return bool(self.sum(torch.tensor(int(flag)))) if self.count > 1 else flag

    @contextmanager
    def failing_together(self) -> Iterator[None]:
        """Enclose what this process does alone while the others go on to their next `any`, which says yes if it fails.

        Otherwise they would find the connection broken, and bury its message under theirs.
        """
        try:
            yield
        except BaseException:
            self.any(True)
            raise

    def broadcast(self, network: nn.Module) -> None:
        """Give every process the weights and buffers of the first."""
        if self.count > 1:
            for tensor in network.state_dict().values():
                dist.broadcast(tensor, src=0)


@contextmanager
def joined() -> Iterator[Processes]:
    """Meet the other processes, if a launcher such as torchrun started this one among several, and part at the end.

    Raises:
        RequestError: This process has no device of its own.
    """
    rank, count = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    device = _own_device(int(os.environ.get("LOCAL_RANK", "0")))
    if count == 1:
        yield Processes(device=device)
        return
    # Counts and flags travel between CPUs, so that no one waits for a GPU because of them.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=TIMEOUT, device_id=device if device.type == "cuda" else None)
    try:
        yield Processes(rank, count, device)
    finally:
        dist.destroy_process_group()


def _own_device(local_rank: int) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    number = torch.cuda.device_count()
    if local_rank >= number:
        raise RequestError(f"process {local_rank} of this machine: it has {number} GPU(s); start at most as many")
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


def _buckets(parameters: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    for parameter in parameters:
        bucket.append(parameter)
        if sum(member.numel() for member in bucket) >= BUCKET_NUMBERS:
            yield bucket
            bucket = []
    if bucket:
        yield bucket
