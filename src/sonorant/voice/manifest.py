"""voice.json: what a voice says about itself."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

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
from sonorant.voice.graphs import GRAPHS

FORMAT_VERSION = 1
MANIFEST_NAME = "voice.json"
ACOUSTIC_WEIGHTS_NAME = "acoustic.safetensors"
VOCODER_WEIGHTS_NAME = "vocoder.safetensors"
CARD_NAME = "MODEL_CARD.md"
SAMPLE_NAME = "sample.wav"
ZIP_SUFFIX = ".voice"
"""Of a voice in one file."""

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"
Facts = dict[str, str | int | float]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
"""A file of a voice lies directly in it: no separators, no leading dot, nothing that could climb out."""


class FileEntry(Settings):
    """The size and the hash that a file of the voice must have."""

    num_bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Speaker(Settings):
    """One speaker of the voice and the statistics that normalise the pitch."""

    name: str = Field(min_length=1)
    pitch_mean_hz: float = Field(gt=0)
    pitch_std_hz: float = Field(gt=0)


class Licences(Settings):
    """Under which terms the recordings and the weights may be used."""

    data: str = Field(min_length=1)
    weights: str = Field(min_length=1)


class _Model(Settings):
    mel: MelConfig
    mel_signature: str
    facts: Facts = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.mel_signature != self.mel.signature():
            raise ValueError(f"mel signature {self.mel_signature}, this version computes {self.mel.signature()}")
        return self


class FastPitchPart(_Model):
    """FastPitch: symbols to durations and a mel."""

    kind: Literal["fastpitch"] = "fastpitch"
    config: FastPitchConfig


class Tacotron2Part(_Model):
    """Tacotron 2: symbols to a mel, frame by frame."""

    kind: Literal["tacotron2"] = "tacotron2"
    config: Tacotron2Config
    int8: bool = Field(False, description="the decoder step's graph has weights in int8")


class _TrainedVocoder(_Model):
    receptive_field_frames: int = Field(ge=0, description="context a chunk needs on each side to equal the whole")


class HifiganPart(_TrainedVocoder):
    """HiFi-GAN: mel to waveform."""

    kind: Literal["hifigan"] = "hifigan"
    config: HifiganConfig


class WaveglowPart(_TrainedVocoder):
    """WaveGlow: mel and noise to waveform."""

    kind: Literal["waveglow"] = "waveglow"
    config: WaveglowConfig


class SourceFilterPart(_TrainedVocoder):
    """A source-filter vocoder: mel to pitch, then mel, pitch, pulses and noise to waveform."""

    kind: Literal["source_filter"] = "source_filter"
    config: SourceFilterConfig

    @model_validator(mode="after")
    def _check_mel(self) -> Self:
        self.config.check_mel(self.mel)
        return self


class GriffinLimPart(_Model):
    """No trained vocoder: phases are estimated from the mel."""

    kind: Literal["griffin_lim"] = "griffin_lim"
    iterations: int = Field(60, ge=1, le=1000)


AcousticPart = FastPitchPart | Tacotron2Part
VocoderPart = HifiganPart | WaveglowPart | SourceFilterPart | GriffinLimPart


class VoiceManifest(Settings):
    """Everything a reader of the voice has to know before opening another file of it."""

    format_version: int = Field(FORMAT_VERSION, ge=1, le=FORMAT_VERSION)
    name: str = Field(pattern=NAME_PATTERN)
    language: str
    description: str = ""
    sample_rate: int
    frontend: FrontendConfig
    symbols: tuple[str, ...] = Field(min_length=1)
    speakers: tuple[Speaker, ...] = Field(min_length=1)
    acoustic: Annotated[AcousticPart, Field(discriminator="kind")]
    vocoder: Annotated[VocoderPart, Field(discriminator="kind")]
    licences: Licences
    metrics: dict[str, float] = Field(default_factory=dict)
    files: dict[FileName, FileEntry]

    @model_validator(mode="after")
    def _check(self) -> Self:
        differing = self.acoustic.mel.incompatibilities(self.vocoder.mel)
        if differing:
            raise ValueError(f"the acoustic model's mel and the vocoder's differ: {', '.join(differing)}")
        hop_length = self.vocoder.mel.hop_length
        if not isinstance(self.vocoder, GriffinLimPart) and self.vocoder.config.hop_length != hop_length:
            raise ValueError(f"the vocoder makes {self.vocoder.config.hop_length} samples a frame of {hop_length}")
        if self.sample_rate != self.vocoder.mel.sample_rate:
            raise ValueError(f"sample_rate {self.sample_rate}, the vocoder's is {self.vocoder.mel.sample_rate}")
        if len({speaker.name for speaker in self.speakers}) != len(self.speakers):
            raise ValueError("two speakers have the same name")
        return self

    @property
    def graphs(self) -> tuple[str, ...]:
        """The files that speaking needs."""
        kinds = (self.acoustic.kind, self.vocoder.kind)
        return tuple(graph.file for kind in kinds for graph in GRAPHS.get(kind, ()))

    def to_json(self) -> str:
        """Return the text of voice.json."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def parse_manifest(data: bytes, where: str) -> VoiceManifest:
    """Read the content of a voice.json; `where` names the voice in errors.

    Raises:
        VoiceError: It is not JSON, of another format version, or wrong; the message lists all problems.
    """
    try:
        tree = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise VoiceError(f"{where}: {MANIFEST_NAME} is not JSON in UTF-8") from None
    if not isinstance(tree, Mapping) or "format_version" not in tree:
        raise VoiceError(f"{where}: {MANIFEST_NAME} has no format_version, so this is not a voice")
    version = tree["format_version"]
    if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
        raise VoiceError(f"{where}: voice format {version}, this version reads 1 to {FORMAT_VERSION}; upgrade sonorant")
    try:
        return VoiceManifest.model_validate_json(data)
    except ValidationError as error:
        raise VoiceError(f"{where}: {MANIFEST_NAME}: {explain(error)}") from None


def explain(error: ValidationError) -> str:
    """Tell all of a validation's problems in one line."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'whole'}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False)
    )
