"""The training of FastPitch with its aligner."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from sonorant.config import FastPitchRecipe
from sonorant.errors import ConfigError
from sonorant.features.batch import AcousticBatch
from sonorant.features.store import FeatureStore
from sonorant.models.acoustic_losses import LossTerm, fastpitch_losses, loss_weights
from sonorant.models.fastpitch import FastPitch, FastPitchOutput
from sonorant.synthesis.acoustic import AcousticModel
from sonorant.synthesis.fastpitch import FastPitchModel
from sonorant.synthesis.runtime import Runtime
from sonorant.text.symbols import pause_ids
from sonorant.training.acoustic_task import AcousticTask
from sonorant.training.alarms import Alarm, OverfittingAlarm, UnalignedAlarm
from sonorant.training.alignment import ALIGNMENT_METRICS, agreement, alignment_quality
from sonorant.training.early_stop import Better
from sonorant.training.pictures import draw_alignment
from sonorant.training.smoothness import variance_error

UNALIGNED = UnalignedAlarm("mel", {"diagonality": 0.8, "focus": 0.3}, "raise loss.alignment")


class FastPitchTask(AcousticTask[FastPitchRecipe, FastPitchOutput]):
    """Mel, durations, pitch and energy, and the aligner that says which frames are whose."""

    best_metric = "mel"
    validation_metrics: ClassVar[Mapping[str, Better]] = {
        **dict.fromkeys(("mel", "duration", "pitch", "energy", "alignment", "binarization", "total"), "lower"),
        **ALIGNMENT_METRICS,
        "agreement": "higher",
        "variance": "lower",
    }
    alarms: tuple[Alarm, ...] = (UNALIGNED, OverfittingAlarm(best_metric))

    def make_network(self, store: FeatureStore) -> nn.Module:
        """See `AcousticTask.make_network`."""
        sizes = len(self.table), len(store.speakers), store.config.mel.n_mels
        network = FastPitch(self.recipe.model, *sizes, *pause_ids(self.table.symbols))
        if self.recipe.trainable is not None:
            freeze_all_but(network, self.recipe.trainable)
        return network

    def forward(self, network: nn.Module, batch: AcousticBatch) -> FastPitchOutput:
        """See `AcousticTask.forward`."""
        output: FastPitchOutput = network(
            batch.symbols, batch.symbol_lengths, batch.mel, batch.mel_lengths,
            batch.pitch, batch.voiced, batch.energy, batch.speaker_ids,
        )  # fmt: skip
        return output

    def losses(self, output: FastPitchOutput, batch: AcousticBatch, step: int) -> dict[str, LossTerm]:
        """See `AcousticTask.losses`."""
        return fastpitch_losses(output, batch.mel, batch.mel_lengths, batch.symbol_lengths, self.recipe.loss, step)

    def term_counts(self, batches: Sequence[AcousticBatch]) -> Mapping[str, int]:
        """See `AcousticTask.term_counts`."""
        frames = sum(int(batch.mel_lengths.sum()) for batch in batches)
        symbols = sum(int(batch.symbol_lengths.sum()) for batch in batches)
        return {
            "mel": frames * batches[0].mel.shape[1],
            "duration": symbols,
            "pitch": symbols,
            "energy": symbols,
            "alignment": sum(len(batch.utterance_ids) for batch in batches),
            "binarization": frames,
        }

    def weights(self, step: int) -> Mapping[str, float]:
        """See `AcousticTask.weights`."""
        return loss_weights(self.recipe.loss, step)

    @property
    def last_weights_step(self) -> int:
        """See `AcousticTask.last_weights_step`."""
        return self.recipe.loss.binarization_start + self.recipe.loss.binarization_warmup

    def quality(self, output: FastPitchOutput, batch: AcousticBatch) -> Mapping[str, Tensor]:
        """See `AcousticTask.quality`."""
        measured = alignment_quality(output.attention, batch.mel_lengths, batch.symbol_lengths)
        return measured | {
            "agreement": agreement(output.attention, output.hard_alignment, batch.mel_lengths),
            "variance": variance_error(output.mel, batch.mel, batch.mel_lengths),
        }

    def predicted_mel(self, output: FastPitchOutput) -> Tensor:
        """See `AcousticTask.predicted_mel`."""
        return output.mel

    def draw_alignment(self, output: FastPitchOutput, batch: AcousticBatch) -> NDArray[np.uint8]:
        """See `AcousticTask.draw_alignment`."""
        soft, durations = output.attention[0].float().cpu().numpy(), output.durations[0].cpu().numpy()
        return draw_alignment(soft, self.labels(batch), durations)

    def driver(self, runtime: Runtime) -> AcousticModel:
        """See `AcousticTask.driver`."""
        return FastPitchModel(runtime, self.recipe.model, self.store.config.mel)


def freeze_all_but(network: nn.Module, parts: Sequence[str]) -> None:
    """Let only these parts of a network learn.

    Raises:
        ConfigError: It has no such part.
    """
    children = dict(network.named_children())
    network.requires_grad_(False)
    for part in parts:
        if part not in children:
            raise ConfigError(f"trainable: the model has no part {part!r}; its parts are {', '.join(children)}")
        children[part].requires_grad_(True)
