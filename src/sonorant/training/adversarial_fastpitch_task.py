"""The training of FastPitch against discriminators of its mels."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import ClassVar

import torch
from torch import Tensor, nn

from sonorant.config import FastPitchRecipe
from sonorant.features.batch import AcousticBatch
from sonorant.features.store import FeatureStore
from sonorant.models.acoustic_losses import LossTerm
from sonorant.models.fastpitch import FastPitchOutput
from sonorant.models.mel_adversarial_losses import mel_adversarial_loss, mel_discriminator_loss, mel_feature_loss
from sonorant.models.mel_discriminators import MelDiscriminators, MelJudgement
from sonorant.training.alarms import judge_alarms
from sonorant.training.early_stop import Better
from sonorant.training.fastpitch_task import UNALIGNED, FastPitchTask
from sonorant.training.processes import Processes

JUDGED = ("discriminator", "adversarial", "feature")
"""The terms that the judges add."""


class AdversarialFastPitchTask(FastPitchTask):
    """FastPitch's terms, which alone make mels smoother than recordings, and judges who tell the two apart.

    Both networks learn from one pass over a micro-batch, each from its own terms: the judges' see a detached mel, the
    model's see judges that do not learn. The error of the mel rises on the way, so the best checkpoint is the one whose
    bands vary most like the recordings'.
    """

    best_metric = "variance"
    validation_metrics: ClassVar[Mapping[str, Better]] = {
        **FastPitchTask.validation_metrics,
        **dict.fromkeys(JUDGED, "lower"),
    }

    def __init__(self, recipe: FastPitchRecipe, store: FeatureStore, processes: Processes) -> None:
        assert recipe.discriminators
        self.discriminators = MelDiscriminators(recipe.discriminators, store.config.mel.n_mels)
        super().__init__(recipe, store, processes, {"discriminators": self.discriminators})
        self.alarms = UNALIGNED, *judge_alarms(len(self.discriminators.judges))

    def train_step(self, batches: Sequence[AcousticBatch], step: int, learning_rate_factor: float) -> dict[str, Tensor]:
        """Take the model's step, then the judges'."""
        values = super().train_step(batches, step, learning_rate_factor)
        _, norm = self.updaters["discriminators"].apply({}, learning_rate_factor)
        own = values["total"] - values["discriminator"]
        return {**values, "total": own, "discriminators' gradient norm": norm}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """See `AcousticTask.validate`; the total is the model's own, as in training."""
        values = super().validate(network)
        return values | {"total": values["total"] - values["discriminator"]}

    def losses(self, output: FastPitchOutput, batch: AcousticBatch, step: int) -> dict[str, LossTerm]:
        """See `AcousticTask.losses`."""
        terms = super().losses(output, batch, step)
        recorded = self._judge(batch.mel, batch)
        terms["discriminator"] = mel_discriminator_loss(recorded, self._judge(output.mel.detach(), batch))
        if step < self.recipe.loss.adversarial_start:
            return terms
        self.discriminators.requires_grad_(False)
        judged = self._judge(output.mel, batch)
        self.discriminators.requires_grad_(True)
        return terms | {"adversarial": mel_adversarial_loss(judged), "feature": mel_feature_loss(recorded, judged)}

    def term_counts(self, batches: Sequence[AcousticBatch]) -> Mapping[str, int]:
        """See `AcousticTask.term_counts`."""
        utterances = sum(len(batch.utterance_ids) for batch in batches)
        return {**super().term_counts(batches), **dict.fromkeys(JUDGED, utterances)}

    def weights(self, step: int) -> Mapping[str, float]:
        """See `AcousticTask.weights`; the judges' loss is all of their gradient, so it counts as it is."""
        loss = self.recipe.loss
        judged = step >= loss.adversarial_start
        return {
            **super().weights(step),
            "discriminator": 1.0,
            "adversarial": loss.adversarial * judged,
            "feature": loss.feature * judged,
        }

    @property
    def last_weights_step(self) -> int:
        """See `AcousticTask.last_weights_step`."""
        return max(super().last_weights_step, self.recipe.loss.adversarial_start)

    def _judge(self, mel: Tensor, batch: AcousticBatch) -> list[MelJudgement]:
        """Judge in the precision of the run where something is learned from it, and in float32 to measure."""
        with self.autocast() if torch.is_grad_enabled() else nullcontext():
            judgements: list[MelJudgement] = self.discriminators(mel, batch.mel_lengths)
        return judgements
