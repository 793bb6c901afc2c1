"""What keeps numbers that are not finite out of the weights, without a wait for the device in every step."""

from collections.abc import Mapping
from math import isfinite

import torch
from torch import Tensor


class NonFinite(Exception):
    """A loss or a gradient norm is NaN or infinite; `quantity` names it with its value, `step` is where it was."""

    def __init__(self, step: int, quantity: str) -> None:
        super().__init__(f"step {step}: {quantity}")
        self.step = step
        self.quantity = quantity


class Guard:
    """Blocks every update from the first number on that is not finite, and says which it was when it is asked.

    The verdict stays on the device, where the optimisers read it, so the steps between two checks wait for nothing. As
    nothing is updated any more, the networks are then still what they were when the number came up.

    Example:
        >>> guard = Guard(torch.device("cpu"))
        >>> for step, loss in enumerate([0.5, float("nan"), 0.25]):
        ...     guard.begin(step)
        ...     guard.watch({"mel": torch.tensor(loss)}).item()  # 1: skip the update
        0.0
        1.0
        1.0
        >>> guard.check()
        Traceback (most recent call last):
        sonorant.training.guard.NonFinite: step 1: mel = nan
    """

    def __init__(self, device: torch.device) -> None:
        self._broken = torch.zeros((), device=device)
        self._step = 0
        self._watched: list[tuple[int, tuple[str, ...], Tensor]] = []

    def begin(self, step: int) -> None:
        """Let what is watched from here on belong to a step."""
        self._step = step

    def watch(self, quantities: Mapping[str, Tensor]) -> Tensor:
        """Return, as a number on the device, 1 if the update is to be skipped and 0 if not."""
        values = torch.stack([value.detach().float() for value in quantities.values()])
        self._watched.append((self._step, tuple(quantities), values))
        self._broken = torch.maximum(self._broken, (~torch.isfinite(values)).any().float())
        return self._broken

    def check(self) -> None:
        """Look at everything that was watched since the last check; this waits for the device once.

        Raises:
            NonFinite: A number is NaN or infinite; the first is named.
        """
        if not self._watched:
            return
        watched, self._watched = self._watched, []
        numbers = iter(torch.cat([values for _, _, values in watched]).tolist())
        for step, names, _ in watched:
            for name in names:
                if not isfinite(number := next(numbers)):
                    raise NonFinite(step, f"{name} = {number}")
