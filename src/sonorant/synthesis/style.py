"""How to speak: what a caller asks for, checked, in the numbers that the acoustic model takes."""

from dataclasses import dataclass

from sonorant.errors import RequestError
from sonorant.voice.manifest import GriffinLimPart, SourceFilterPart, Speaker, Tacotron2Part, VoiceManifest

_RANGES = {"speed": (0.25, 4.0), "pitch": (-12.0, 12.0), "pitch_range": (0.0, 3.0), "denoise": (0.0, 1.0)}


@dataclass(frozen=True)
class Style:
    """How one voice speaks.

    The model predicts pitch p normalised by the speaker's mean and deviation. To multiply the pitch in Hz by r, and its
    movement around the mean by g besides, p becomes r g p + (r - 1) mean / deviation: `pitch_scale` and `pitch_offset`.
    """

    speaker_id: int
    speed: float
    pitch_scale: float
    pitch_offset: float
    seed: int
    denoise: float


def choose_style(
    manifest: VoiceManifest,
    speed: float,
    pitch: float,
    seed: int,
    speaker: str | None,
    denoise: float,
    pitch_range: float,
) -> Style:
    """Check what a caller asks of a voice; see `Synthesizer.speak` for the arguments.

    Raises:
        RequestError: A setting is out of its range, or the voice cannot do it.
    """
    given = {"speed": speed, "pitch": pitch, "pitch_range": pitch_range, "denoise": denoise}
    for name, value in given.items():
        low, high = _RANGES[name]
        if not low <= value <= high:
            raise RequestError(f"{name}: {value:g}, allowed are {low:g} to {high:g}")
    if seed < 0:
        raise RequestError(f"seed: {seed}, allowed are whole numbers from 0 on")
    if denoise and isinstance(manifest.vocoder, GriffinLimPart | SourceFilterPart):
        raise RequestError(f"denoise: a {manifest.vocoder.kind} vocoder has no bias that could be removed; use 0")
    speaker_id, chosen = _find_speaker(manifest, speaker)
    if isinstance(manifest.acoustic, Tacotron2Part) and (pitch or pitch_range != 1.0):
        raise RequestError("pitch: this voice's Tacotron 2 has no pitch to change; leave pitch and pitch_range out")
    ratio = 2.0 ** (pitch / 12.0)
    return Style(
        speaker_id=speaker_id,
        speed=speed,
        pitch_scale=ratio * pitch_range,
        pitch_offset=(ratio - 1.0) * chosen.pitch_mean_hz / chosen.pitch_std_hz,
        seed=seed,
        denoise=denoise,
    )


def _find_speaker(manifest: VoiceManifest, name: str | None) -> tuple[int, Speaker]:
    for speaker_id, speaker in enumerate(manifest.speakers):
        if name is None or speaker.name == name:
            return speaker_id, speaker
    known = ", ".join(speaker.name for speaker in manifest.speakers)
    raise RequestError(f"speaker: the voice {manifest.name} has no {name!r}; it has {known}")
