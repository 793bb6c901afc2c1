"""A synthesizer of two halves that are no voice yet: any acoustic model with any vocoder of the same mel."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from sonorant.errors import RequestError, VoiceError
from sonorant.synthesis.runtime import PairedRuntime, Runtime, load_runtime
from sonorant.synthesis.synthesizer import Synthesizer
from sonorant.voice.load import Voice
from sonorant.voice.manifest import Licences, VocoderPart, VoiceManifest, explain
from sonorant.voice.pack import describe, vocoder_part
from sonorant.voice.trained import TrainedModel

_UNSTATED = Licences(data="unstated", weights="unstated")


def assemble(
    acoustic: Voice | TrainedModel,
    vocoder: Voice | TrainedModel,
    threads: int | None = None,
    lexicon_files: Sequence[Path] = (),
    precision: str | None = None,
) -> Synthesizer:
    """Speak with the acoustic model of one voice or training and with the vocoder of another.

    The halves of voices run in ONNX Runtime as they were packed, those of trained models in torch; `precision` (None:
    fp32) is of the latter.

    Raises:
        RequestError: There is no such precision, or both halves are of voices.
        VoiceError: Their mels differ, or a model stands in the other's place.
    """
    if precision is not None and isinstance(acoustic, Voice) and isinstance(vocoder, Voice):
        raise RequestError(f"precision: {precision} is for trained models, and these are of voices: leave it out")
    spoken, part = _spoken(acoustic), _part(vocoder)
    tree = dict(spoken) | {"vocoder": part, "sample_rate": part.mel.sample_rate}
    try:
        manifest = VoiceManifest.model_validate(tree)
    except ValidationError as error:
        raise VoiceError(f"these models do not speak together: {explain(error)}") from None
    runtime = PairedRuntime(*(_runtime(half, threads, precision or "fp32") for half in (acoustic, vocoder)))
    return Synthesizer(manifest, runtime, lexicon_files)


def _spoken(acoustic: Voice | TrainedModel) -> VoiceManifest:
    if isinstance(acoustic, Voice):
        return acoustic.manifest
    return describe(acoustic, None, name="assembled", licences=_UNSTATED)


def _part(vocoder: Voice | TrainedModel) -> VocoderPart:
    return vocoder.manifest.vocoder if isinstance(vocoder, Voice) else vocoder_part(vocoder)


def _runtime(half: Voice | TrainedModel, threads: int | None, precision: str) -> Runtime:
    if isinstance(half, Voice):
        return load_runtime("onnx", half, threads)
    from sonorant.synthesis.torch_runtime import TorchRuntime

    return TorchRuntime.of_models(half, threads=threads, precision=precision)
