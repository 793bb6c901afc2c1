"""What a fine-tuning begins with: a model out of a voice, a run, a checkpoint or a .safetensors file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from sonorant.config import (
    AdversarialRecipe,
    DiscriminatorConfig,
    FastPitchRecipe,
    MelDiscriminatorConfig,
    parse_recipe,
)
from sonorant.errors import RequestError, VoiceError
from sonorant.training.checkpoint import CheckpointFolder, read_checkpoint, trained_model
from sonorant.voice.load import is_voice, list_voices, load_voice
from sonorant.voice.manifest import ACOUSTIC_WEIGHTS_NAME, VOCODER_WEIGHTS_NAME
from sonorant.voice.trained import TrainedModel, load_trained_file, parse_trained

Half = Literal["acoustic", "vocoder"]
"""The two models of a voice."""

_WEIGHTS: dict[Half, str] = {"acoustic": ACOUSTIC_WEIGHTS_NAME, "vocoder": VOCODER_WEIGHTS_NAME}


@dataclass(frozen=True)
class Judges:
    """The discriminators that a model was trained against."""

    config: DiscriminatorConfig | MelDiscriminatorConfig
    weights: Mapping[str, Tensor]


@dataclass(frozen=True)
class Source:
    """A trained model to begin with.

    Attributes:
        name: The last part of its path, or the name of a built-in voice; what a model card says.
        model: The averaged weights where there is an average.
        judges: Only a run or checkpoint of an adversarial training has them.
    """

    name: str
    model: TrainedModel
    judges: Judges | None = None


def half_of(model: TrainedModel) -> Half:
    """Say which half of a voice a model is."""
    return "vocoder" if model.frontend is None else "acoustic"


def read_source(source: str, half: Half | None = None) -> Source:
    """Read a model of a voice (by its name or path), a run folder, a .pt checkpoint or a .safetensors file.

    Args:
        source: Where it is.
        half: Which model of a voice is meant; None where there is only one.

    Raises:
        RequestError: It is not told which half of a voice is meant, or another than the one that is there.
        VoiceError: There is no such model, it is damaged, or a voice has been packed without weights.
    """
    path = Path(source)
    if is_voice(source):
        return _from_voice(source, half)
    if path.suffix == ".safetensors":
        found = Source(path.name, load_trained_file(path))
    elif path.exists():
        found = _from_checkpoint(path)
    else:
        known = ", ".join(list_voices())
        raise VoiceError(f"{source}: no such voice, run, checkpoint or .safetensors file; built-in voices: {known}")
    if half and half_of(found.model) != half:
        raise RequestError(f"{source}: holds a {found.model.kind}, which is not the {half} half of a voice")
    return found


def _from_voice(source: str, half: Half | None) -> Source:
    """Take one half out of a voice; the voice's licence is that of the weights."""
    voice = load_voice(source, verify=False)
    if half is None:
        raise RequestError(f"{source}: a voice is two models; say --acoustic or --vocoder")
    if _WEIGHTS[half] not in voice.manifest.files:
        raise VoiceError(
            f"{source}: this voice was packed without {_WEIGHTS[half]}; begin with a run, a checkpoint or a "
            ".safetensors file, or with a voice that has its weights in it"
        )
    model = parse_trained(voice.read(_WEIGHTS[half]), f"{source}: {_WEIGHTS[half]}")
    facts = {"licence": voice.manifest.licences.weights, **model.facts}
    return Source(voice.manifest.name, replace(model, facts=facts))


def _from_checkpoint(path: Path) -> Source:
    state = read_checkpoint(CheckpointFolder(path).chosen() if path.is_dir() else path)
    model, recipe = trained_model(state, str(path)), parse_recipe(state["recipe"], str(path))
    judges = None
    if isinstance(recipe, AdversarialRecipe | FastPitchRecipe) and recipe.discriminators:
        judges = Judges(recipe.discriminators, state["networks"]["discriminators"])
    return Source(path.resolve().name, model, judges)
