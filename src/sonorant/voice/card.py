"""MODEL_CARD.md: what a person should know about a voice before using it."""

from collections.abc import Mapping

from sonorant.voice.manifest import VoiceManifest


def write_card(manifest: VoiceManifest) -> str:
    """Return the model card of a voice, made of nothing but its manifest."""
    speakers = ", ".join(speaker.name for speaker in manifest.speakers)
    mel = manifest.vocoder.mel
    lines = [
        f"# {manifest.name}",
        "",
        manifest.description or "A voice for sonorant.",
        "",
        f"- Language: {manifest.language}",
        f"- Speakers: {speakers}",
        f"- Sound: {manifest.sample_rate} Hz, {mel.n_mels} mel bins, hop of {mel.hop_length} samples",
        f"- Acoustic model: {manifest.acoustic.kind}",
        f"- Vocoder: {manifest.vocoder.kind}",
        f"- Licence of the recordings: {manifest.licences.data}",
        f"- Licence of the weights: {manifest.licences.weights}",
        *_table("Measured", manifest.metrics),
        *_table("Training of the acoustic model", manifest.acoustic.facts),
        *_table("Training of the vocoder", manifest.vocoder.facts),
        "",
        "## Use",
        "",
        "A synthetic voice can be mistaken for a person. Tell listeners that the speech is synthetic, and do not",
        "let it say what its speaker would not have agreed to.",
    ]
    return "\n".join(lines) + "\n"


def _table(title: str, facts: Mapping[str, str | int | float]) -> list[str]:
    if not facts:
        return []
    rows = [f"| {_cell(name)} | {_cell(value)} |" for name, value in facts.items()]
    return ["", f"## {title}", "", "| what | value |", "|---|---|", *rows]


def _cell(value: str | int | float) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.split()).replace("|", "\\|")
