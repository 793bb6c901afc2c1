"""The training of Tacotron 2."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from sonorant.config import Tacotron2Recipe
from sonorant.features.batch import AcousticBatch
from sonorant.features.store import FeatureStore
from sonorant.models.acoustic_losses import LossTerm
from sonorant.models.tacotron2 import Tacotron2, Tacotron2Output
from sonorant.models.tacotron2_convs import settle_statistics
from sonorant.models.tacotron2_losses import tacotron2_loss_weights, tacotron2_losses
from sonorant.synthesis.acoustic import AcousticModel
from sonorant.synthesis.runtime import Runtime
from sonorant.synthesis.tacotron2 import Tacotron2Model
from sonorant.training.acoustic_task import AcousticTask
from sonorant.training.alarms import OverfittingAlarm, UnalignedAlarm
from sonorant.training.alignment import ALIGNMENT_METRICS, alignment_quality
from sonorant.training.early_stop import Better
from sonorant.training.pictures import draw_alignment


class Tacotron2Task(AcousticTask[Tacotron2Recipe, Tacotron2Output]):
    """Frame by frame, with an attention that has to find its own way along the text.

    Batch normalisation takes its statistics from one micro-batch at a time: they, and by them the gradient, depend on
    `batch.micro_batch`, not on the number of processes. All else is independent of how a batch is split.
    """

    best_metric = "postnet"
    validation_metrics: ClassVar[Mapping[str, Better]] = {
        **dict.fromkeys(("mel", "postnet", "stop", "monotonicity", "total"), "lower"),
        **ALIGNMENT_METRICS,
    }
    alarms = (
        UnalignedAlarm("postnet", {"diagonality": 0.8, "focus": 0.3}, "raise loss.guided_attention or its steps"),
        OverfittingAlarm(best_metric),
    )

    def make_network(self, store: FeatureStore) -> nn.Module:
        """See `AcousticTask.make_network`."""
        mel = store.config.mel
        return Tacotron2(self.recipe.model, len(self.table), len(store.speakers), mel.n_mels)

    def forward(self, network: nn.Module, batch: AcousticBatch) -> Tacotron2Output:
        """See `AcousticTask.forward`."""
        output: Tacotron2Output = network(
            batch.symbols, batch.symbol_lengths, batch.mel, batch.mel_lengths, batch.speaker_ids
        )
        return output

    def losses(self, output: Tacotron2Output, batch: AcousticBatch, step: int) -> dict[str, LossTerm]:
        """See `AcousticTask.losses`."""
        return tacotron2_losses(output, batch.mel, batch.mel_lengths, batch.symbol_lengths, self.recipe.loss, step)

    def term_counts(self, batches: Sequence[AcousticBatch]) -> Mapping[str, int]:
        """See `AcousticTask.term_counts`."""
        reduction = self.recipe.model.reduction_factor
        values = steps = pairs = 0
        for batch in batches:
            batch_steps = (batch.mel_lengths + reduction - 1) // reduction
            values += int(batch.mel_lengths.sum()) * batch.mel.shape[1]
            steps += int(batch_steps.sum())
            pairs += int((batch_steps * batch.symbol_lengths).sum())
        return {"mel": values, "postnet": values, "stop": steps, "guided_attention": pairs, "monotonicity": steps}

    def train_step(self, batches: Sequence[AcousticBatch], step: int, learning_rate_factor: float) -> dict[str, Tensor]:
        """Take the step, then move the averages of the batch normalisations."""
        values = super().train_step(batches, step, learning_rate_factor)
        settle_statistics(self.model, self.processes.sum)
        return values

    def weights(self, step: int) -> Mapping[str, float]:
        """See `AcousticTask.weights`."""
        return tacotron2_loss_weights(self.recipe.loss, step)

    @property
    def last_weights_step(self) -> int:
        """See `AcousticTask.last_weights_step`."""
        return self.recipe.loss.guided_attention_steps

    def quality(self, output: Tacotron2Output, batch: AcousticBatch) -> Mapping[str, Tensor]:
        """See `AcousticTask.quality`."""
        return alignment_quality(output.alignment, output.steps, batch.symbol_lengths)

    def predicted_mel(self, output: Tacotron2Output) -> Tensor:
        """See `AcousticTask.predicted_mel`."""
        return output.mel_postnet

    def draw_alignment(self, output: Tacotron2Output, batch: AcousticBatch) -> NDArray[np.uint8]:
        """See `AcousticTask.draw_alignment`."""
        return draw_alignment(output.alignment[0].float().cpu().numpy(), self.labels(batch))

    def driver(self, runtime: Runtime) -> AcousticModel:
        """See `AcousticTask.driver`."""
        return Tacotron2Model(runtime, self.recipe.model, self.store.config.mel.n_mels)
