"""The last third of a training step: gradients are checked, clipped and applied."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Adam, AdamW, Optimizer

from sonorant.config import OptimizerConfig
from sonorant.training.guard import Guard
from sonorant.training.lamb import Lamb
from sonorant.training.processes import Processes


class Updater:
    """One network with its optimiser; what is frozen when it is made stays out of it.

    Args:
        name: Of the network, for messages.
        network: What is updated.
        config: The optimiser.
        processes: Those that train the same network.
        scaler: Of the losses; it does nothing in any precision but fp16.
        guard: Says whether to update, in every precision but fp16.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        config: OptimizerConfig,
        processes: Processes,
        scaler: GradScaler,
        guard: Guard,
    ) -> None:
        self.name = name
        self.parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self.config = config
        self.processes = processes
        self.scaler = scaler
        self.guard = guard
        self.optimizer = make_optimizer(self.parameters, config)

    def apply(self, losses: Mapping[str, Tensor], learning_rate_factor: float) -> tuple[dict[str, Tensor], Tensor]:
        """Update the network with the gradients that the processes hold, and clear them.

        If a loss or the gradient norm is not finite the network stays as it was, and the guard knows why; under fp16 it
        is the scaler that skips the step and lowers the scale of the losses. Both leave it to the optimiser to skip, on
        the device, which nothing here waits for.

        Args:
            losses: This process's part of what the gradients belong to.
            learning_rate_factor: Multiplies the optimiser's learning rate in this step.

        Returns:
            The losses, added over the processes, and the norm of the gradients before clipping.
        """
        totals = self._total(losses)
        self.processes.sum_gradients(self.parameters)
        self.scaler.unscale_(self.optimizer)
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if not self.scaler.is_enabled():
            skip = self.guard.watch({**totals, f"gradient norm of the {self.name}": norm})
            self.optimizer.found_inf = skip  # type: ignore[attr-defined]  # where GradScaler would leave its verdict
        if self.config.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(self.parameters, self.config.clip_norm, norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * learning_rate_factor
        self.scaler.step(self.optimizer)
        self.optimizer.zero_grad(set_to_none=True)
        return totals, norm

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with an optimiser's saved state; how its updates are computed is not among it."""
        groups = [
            {**saved, "fused": own["fused"]} if "fused" in own else saved
            for saved, own in zip(state["param_groups"], self.optimizer.param_groups, strict=True)
        ]
        self.optimizer.load_state_dict({**state, "param_groups": groups})

    def _total(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if not losses:
            return {}
        values = self.processes.sum(torch.stack([loss.detach().float() for loss in losses.values()]))
        return dict(zip(losses, values, strict=True))


def make_optimizer(parameters: Iterable[Tensor], config: OptimizerConfig) -> Optimizer:
    """Return the optimiser that a recipe names; each skips the update if its `found_inf` is not 0."""
    rate, decay = config.learning_rate, config.weight_decay
    match config.kind:
        case "adam":
            return Adam(parameters, rate, config.betas, config.epsilon, decay, fused=True)
        case "adamw":
            return AdamW(parameters, rate, config.betas, config.epsilon, decay, fused=True)
        case "lamb":
            return Lamb(parameters, rate, config.betas, config.epsilon, decay)
