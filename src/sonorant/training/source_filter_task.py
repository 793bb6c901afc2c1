"""The training of a source-filter vocoder."""

import torch
from torch import Tensor, nn

from sonorant.audio.excitation import make_excitations
from sonorant.audio.mel import mel_filterbank
from sonorant.config import SourceFilterRecipe
from sonorant.features.batch import SourceFilterBatch, VocoderBatch
from sonorant.features.store import FeatureStore
from sonorant.models.source_filter import SourceFilterVocoder
from sonorant.training.adversarial_task import AdversarialTask
from sonorant.training.processes import Processes

SPEAKING_SEED = 0
"""Validation and samples have the same noise every time."""


class SourceFilterTask(AdversarialTask):
    """The filters learn on pulses at the recording's pitch; speaking, and so validation, estimates it from the mel."""

    def __init__(self, recipe: SourceFilterRecipe, store: FeatureStore, processes: Processes) -> None:
        self.mel_config = store.config.mel
        vocoder = SourceFilterVocoder(recipe.model, mel_filterbank(self.mel_config))
        super().__init__(recipe, store, processes, vocoder)

    def sound(self, network: nn.Module, batch: VocoderBatch) -> Tensor:
        """See `AdversarialTask.sound`."""
        assert isinstance(batch, SourceFilterBatch)
        waveform: Tensor = network(batch.mel, batch.pitch_hz, batch.excitation)
        return waveform

    def speak(self, network: nn.Module, mel: Tensor) -> Tensor:
        """See `VocoderTask.speak`."""
        assert isinstance(network, SourceFilterVocoder)
        pitch_hz = network.pitch(mel)
        excitation = make_excitations(pitch_hz.cpu().numpy(), self.mel_config, SPEAKING_SEED)
        waveform: Tensor = network(mel, pitch_hz, torch.from_numpy(excitation).to(mel.device))
        return waveform

    def generator_terms(self, batch: VocoderBatch, fake: Tensor, judged: bool) -> dict[str, Tensor]:
        """See `AdversarialTask.generator_terms`; the estimator of the pitch learns beside the filters."""
        assert isinstance(batch, SourceFilterBatch) and isinstance(self.generator, SourceFilterVocoder)
        with self.autocast():
            pitch = self.generator.estimator.loss(batch.mel, batch.pitch_hz)
        return {**super().generator_terms(batch, fake, judged), "pitch": pitch}
