"""What the trainings of vocoders against discriminators share."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from sonorant.audio.mel_torch import LogMel
from sonorant.config import AdversarialRecipe
from sonorant.features.batch import VocoderBatch
from sonorant.features.store import FeatureStore
from sonorant.models.discriminators import DiscriminatorOutput, Discriminators
from sonorant.models.vocoder_losses import (
    discriminator_loss,
    feature_loss,
    generator_adversarial_loss,
    spectral_loss,
)
from sonorant.training.alarms import OverfittingAlarm, judge_alarms
from sonorant.training.early_stop import Better
from sonorant.training.processes import Processes
from sonorant.training.task import evaluating
from sonorant.training.vocoder_task import VocoderTask


class AdversarialTask(VocoderTask):
    """Two networks, two optimisers: over a whole global batch the judges learn first, then the generator.

    All losses are means over segments.

    Attributes:
        generator: The network that learns to make sound.
    """

    trained = "generator"
    best_metric = "mel"
    validation_metrics: ClassVar[Mapping[str, Better]] = {"mel": "lower", "input mel": "lower"}

    def __init__(
        self, recipe: AdversarialRecipe, store: FeatureStore, processes: Processes, generator: nn.Module
    ) -> None:
        self.recipe = recipe
        self.generator = generator.train()
        self.discriminators = Discriminators(recipe.discriminators).eval()
        networks = {"generator": self.generator, "discriminators": self.discriminators}
        super().__init__(recipe, store, processes, networks)
        self.loss_mel = LogMel(recipe.loss_mel).to(self.device)
        judges = recipe.discriminators
        num_judges = len(judges.periods) + judges.scales + len(judges.resolutions)
        self.alarms = OverfittingAlarm(self.best_metric), *judge_alarms(num_judges)

    def train_step(self, batches: Sequence[VocoderBatch], step: int, learning_rate_factor: float) -> dict[str, Tensor]:
        """Let the judges learn from the generator's present sound, then the generator from the judges.

        Before `adversarial_start` the judges neither learn nor judge. For `discriminators_alone` steps from there on
        they learn and the generator does not, so that one that is good already is not led by judges that know nothing.
        The sound of a single micro-batch is generated once and serves both; of several, keeping the graphs would cost
        the memory that splitting saves, so they are generated twice.
        """
        batches = list(self.micro_batches(batches, step))
        steps_judged = step - self.recipe.loss.adversarial_start
        judged = steps_judged >= 0
        if 0 <= steps_judged < self.recipe.loss.discriminators_alone:
            losses = self._discriminator_step(batches, None, learning_rate_factor)
            return losses | {"gradient norm": losses["discriminators' gradient norm"]}
        fakes = [self.generate(batches[0])] if len(batches) == 1 else None
        losses = self._discriminator_step(batches, fakes, learning_rate_factor) if judged else {}
        return losses | self._generator_step(batches, fakes, judged, learning_rate_factor)

    @abstractmethod
    def sound(self, network: nn.Module, batch: VocoderBatch) -> Tensor:
        """Return what the network makes of a micro-batch when it is trained: (B, N)."""

    def generate(self, batch: VocoderBatch) -> Tensor:
        """Return the generator's sound for a micro-batch, in the precision of the run: (B, N)."""
        with self.autocast():
            return self.sound(self.generator, batch).float()

    @torch.no_grad()
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return mean absolute log-mel errors of fixed segments: of the loss's mel definition and of the input's."""
        sums = {"mel": 0.0, "input mel": 0.0}
        with evaluating(network):
            for batch in self.validation_batches():
                waveform = self.speak(network, batch.mel)
                for name, log_mel in (("mel", self.loss_mel), ("input mel", self.input_mel)):
                    error = F.l1_loss(log_mel(waveform), log_mel(batch.waveform))
                    sums[name] += float(error) * len(batch.mel)
        return {name: total / len(self.store.split("validation")) for name, total in sums.items()}

    def _discriminator_step(
        self, batches: Sequence[VocoderBatch], fakes: Sequence[Tensor] | None, learning_rate_factor: float
    ) -> dict[str, Tensor]:
        advance_spectral_norm(self.discriminators)
        total = torch.zeros((), device=self.device)
        for index, batch in enumerate(batches):
            with torch.no_grad():
                fake = fakes[index].detach() if fakes else self.generate(batch)
            loss = discriminator_loss(*self._judge_both(batch.waveform, fake)) * self.share(batch)
            self.backward(loss)
            total += loss.detach()
        totals, norm = self.updaters["discriminators"].apply({"discriminator": total}, learning_rate_factor)
        return {**totals, "discriminators' gradient norm": norm}

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
            terms = self.generator_terms(batch, fake, judged)
            parts = {name: term * self.share(batch) for name, term in terms.items()}
            parts["total"] = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
            self.backward(parts["total"])
            for name, part in parts.items():
                totals[name] = totals.get(name, 0.0) + part.detach()
        self.discriminators.requires_grad_(True)
        totals, norm = self.updaters["generator"].apply(totals, learning_rate_factor)
        return {**totals, "gradient norm": norm}

    def generator_terms(self, batch: VocoderBatch, fake: Tensor, judged: bool) -> dict[str, Tensor]:
        """Return the generator's losses by the names of their weights; those of weight 0 are not computed."""
        weights, real, terms = self.recipe.loss, batch.waveform, {}
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
        with self.autocast():
            outputs: list[DiscriminatorOutput] = self.discriminators(waveform)
        return outputs

    def _judge_both(self, real: Tensor, fake: Tensor) -> tuple[list[DiscriminatorOutput], list[DiscriminatorOutput]]:
        """Judge recordings and generated sound in one pass."""
        outputs, middle = self._judge(torch.cat([real, fake])), len(real)
        first = [DiscriminatorOutput(o.logits[:middle], [f[:middle] for f in o.features]) for o in outputs]
        second = [DiscriminatorOutput(o.logits[middle:], [f[middle:] for f in o.features]) for o in outputs]
        return first, second


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
