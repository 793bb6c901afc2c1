"""`sonorant voices`: list the built-in voices, or inspect one."""

from typing import Annotated

import typer


def voices(
    name: Annotated[str | None, typer.Argument(help="A built-in voice, a folder or a .voice.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the voice's manifest.")] = False,
) -> None:
    """List the built-in voices, or verify and describe one."""
    from sonorant.voice import list_voices, load_voice

    if name is None:
        for built_in in list_voices():
            print(f"{built_in:<16} {load_voice(built_in).manifest.description}")
        return
    voice = load_voice(name)
    manifest = voice.manifest
    if as_json:
        print(manifest.to_json(), end="")
        return
    size = sum(entry.num_bytes for entry in manifest.files.values())
    print(f"{manifest.name}: {manifest.description}")
    print(f"  where      {voice.where} ({size / 2**20:.1f} MiB, {len(manifest.files)} files, all hashes verified)")
    print(f"  language   {manifest.language}, symbols {manifest.frontend.symbols} ({len(manifest.symbols)})")
    print(f"  sound      {manifest.sample_rate} Hz, mel {manifest.acoustic.mel_signature}")
    print(f"  models     {manifest.acoustic.kind} + {manifest.vocoder.kind}")
    print(f"  speakers   {', '.join(speaker.name for speaker in manifest.speakers)}")
    print(f"  licences   data: {manifest.licences.data}; weights: {manifest.licences.weights}")
    for part, facts in (("acoustic", manifest.acoustic.facts), ("vocoder", manifest.vocoder.facts)):
        for key, value in facts.items():
            print(f"  {part:<10} {key}: {f'{value:.4g}' if isinstance(value, float) else value}")
    for metric, figure in manifest.metrics.items():
        print(f"  measured   {metric}: {figure:g}")
