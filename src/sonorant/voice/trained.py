"""A trained model as one file: its weights and all that is needed to speak with them or to train on from them.

The file is a .safetensors file whose metadata holds a JSON header. There is no pickle anywhere.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypeVar, cast

from pydantic import Field, ValidationError, model_validator

from sonorant.audio.mel import mel_filterbank
from sonorant.config import (
    FastPitchConfig,
    FrontendConfig,
    HifiganConfig,
    MelConfig,
    Settings,
    SourceFilterConfig,
    Tacotron2Config,
    WaveglowConfig,
)
from sonorant.errors import VoiceError
from sonorant.files import write_file
from sonorant.text.symbols import pause_ids
from sonorant.voice.manifest import Facts, explain

if TYPE_CHECKING:
    from torch import Tensor, nn

    from sonorant.models.hifigan import HifiganGenerator
    from sonorant.models.waveglow import Waveglow

    NetworkT = TypeVar("NetworkT", bound=nn.Module)

FORMAT_VERSION: Literal[1] = 1
_METADATA_KEY = "sonorant"

Kind = Literal["fastpitch", "tacotron2", "hifigan", "waveglow", "source_filter"]
AcousticConfig = FastPitchConfig | Tacotron2Config
VocoderConfig = HifiganConfig | WaveglowConfig | SourceFilterConfig
_CONFIGS: dict[Kind, type[AcousticConfig] | type[VocoderConfig]] = {
    "fastpitch": FastPitchConfig,
    "tacotron2": Tacotron2Config,
    "hifigan": HifiganConfig,
    "waveglow": WaveglowConfig,
    "source_filter": SourceFilterConfig,
}
_KINDS: dict[type, Kind] = {config: kind for kind, config in _CONFIGS.items()}


class TrainedHeader(Settings):
    """What a trained model's file says beside its weights."""

    format_version: Literal[1] = 1
    kind: Kind
    config: AcousticConfig | VocoderConfig
    mel: MelConfig
    frontend: FrontendConfig | None = None
    symbols: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    pitch: tuple[tuple[float, float], ...] = ()
    facts: Facts = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _choose_config(cls, tree: object) -> object:
        """Read `config` as the class that `kind` names, so that its errors are of that class alone."""
        if isinstance(tree, dict) and isinstance(tree.get("config"), dict) and tree.get("kind") in _CONFIGS:
            return {**tree, "config": _CONFIGS[tree["kind"]].model_validate(tree["config"])}
        return tree

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not isinstance(self.config, _CONFIGS[self.kind]):
            raise ValueError(f"the config of a {self.kind} model is a {type(self.config).__name__}")
        spoken = self.frontend is not None and self.symbols and self.speakers
        if isinstance(self.config, AcousticConfig) and not spoken:
            raise ValueError("an acoustic model needs its front end, its symbols and at least one speaker")
        if isinstance(self.config, VocoderConfig) and self.config.hop_length != self.mel.hop_length:
            raise ValueError(f"{self.config.hop_length} samples per frame, but its mel's hop is {self.mel.hop_length}")
        if isinstance(self.config, SourceFilterConfig):
            self.config.check_mel(self.mel)
        if len(self.pitch) != len(self.speakers):
            raise ValueError(f"{len(self.speakers)} speaker(s) need as many pitch statistics, found {len(self.pitch)}")
        return self


@dataclass(frozen=True)
class TrainedModel:
    """The weights of one network, and what they were trained with.

    Attributes:
        config: The network's; its class says which network it is.
        mel: The mel spectrogram that an acoustic model makes or a vocoder reads.
        weights: The network's whole state dict, weight norm folded or not.
        frontend: What turned text into symbols; None for a vocoder.
        symbols: The symbol table, in the order of its ids; empty for a vocoder.
        speakers: The names, in the order of their ids; empty for a vocoder.
        pitch: Mean and standard deviation in Hz that each speaker's pitch was normalised with.
        facts: What a model card tells: corpus, licence, steps, date, versions and the like.
    """

    config: AcousticConfig | VocoderConfig
    mel: MelConfig
    weights: "Mapping[str, Tensor]"
    frontend: FrontendConfig | None = None
    symbols: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    pitch: tuple[tuple[float, float], ...] = ()
    facts: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """Which network the weights are of."""
        return _KINDS[type(self.config)]

    def header(self) -> TrainedHeader:
        """Return everything but the weights, checked.

        Raises:
            VoiceError: The parts do not fit together.
        """
        try:
            return TrainedHeader(
                kind=self.kind,
                config=self.config,
                mel=self.mel,
                frontend=self.frontend,
                symbols=self.symbols,
                speakers=self.speakers,
                pitch=self.pitch,
                facts=dict(self.facts),
            )
        except ValidationError as error:
            raise VoiceError(f"trained {self.kind} model: {explain(error)}") from None

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        from safetensors.torch import save

        header = self.header().model_dump_json()
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in self.weights.items()}
        return save(tensors, {_METADATA_KEY: header})

    def save(self, path: Path) -> None:
        """Write the model to one .safetensors file; what stood there before survives any failure.

        Raises:
            RequestError: The file cannot be written.
        """
        data = self.to_bytes()
        write_file(path, lambda file: file.write(data))

    def rounded(self) -> Self:
        """Return the model with its weights, their weight norm folded, rounded to float16.

        Raises:
            VoiceError: A weight is too large for float16, or the weights are not those of the network.
        """
        weights = {
            name: weight.half() if weight.is_floating_point() else weight
            for name, weight in self.network().state_dict().items()
        }
        infinite = [name for name, weight in weights.items() if not weight.isfinite().all()]
        if infinite:
            raise VoiceError(f"trained {self.kind} model: too large for 16 bits: {', '.join(infinite)}")
        return replace(self, weights=weights)

    def network(self) -> "nn.Module":
        """Return the network with these weights, in evaluation mode, its weight norm folded.

        Raises:
            VoiceError: The weights are not those of the network.
        """
        return _build(self).eval().requires_grad_(False)


def load_trained_file(path: Path) -> TrainedModel:
    """Read a file that `TrainedModel.save` wrote.

    Raises:
        VoiceError: There is no such file, or it is not one of ours.
    """
    try:
        return parse_trained(path.read_bytes(), str(path))
    except OSError as error:
        raise VoiceError(f"{path}: cannot be read: {error.strerror or error}") from None


def parse_trained(data: bytes, where: str) -> TrainedModel:
    """Read the content of a trained model's file; `where` names it in errors. Weights come in float32.

    Raises:
        VoiceError: It is not a trained model's file, or a newer one.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    header = _read_header(data, where)
    try:
        stored = load(data)
    except SafetensorError as error:
        raise VoiceError(f"{where}: not a .safetensors file: {error}") from None
    weights = {name: weight.float() if weight.is_floating_point() else weight for name, weight in stored.items()}
    return TrainedModel(
        config=header.config,
        mel=header.mel,
        weights=weights,
        frontend=header.frontend,
        symbols=header.symbols,
        speakers=header.speakers,
        pitch=header.pitch,
        facts=header.facts,
    )


def _read_header(data: bytes, where: str) -> TrainedHeader:
    """Read our header out of the file's own, which is JSON behind its length as 8 little-endian bytes."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise VoiceError(f"{where}: not a .safetensors file; pickled checkpoints are never read here")
    try:
        header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_METADATA_KEY])
        version = header["format_version"]
    except (ValueError, KeyError, TypeError):
        raise VoiceError(f"{where}: a .safetensors file, but not a trained model of sonorant") from None
    if version != FORMAT_VERSION:
        raise VoiceError(f"{where}: model format {version}, this version reads {FORMAT_VERSION}; upgrade sonorant")
    try:
        return TrainedHeader.model_validate(header)
    except ValidationError as error:
        raise VoiceError(f"{where}: wrong header: {explain(error)}") from None


def make_network(model: TrainedModel) -> "nn.Module":
    """Make the network that a model's config describes, with weights of no meaning."""
    sizes = len(model.symbols), len(model.speakers), model.mel.n_mels
    match model.config:
        case FastPitchConfig():
            from sonorant.models.fastpitch import FastPitch

            return FastPitch(model.config, *sizes, *pause_ids(model.symbols))
        case Tacotron2Config():
            from sonorant.models.tacotron2 import Tacotron2

            return Tacotron2(model.config, *sizes)
        case HifiganConfig():
            from sonorant.models.hifigan import HifiganGenerator

            return HifiganGenerator(model.config, model.mel.n_mels)
        case WaveglowConfig():
            from sonorant.models.waveglow import Waveglow

            return Waveglow(model.config, model.mel.n_mels)
        case SourceFilterConfig():
            from sonorant.models.source_filter import SourceFilterVocoder

            return SourceFilterVocoder(model.config, mel_filterbank(model.mel))


def _build(model: TrainedModel) -> "nn.Module":
    """Make the network of a model and fill it with its weights, which may be stored with their weight norm folded."""
    network = make_network(model)
    if not isinstance(model.config, HifiganConfig | WaveglowConfig):
        return _filled(network, model)
    normed = cast("HifiganGenerator | Waveglow", network)
    if any(".parametrizations." in name for name in model.weights):
        _filled(normed, model).remove_weight_norm()
        return normed
    normed.remove_weight_norm()
    return _filled(normed, model)


def _filled(network: "NetworkT", model: TrainedModel) -> "NetworkT":
    try:
        network.load_state_dict(dict(model.weights), strict=True)
    except RuntimeError as error:
        raise VoiceError(f"trained {model.kind} model: {' '.join(str(error).split())}") from None
    return network
