"""LAMB: Adam whose step is scaled for each tensor to the size of that tensor."""

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim import Optimizer


class Lamb(Optimizer):
    """The optimiser of large batches (You et al. 2020, algorithm 2), with the identity as its scaling function.

    A tensor of zeros, or one whose update is zero, is moved by the update itself.

    Attributes:
        found_inf: Where this is a number on the device that is not 0, `step` changes nothing; as with torch's fused
            optimisers it is for GradScaler, or whoever else looks at the gradients, to set.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
        >>> (weight * torch.tensor([1.0, 2.0])).sum().backward()
        >>> Lamb([weight], lr=0.1, epsilon=1e-12).step()
        >>> weight.data  # an update of (1, 1), scaled to the weight's norm: 5 / sqrt(2) * 0.1 from each
        tensor([2.6464, 3.6464])
    """

    found_inf: Tensor | None = None
    _step_supports_amp_scaling = True  # what GradScaler asks for

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "epsilon": epsilon, "weight_decay": weight_decay})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a saved state; the number of steps, once a plain number, lies on the parameter's device."""
        super().__setstate__(state)
        for saved in self.state.values():
            saved["step"] = torch.as_tensor(saved["step"], dtype=torch.float32, device=saved["mean"].device)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            state["mean"] = torch.zeros_like(parameter)
            state["square"] = torch.zeros_like(parameter)
        beta1, beta2 = group["betas"]
        taken = torch.ones((), dtype=parameter.dtype, device=parameter.device)
        if self.found_inf is not None:
            taken *= self.found_inf == 0  # 0: every number below stays as it was
            gradient.masked_fill_(taken == 0, 0.0)
        state["step"] += taken
        step = state["step"].clamp(min=1)  # even the first may be skipped
        mean: Tensor = state["mean"].lerp_(gradient, (1 - beta1) * taken)
        square: Tensor = state["square"].mul_(1 - (1 - beta2) * taken).addcmul_(gradient, gradient, value=1 - beta2)
        root = (square / (1 - beta2**step)).sqrt_().add_(group["epsilon"])
        update = (mean / (1 - beta1**step)).div_(root).add_(parameter, alpha=group["weight_decay"])
        parameter.sub_(update * (group["lr"] * taken * _trust_ratio(parameter, update)))


def _trust_ratio(parameter: Tensor, update: Tensor) -> Tensor:
    """Return |parameter| / |update|, or 1 where either is zero; no value leaves the device."""
    size, change = parameter.norm(), update.norm()
    return torch.where((size > 0) & (change > 0), size / change, torch.ones_like(size))
