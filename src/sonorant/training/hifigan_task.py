"""The training of a HiFi-GAN generator against its discriminators."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from sonorant.audio.mel_torch import LogMel
from sonorant.config import HifiganRecipe
from sonorant.features.batch import VocoderBatch, vocoder_batch
from sonorant.features.store import FeatureStore
from sonorant.models.discriminators import DiscriminatorOutput, Discriminators
from sonorant.models.hifigan import HifiganGenerator
from sonorant.models.vocoder_losses import (
    discriminator_loss,
    feature_loss,
    generator_adversarial_loss,
    spectral_loss,
)
from sonorant.training.pictures import draw_mels
from sonorant.training.task import Samples, Task, autocast, evaluating
from sonorant.training.updater import Updater

NUM_SAMPLES = 3
"""Validation utterances to look at and to listen to."""

VALIDATION_SEED = 0
"""Validation crops are the same in every run."""


class HifiganTask(Task[VocoderBatch]):
    """Two networks, two optimisers: over a whole global batch the judges learn first, then the generator.

    All losses are means over segments of one length, so a micro-batch counts by its share of the global batch.
    """

    trained = "generator"
    best_metric = "mel"

    def __init__(self, recipe: HifiganRecipe, store: FeatureStore, device: torch.device) -> None:
        self.recipe = recipe
        self.store = store
        self.device = device
        self.generator = HifiganGenerator(recipe.model, store.config.mel.n_mels).to(device).train()
        self.discriminators = Discriminators(recipe.discriminators).to(device).eval()
        self.networks = {"generator": self.generator, "discriminators": self.discriminators}
        self.updaters = {name: Updater(name, net, recipe.optimizer) for name, net in self.networks.items()}
        self.input_mel = LogMel(store.config.mel).to(device)
        self.loss_mel = LogMel(recipe.loss_mel).to(device)

    def train_step(self, batches: Sequence[VocoderBatch], step: int, learning_rate_factor: float) -> dict[str, Tensor]:
        """Let the judges learn from the generator's present sound, then the generator from the judges.

        Before `adversarial_start` the judges neither learn nor judge. The sound of a single micro-batch is generated
        once and serves both; of several, keeping the graphs would cost the memory that splitting saves, so they are
        generated twice.
        """
        batches = [batch.to(self.device) for batch in batches]
        judged = step >= self.recipe.loss.adversarial_start
        fakes = [self.generate(batches[0])] if len(batches) == 1 else None
        losses = self._discriminator_step(batches, fakes, learning_rate_factor) if judged else {}
        return losses | self._generator_step(batches, fakes, judged, learning_rate_factor)

    def generate(self, batch: VocoderBatch) -> Tensor:
        """Return the generator's sound for a micro-batch: (B, N)."""
        with autocast(self.device, self.recipe.run.precision):
            waveform: Tensor = self.generator(batch.mel)
        return waveform.float()

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return mean absolute log-mel errors of fixed segments: of the loss's mel definition and of the input's."""
        sums = {"mel": 0.0, "input mel": 0.0}
        with evaluating(network):
            for batch in self._validation_batches():
                waveform = network(batch.mel)
                for name, log_mel in (("mel", self.loss_mel), ("input mel", self.input_mel)):
                    error = F.l1_loss(log_mel(waveform), log_mel(batch.waveform))
                    sums[name] += float(error) * len(batch.mel)
        return {name: total / len(self.store.split("validation")) for name, total in sums.items()}

    @torch.no_grad()
    def samples(self, network: nn.Module) -> Samples:
        """Speak the mels of whole validation utterances."""
        samples = Samples()
        with evaluating(network):
            for index, entry in enumerate(self.store.split("validation")[:NUM_SAMPLES]):
                mel = torch.from_numpy(self.store.read_mel(entry, 0, entry.num_frames)).to(self.device)[None]
                waveform = network(mel)
                arrays = {"recording": mel[0].cpu().numpy(), "generated": self.input_mel(waveform)[0].cpu().numpy()}
                samples.pictures[f"mel {index}"] = draw_mels(arrays)
                samples.audio[f"generated {index}"] = np.clip(waveform[0].cpu().numpy(), -1, 1)
        return samples

    def num_frames(self, batch: VocoderBatch) -> int:
        """Count the frames of every segment."""
        return batch.mel.shape[0] * batch.mel.shape[2]

    def _discriminator_step(
        self, batches: Sequence[VocoderBatch], fakes: Sequence[Tensor] | None, learning_rate_factor: float
    ) -> dict[str, Tensor]:
        advance_spectral_norm(self.discriminators)
        total = torch.zeros((), device=self.device)
        for index, batch in enumerate(batches):
            with torch.no_grad():
                fake = fakes[index].detach() if fakes else self.generate(batch)
            loss = discriminator_loss(*self._judge_both(batch.waveform, fake)) * _share(batch, batches)
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        norm = self.updaters["discriminators"].apply({"discriminator": total}, learning_rate_factor)
        return {"discriminator": total, "discriminators' gradient norm": norm}

    def _generator_step(
        self,
        batches: Sequence[VocoderBatch],
        fakes: Sequence[Tensor] | None,
        judged: bool,
        learning_rate_factor: float,
    ) -> dict[str, Tensor]:
        weights = self.recipe.loss.model_dump()
        totals: dict[str, Tensor] = {}
        self.discriminators.requires_grad_(False)
        for index, batch in enumerate(batches):
            fake = fakes[index] if fakes else self.generate(batch)
            terms = self._generator_terms(batch.waveform, fake, judged)
            parts = {name: term * _share(batch, batches) for name, term in terms.items()}
            parts["total"] = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
            parts["total"].backward()  # type: ignore[no-untyped-call]
            for name, part in parts.items():
                totals[name] = totals.get(name, 0.0) + part.detach()
        self.discriminators.requires_grad_(True)
        norm = self.updaters["generator"].apply(totals, learning_rate_factor)
        return {**totals, "gradient norm": norm}

    def _generator_terms(self, real: Tensor, fake: Tensor, judged: bool) -> dict[str, Tensor]:
        """Return the generator's losses by the names of their weights; those of weight 0 are not computed."""
        weights, terms = self.recipe.loss, {}
        if weights.mel:
            terms["mel"] = F.l1_loss(self.loss_mel(fake), self.loss_mel(real))
        if weights.spectral:
            terms["spectral"] = spectral_loss(real, fake)
        if judged and (weights.adversarial or weights.feature):
            judgement = self._judge(fake)
            terms["adversarial"] = generator_adversarial_loss(judgement)
            with torch.no_grad():
                judgement_of_real = self._judge(real)
            terms["feature"] = feature_loss(judgement_of_real, judgement)
        return terms

    def _judge(self, waveform: Tensor) -> list[DiscriminatorOutput]:
        with autocast(self.device, self.recipe.run.precision):
            outputs: list[DiscriminatorOutput] = self.discriminators(waveform)
        return outputs

    def _judge_both(self, real: Tensor, fake: Tensor) -> tuple[list[DiscriminatorOutput], list[DiscriminatorOutput]]:
        """Judge recordings and generated sound in one pass."""
        outputs, middle = self._judge(torch.cat([real, fake])), len(real)
        first = [DiscriminatorOutput(o.logits[:middle], [f[:middle] for f in o.features]) for o in outputs]
        second = [DiscriminatorOutput(o.logits[middle:], [f[middle:] for f in o.features]) for o in outputs]
        return first, second

    def _validation_batches(self) -> Iterator[VocoderBatch]:
        entries = self.store.split("validation")
        size = self.recipe.batch.micro_batch or self.recipe.batch.global_batch
        for start in range(0, len(entries), size):
            part = entries[start : start + size]
            batch = vocoder_batch(self.store, part, VALIDATION_SEED, 0, self.recipe.segment_frames)
            yield batch.to(self.device)


def advance_spectral_norm(discriminators: nn.Module) -> None:
    """Run one power iteration of every spectral norm (Miyato et al. 2018, algorithm 1).

    torch runs one in every forward pass of training mode, so the weights would depend on how many micro-batches a step
    has. The judges therefore stay in evaluation mode, and each optimiser step runs exactly one.
    """
    discriminators.train()
    with torch.no_grad():
        for module in discriminators.modules():
            if parametrize.is_parametrized(module, "weight"):
                _ = module.weight
    discriminators.eval()


def _share(batch: VocoderBatch, batches: Sequence[VocoderBatch]) -> float:
    return len(batch.mel) / sum(len(other.mel) for other in batches)
