"""The training of WaveGlow by maximum likelihood."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from sonorant.config import WaveglowRecipe
from sonorant.features.batch import VocoderBatch
from sonorant.features.store import FeatureStore
from sonorant.models.acoustic_losses import LossTerm
from sonorant.models.waveglow import Waveglow, waveglow_loss
from sonorant.training.alarms import OverfittingAlarm
from sonorant.training.early_stop import Better
from sonorant.training.processes import Processes
from sonorant.training.task import evaluating
from sonorant.training.vocoder_task import VocoderTask


class WaveglowTask(VocoderTask):
    """One network, one optimiser, one loss: the negative log-likelihood of each sample, short of a constant.

    It is called `likelihood`, and the lower the better: below zero soon, published networks reach -5 to -6.
    """

    trained = "model"
    best_metric = "likelihood"
    validation_metrics: ClassVar[Mapping[str, Better]] = {"likelihood": "lower"}
    alarms = (OverfittingAlarm(best_metric),)

    def __init__(self, recipe: WaveglowRecipe, store: FeatureStore, processes: Processes) -> None:
        self.recipe = recipe
        self.model = Waveglow(recipe.model, store.config.mel.n_mels).train()
        super().__init__(recipe, store, processes, {"model": self.model})

    def train_step(self, batches: Sequence[VocoderBatch], step: int, learning_rate_factor: float) -> dict[str, Tensor]:
        """Move the weights once, by the gradient of the mean over all samples of the micro-batches."""
        likelihood = torch.zeros((), device=self.device)
        for batch in self.micro_batches(batches, step):
            term = self.likelihood(self.model, batch)
            loss = term.sum / term.count * self.share(batch)
            self.backward(loss)
            likelihood += loss.detach()
        totals, norm = self.updaters["model"].apply({"likelihood": likelihood}, learning_rate_factor)
        return {**totals, "gradient norm": norm}

    def likelihood(self, network: nn.Module, batch: VocoderBatch) -> LossTerm:
        """Return the loss of a micro-batch, summed over its samples."""
        with self.autocast():
            output = network(batch.mel, batch.waveform)
        return waveglow_loss(output, self.recipe.loss.sigma)

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the likelihood of fixed segments."""
        total, num_samples = 0.0, 0
        with evaluating(network):
            for batch in self.validation_batches():
                term = waveglow_loss(network(batch.mel, batch.waveform), self.recipe.loss.sigma)
                total, num_samples = total + float(term.sum), num_samples + int(term.count)
        return {"likelihood": total / num_samples}

    def speak(self, network: nn.Module, mel: Tensor) -> Tensor:
        """See `VocoderTask.speak`; the noise is the same every time."""
        config = self.recipe.model
        shape = len(mel), config.group_size, mel.shape[2] * config.hop_length // config.group_size
        assert isinstance(network, Waveglow)
        return network.infer(mel, config.sigma * torch.randn(shape, device=self.device))
