"""Learning rates as pure functions of the step, so that nothing of a schedule has to be saved."""

import math

from sonorant.config import ScheduleConfig


def learning_rate_factor(config: ScheduleConfig, step: int, steps_per_epoch: int, num_steps: int) -> float:
    """Return what the optimiser's learning rate is multiplied by in one step.

    Args:
        config: The schedule.
        step: The optimiser step, counted from 0.
        steps_per_epoch: Decides when a schedule falls that counts epochs.
        num_steps: The last step of the run, where a cosine ends.

    Example:
        >>> noam = ScheduleConfig(kind="inverse_sqrt", warmup_steps=1000)
        >>> [round(learning_rate_factor(noam, step, 49, 49_000), 5) for step in (0, 499, 999, 3999)]
        [3e-05, 0.01581, 0.03162, 0.01581]
    """
    warmup = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    match config.kind:
        case "constant":
            return warmup
        case "exponential":
            return warmup * float(config.gamma ** (step // steps_per_epoch))
        case "inverse_sqrt":  # Vaswani et al. 2017, section 5.3, without the model's width
            return warmup / math.sqrt(max(step + 1, config.warmup_steps))
        case "cosine":
            return warmup * _cosine(config, step, num_steps)
        case "milestones":
            passed = sum(step // steps_per_epoch >= epoch for epoch in config.milestones)
            return warmup * float(config.gamma**passed)


def _cosine(config: ScheduleConfig, step: int, num_steps: int) -> float:
    """Fall from 1 at the end of the warm-up to `final_factor` at the last step (Loshchilov and Hutter 2017)."""
    length = max(1, num_steps - 1 - config.warmup_steps)
    done = min(1.0, max(0.0, (step - config.warmup_steps) / length))
    return config.final_factor + (1 - config.final_factor) * 0.5 * (1 + math.cos(math.pi * done))
