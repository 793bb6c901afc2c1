"""What the trainings of all acoustic models share."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonorant.audio.griffin_lim import griffin_lim
from sonorant.config import AcousticRecipe
from sonorant.features.batch import AcousticBatch, acoustic_batch
from sonorant.features.store import FeatureStore
from sonorant.models.acoustic_losses import LossTerm
from sonorant.synthesis.acoustic import AcousticModel
from sonorant.synthesis.runtime import Runtime
from sonorant.synthesis.style import Style
from sonorant.synthesis.torch_runtime import TorchRuntime
from sonorant.text.symbols import symbol_table
from sonorant.training.pictures import draw_mels
from sonorant.training.processes import Processes
from sonorant.training.samples import Samples
from sonorant.training.task import EVALUATION_SEED, NUM_SAMPLES, Task, evaluating

RecipeT = TypeVar("RecipeT", bound=AcousticRecipe)
OutputT = TypeVar("OutputT")


class AcousticTask(Task[AcousticBatch], Generic[RecipeT, OutputT]):
    """A network that reads symbols and makes mels; what is trained beside it, as judges, has an optimiser of its own.

    A model says what it is (`make_network`), how it reads a batch (`forward`), what its loss terms are, how many things
    they count and how much they weigh (`losses`, `term_counts`, `weights`), and what there is to look at.
    """

    trained = "model"

    def __init__(
        self, recipe: RecipeT, store: FeatureStore, processes: Processes, judges: Mapping[str, nn.Module] | None = None
    ) -> None:
        self.recipe = recipe
        self.table = symbol_table(store.config.frontend.symbols)
        self.model = self.make_network(store).train()
        super().__init__(recipe, store, processes, {"model": self.model, **(judges or {})})

    @abstractmethod
    def make_network(self, store: FeatureStore) -> nn.Module:
        """Return the network with its first weights."""

    @abstractmethod
    def forward(self, network: nn.Module, batch: AcousticBatch) -> OutputT:
        """Run the network on a micro-batch, teacher-forced."""

    @abstractmethod
    def losses(self, output: OutputT, batch: AcousticBatch, step: int) -> dict[str, LossTerm]:
        """Return the loss terms of one micro-batch whose weight at this step is not 0."""

    @abstractmethod
    def term_counts(self, batches: Sequence[AcousticBatch]) -> Mapping[str, int]:
        """Return how many things each loss term is summed over in a global batch, before any network has run."""

    @abstractmethod
    def weights(self, step: int) -> Mapping[str, float]:
        """Return the weight of each loss term at an optimiser step."""

    @property
    @abstractmethod
    def last_weights_step(self) -> int:
        """From this step on the weights stay what they are; validation uses those."""

    @abstractmethod
    def quality(self, output: OutputT, batch: AcousticBatch) -> Mapping[str, Tensor]:
        """Measure the alignment of each utterance, and what else is no loss: name -> (B,)."""

    @abstractmethod
    def predicted_mel(self, output: OutputT) -> Tensor:
        """Return the mel that the network makes of the recording's own course: (B, n_mels, T)."""

    @abstractmethod
    def draw_alignment(self, output: OutputT, batch: AcousticBatch) -> NDArray[np.uint8]:
        """Draw the alignment of the first utterance of a batch."""

    @abstractmethod
    def driver(self, runtime: Runtime) -> AcousticModel:
        """Return what speaks with the network in a voice."""

    def train_step(self, batches: Sequence[AcousticBatch], step: int, learning_rate_factor: float) -> dict[str, Tensor]:
        """Divide each micro-batch's sums by the counts of the global batch: the gradients add up to the mean's."""
        counts, weights = self.processes.sum_counts(self.term_counts(batches)), self.weights(step)
        totals: dict[str, Tensor] = {}
        for batch in self.micro_batches(batches, step):
            terms = self.terms(self.model, batch, step)
            parts = {name: term.sum / counts[name] for name, term in terms.items()}
            parts["total"] = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
            self.backward(parts["total"])
            for name, part in parts.items():
                totals[name] = totals.get(name, 0.0) + part.detach()
        totals, norm = self.updaters["model"].apply(totals, learning_rate_factor)
        return {**totals, "gradient norm": norm}

    def terms(self, network: nn.Module, batch: AcousticBatch, step: int) -> dict[str, LossTerm]:
        """Return the loss terms of one micro-batch in the recipe's precision, as sums and without their weights."""
        with self.autocast():
            output = self.forward(network, batch)
        return self.losses(output, batch, step)

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return every loss term and the total, at the weights of the end of the run, and the alignment's quality."""
        sums: dict[str, float] = {}
        counts: dict[str, float] = {}
        end = self.last_weights_step
        with evaluating(network):
            for batch in self._validation_batches():
                output = self.forward(network, batch)
                for name, term in (self.losses(output, batch, end) | self._quality_terms(output, batch)).items():
                    sums[name] = sums.get(name, 0.0) + float(term.sum)
                    counts[name] = counts.get(name, 0.0) + float(term.count)
        means = {name: sums[name] / counts[name] for name in sums}
        weights = self.weights(end)
        return means | {"total": sum(weight * means[name] for name, weight in weights.items() if name in means)}

    @torch.no_grad()
    def samples(self, network: nn.Module) -> Samples:
        """Speak validation texts through Griffin-Lim, and draw what was aligned and predicted."""
        samples = Samples()
        with evaluating(network):
            for index, entry in enumerate(self.store.split("validation")[:NUM_SAMPLES]):
                batch = acoustic_batch(self.store, [entry]).to(self.device)
                output, spoken = self.forward(network, batch), self.speak(network, batch)
                mels = {"recording": batch.mel[0], "predicted": self.predicted_mel(output)[0]}
                arrays = {name: mel.float().cpu().numpy() for name, mel in mels.items()}
                samples.pictures[f"mel {index}"] = draw_mels(arrays | {"spoken": spoken})
                samples.pictures[f"alignment {index}"] = self.draw_alignment(output, batch)
                samples.audio[f"spoken {index}"] = np.clip(griffin_lim(spoken, self.store.config.mel), -1, 1)
        return samples

    def speak(self, network: nn.Module, batch: AcousticBatch) -> NDArray[np.float32]:
        """Make a mel of the symbols of the first utterance alone, as a voice does: (n_mels, T)."""
        runtime = TorchRuntime({self.recipe.task: lambda: network}, device=str(self.device))
        ids = batch.symbols[0, : batch.symbol_lengths[0]].cpu().numpy()
        style = Style(
            speaker_id=int(batch.speaker_ids[0]),
            speed=1.0,
            pitch_scale=1.0,
            pitch_offset=0.0,
            seed=EVALUATION_SEED,
            denoise=0.0,
        )
        return self.driver(runtime).speak([ids], style)[0].mel

    def num_frames(self, batch: AcousticBatch) -> int:
        """Count the frames of every utterance."""
        return int(batch.mel_lengths.sum())

    def labels(self, batch: AcousticBatch) -> tuple[str, ...]:
        """Name the symbols of the first utterance of a batch."""
        return self.table.decode(batch.symbols[0, : batch.symbol_lengths[0]].tolist())

    def _quality_terms(self, output: OutputT, batch: AcousticBatch) -> dict[str, LossTerm]:
        count = torch.tensor(len(batch.utterance_ids))
        return {name: LossTerm(values.sum(), count) for name, values in self.quality(output, batch).items()}

    def _validation_batches(self) -> Iterator[AcousticBatch]:
        """Yield the validation split, shortest utterances first, which pads the least."""
        entries = sorted(self.store.split("validation"), key=lambda entry: entry.num_frames)
        size = self.recipe.batch.micro_batch or self.recipe.batch.global_batch
        for start in range(0, len(entries), size):
            yield acoustic_batch(self.store, entries[start : start + size]).to(self.device)
