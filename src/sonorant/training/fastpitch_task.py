"""The training of FastPitch with its aligner."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sonorant.audio.griffin_lim import griffin_lim
from sonorant.config import FastPitchRecipe
from sonorant.features.batch import AcousticBatch, acoustic_batch
from sonorant.features.store import FeatureStore
from sonorant.models.acoustic_losses import LossTerm, fastpitch_losses, loss_weights
from sonorant.models.fastpitch import FastPitch, FastPitchOutput
from sonorant.text.symbols import symbol_table
from sonorant.training.alignment import alignment_quality
from sonorant.training.pictures import draw_alignment, draw_mels
from sonorant.training.task import Samples, Task, autocast, evaluating
from sonorant.training.updater import Updater

NUM_SAMPLES = 3
"""Validation utterances to look at and to listen to."""


class FastPitchTask(Task[AcousticBatch]):
    """One network, one optimiser."""

    trained = "model"
    best_metric = "mel"

    def __init__(self, recipe: FastPitchRecipe, store: FeatureStore, device: torch.device) -> None:
        self.recipe = recipe
        self.store = store
        self.device = device
        self.table = symbol_table(store.config.frontend.symbols)
        n_mels = store.config.mel.n_mels
        self.model = FastPitch(recipe.model, len(self.table), len(store.speakers), n_mels).to(device).train()
        self.networks = {"model": self.model}
        self.updaters = {"model": Updater("model", self.model, recipe.optimizer)}

    def train_step(
        self, batches: Sequence[AcousticBatch], step: int, learning_rate_factor: float
    ) -> dict[str, Tensor]:
        """Divide each micro-batch's sums by the counts of the global batch: the gradients add up to the mean's."""
        counts = term_counts(batches)
        weights = loss_weights(self.recipe.loss, step)
        totals: dict[str, Tensor] = {}
        for batch in batches:
            terms = self.terms(self.model, batch.to(self.device), step)
            parts = {name: term.sum / counts[name] for name, term in terms.items()}
            parts["total"] = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
            parts["total"].backward()  # type: ignore[no-untyped-call]
            for name, part in parts.items():
                totals[name] = totals.get(name, 0.0) + part.detach()
        norm = self.updaters["model"].apply(totals, learning_rate_factor)
        return {**totals, "gradient norm": norm}

    def terms(self, network: nn.Module, batch: AcousticBatch, step: int) -> dict[str, LossTerm]:
        """Return the loss terms of one micro-batch in the recipe's precision, as sums and without their weights."""
        with autocast(self.device, self.recipe.run.precision):
            output = _forward(network, batch)
        return self._terms(output, batch, step)

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return every loss term and the total, at the weights of the end of the run, and the alignment's quality."""
        sums: dict[str, float] = {}
        counts: dict[str, float] = {}
        end = self.recipe.loss.binarization_start + self.recipe.loss.binarization_warmup
        with evaluating(network):
            for batch in self._validation_batches():
                output = _forward(network, batch)
                for name, term in (self._terms(output, batch, end) | _quality(output, batch)).items():
                    sums[name] = sums.get(name, 0.0) + float(term.sum)
                    counts[name] = counts.get(name, 0.0) + float(term.count)
        means = {name: sums[name] / counts[name] for name in sums}
        weights = loss_weights(self.recipe.loss, end)
        return means | {"total": sum(weight * means[name] for name, weight in weights.items() if name in means)}

    @torch.no_grad()
    def samples(self, network: nn.Module) -> Samples:
        """Speak validation texts through Griffin-Lim, and draw what was aligned and predicted."""
        samples = Samples()
        with evaluating(network):
            for index, entry in enumerate(self.store.split("validation")[:NUM_SAMPLES]):
                batch = acoustic_batch(self.store, [entry]).to(self.device)
                output = _forward(network, batch)
                spoken = network.infer(batch.symbols, batch.symbol_lengths, batch.speaker_ids)  # type: ignore[operator]
                mels = {"recording": batch.mel, "predicted": output.mel, "spoken": spoken.mel}
                arrays = {name: mel[0].float().cpu().numpy() for name, mel in mels.items() if mel.shape[2]}
                samples.pictures[f"mel {index}"] = draw_mels(arrays)
                samples.pictures[f"alignment {index}"] = self._draw_alignment(output, batch)
                if "spoken" in arrays:
                    waveform = griffin_lim(arrays["spoken"], self.store.config.mel)
                    samples.audio[f"spoken {index}"] = np.clip(waveform, -1, 1)
        return samples

    def num_frames(self, batch: AcousticBatch) -> int:
        """Count the frames of every utterance."""
        return int(batch.mel_lengths.sum())

    def _terms(self, output: FastPitchOutput, batch: AcousticBatch, step: int) -> dict[str, LossTerm]:
        return fastpitch_losses(output, batch.mel, batch.mel_lengths, batch.symbol_lengths, self.recipe.loss, step)

    def _validation_batches(self) -> Iterator[AcousticBatch]:
        """Yield the validation split, shortest utterances first, which pads the least."""
        entries = sorted(self.store.split("validation"), key=lambda entry: entry.num_frames)
        size = self.recipe.batch.micro_batch or self.recipe.batch.global_batch
        for start in range(0, len(entries), size):
            yield acoustic_batch(self.store, entries[start : start + size]).to(self.device)

    def _draw_alignment(self, output: FastPitchOutput, batch: AcousticBatch) -> np.ndarray:
        labels = self.table.decode(batch.symbols[0].tolist())
        return draw_alignment(output.attention[0].float().cpu().numpy(), output.durations[0].cpu().numpy(), labels)


def term_counts(batches: Sequence[AcousticBatch]) -> dict[str, int]:
    """Return how many things each loss term is summed over in a global batch, known before any network has run."""
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


def _forward(network: nn.Module, batch: AcousticBatch) -> FastPitchOutput:
    output: FastPitchOutput = network(
        batch.symbols, batch.symbol_lengths, batch.mel, batch.mel_lengths,
        batch.pitch, batch.voiced, batch.energy, batch.speaker_ids,
    )  # fmt: skip
    return output


def _quality(output: FastPitchOutput, batch: AcousticBatch) -> dict[str, LossTerm]:
    count = torch.tensor(len(batch.utterance_ids))
    quality = alignment_quality(output.attention, output.hard_alignment, batch.mel_lengths)
    return {name: LossTerm(values.sum(), count) for name, values in quality.items()}
