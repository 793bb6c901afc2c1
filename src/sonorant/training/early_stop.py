"""Ending a run that gets no better, where the recipe asks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sonorant.config import RunConfig
from sonorant.errors import ConfigError
from sonorant.training.metrics import Line

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class EarlyStop:
    """Looks at all validations so far, so that a resumed run ends where one that was never interrupted does.

    Attributes:
        metric: The validation metric to look at.
        patience: After so many validations in a row without improvement the run ends.
        better: Whether lower or higher values are.
    """

    metric: str
    patience: int
    better: Better

    def check(self, validations: Sequence[Line]) -> str | None:
        """Return why the run should end at the last validation, or None.

        Raises:
            ConfigError: The validations do not measure the metric.

        Example:
            >>> stop = EarlyStop("mel", patience=2, better="lower")
            >>> stop.check([{"step": 10 * n, "mel": mel} for n, mel in enumerate((0.5, 0.4, 0.6), start=1)])
            >>> stop.check([{"step": 10 * n, "mel": mel} for n, mel in enumerate((0.5, 0.4, 0.6, 0.4), start=1)])
            'mel has not improved on 0.4 of step 20 in 2 validation(s)'
        """
        if self.metric not in validations[-1]:
            raise ConfigError(f"run.stop_metric: {self.metric} is not measured with this recipe's losses")
        sign = 1 if self.better == "lower" else -1
        values = [sign * line[self.metric] for line in validations if self.metric in line]
        best = values.index(min(values))
        if len(values) - 1 - best < self.patience:
            return None
        step = validations[best]["step"]
        return (
            f"{self.metric} has not improved on {sign * values[best]:.4g} of step {step} in {self.patience} "
            "validation(s)"
        )


def make_early_stop(settings: RunConfig, metrics: Mapping[str, Better]) -> EarlyStop | None:
    """Return the early stop that a recipe asks for, if it does.

    Args:
        settings: The recipe's.
        metrics: Name of each metric that the task's validation may report -> which values are better.

    Raises:
        ConfigError: The task has no such metric.
    """
    if settings.stop_metric is None:
        return None
    if settings.stop_metric not in metrics:
        raise ConfigError(f"run.stop_metric: no metric {settings.stop_metric!r}; there are {', '.join(metrics)}")
    return EarlyStop(settings.stop_metric, settings.stop_patience, metrics[settings.stop_metric])
