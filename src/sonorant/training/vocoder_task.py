"""What the trainings of all vocoders share."""

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from sonorant.audio.mel_torch import LogMel
from sonorant.config import VocoderRecipe
from sonorant.features.batch import VocoderBatch, vocoder_batch
from sonorant.features.store import FeatureStore
from sonorant.training.pictures import draw_mels
from sonorant.training.processes import Processes
from sonorant.training.samples import Samples
from sonorant.training.task import NUM_SAMPLES, Task, evaluating

VALIDATION_SEED = 0
"""Validation crops are the same in every run."""


class VocoderTask(Task[VocoderBatch]):
    """Networks that learn sound from segments of one length, so a micro-batch counts by its share of the global batch.

    Attributes:
        input_mel: The mel that the vocoder reads.
    """

    def __init__(
        self, recipe: VocoderRecipe, store: FeatureStore, processes: Processes, networks: dict[str, nn.Module]
    ) -> None:
        super().__init__(recipe, store, processes, networks)
        self._recipe = recipe
        self.input_mel = LogMel(store.config.mel).to(self.device)
        if recipe.compile is not None:
            for network in self.networks.values():
                network.compile(mode=recipe.compile)  # in place: checkpoints and averages know nothing of it

    @abstractmethod
    def speak(self, network: nn.Module, mel: Tensor) -> Tensor:
        """Return the sound of whole mels: (B, n_mels, T) -> (B, N)."""

    @torch.no_grad()
    def samples(self, network: nn.Module) -> Samples:
        """Speak the mels of whole validation utterances."""
        samples = Samples()
        with evaluating(network):
            for index, entry in enumerate(self.store.split("validation")[:NUM_SAMPLES]):
                mel = torch.from_numpy(self.store.read_mel(entry, 0, entry.num_frames)).to(self.device)[None]
                waveform = self.speak(network, mel)
                arrays = {"recording": mel[0].cpu().numpy(), "generated": self.input_mel(waveform)[0].cpu().numpy()}
                samples.pictures[f"mel {index}"] = draw_mels(arrays)
                samples.audio[f"generated {index}"] = np.clip(waveform[0].cpu().numpy(), -1, 1)
        return samples

    def num_frames(self, batch: VocoderBatch) -> int:
        """Count the frames of every segment."""
        return batch.mel.shape[0] * batch.mel.shape[2]

    def share(self, batch: VocoderBatch) -> float:
        """Return how much of the global batch a micro-batch is."""
        return len(batch.mel) / self._recipe.batch.global_batch

    def validation_batches(self) -> Iterator[VocoderBatch]:
        """Yield one segment of each validation utterance, always the same."""
        entries = self.store.split("validation")
        size = self._recipe.batch.micro_batch or self._recipe.batch.global_batch
        for start in range(0, len(entries), size):
            part = entries[start : start + size]
            yield vocoder_batch(self._recipe, self.store, part, VALIDATION_SEED, 0).to(self.device)
