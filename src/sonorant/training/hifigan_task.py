"""The training of a HiFi-GAN generator against its discriminators."""

from torch import Tensor, nn

from sonorant.config import HifiganRecipe
from sonorant.features.batch import VocoderBatch
from sonorant.features.store import FeatureStore
from sonorant.models.hifigan import HifiganGenerator
from sonorant.training.adversarial_task import AdversarialTask
from sonorant.training.processes import Processes


class HifiganTask(AdversarialTask):
    """The generator is given mels and nothing else (Kong et al. 2020)."""

    def __init__(self, recipe: HifiganRecipe, store: FeatureStore, processes: Processes) -> None:
        super().__init__(recipe, store, processes, HifiganGenerator(recipe.model, store.config.mel.n_mels))

    def sound(self, network: nn.Module, batch: VocoderBatch) -> Tensor:
        """See `AdversarialTask.sound`."""
        return self.speak(network, batch.mel)

    def speak(self, network: nn.Module, mel: Tensor) -> Tensor:
        """See `VocoderTask.speak`."""
        waveform: Tensor = network(mel)
        return waveform
