"""`sonorant say`: speak text to a file or to stdout, or explain how it would be read."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sonorant.cli.precision import Precision
from sonorant.errors import RequestError, TextError
from sonorant.files import check_writable

if TYPE_CHECKING:
    from sonorant.synthesis.synthesizer import Synthesizer
    from sonorant.voice import Voice
    from sonorant.voice.trained import TrainedModel


def say(
    words: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="The text, in quotes; without it, or with '-', stdin.")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="The text, also when it begins with '-'.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from a UTF-8 file.")] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="A file, or '-' for stdout; default: say.wav, or as --format.")
    ] = None,
    audio_format: Annotated[
        str | None, typer.Option("--format", help="wav, flac, mp3, ogg, opus or pcm; default: by the file's suffix.")
    ] = None,
    voice: Annotated[str | None, typer.Option("--voice", "-v", help="A built-in voice, a folder or a .voice.")] = None,
    acoustic: Annotated[
        Path | None, typer.Option(help="Speak with this acoustic model: a run, a checkpoint, a model or a voice.")
    ] = None,
    vocoder: Annotated[Path | None, typer.Option(help="The same for the vocoder; default: the voice's.")] = None,
    lexicon: Annotated[
        list[Path] | None, typer.Option(help="A file of words and their phones, one a line; may be given again.")
    ] = None,
    speaker: Annotated[str | None, typer.Option(help="One of the voice's speakers.")] = None,
    speed: Annotated[float, typer.Option(help="1 is normal, larger is faster (0.25 to 4).")] = 1.0,
    pitch: Annotated[float, typer.Option(help="Semitones up or down (-12 to 12).")] = 0.0,
    pitch_range: Annotated[float, typer.Option(help="Stretches the melody; 0 is monotone (0 to 3).")] = 1.0,
    seed: Annotated[int, typer.Option(help="Same voice, text and seed: same samples.")] = 0,
    denoise: Annotated[float, typer.Option(help="Strength of the vocoder's bias removal; 0 is off.")] = 0.0,
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    precision: Annotated[
        Precision | None, typer.Option(help="Of --acoustic and --vocoder where they are trained models; default: fp32.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show how the text is read; speak nothing.")] = False,
) -> None:
    """Speak text with a voice."""
    wanted = _text(words, text, file)
    path = None if output == "-" or explain else _path(output, audio_format)
    synthesizer = _synthesizer(voice, acoustic, vocoder, threads, lexicon or [], precision)
    if explain:
        _explain(synthesizer, wanted)
        return
    settings = {
        "speed": speed, "pitch": pitch, "pitch_range": pitch_range,
        "seed": seed, "speaker": speaker, "denoise": denoise,
    }  # fmt: skip
    if path is None:
        _stream(synthesizer, wanted, audio_format or "wav", settings)
    else:
        _save(synthesizer, wanted, path, settings)


def _synthesizer(
    voice: str | None,
    acoustic: Path | None,
    vocoder: Path | None,
    threads: int | None,
    lexicon: list[Path],
    precision: Precision | None,
) -> "Synthesizer":
    """Open a voice, or put one together whose halves come from elsewhere."""
    from sonorant.synthesis.synthesizer import DEFAULT_VOICE, Synthesizer

    chosen = voice or DEFAULT_VOICE
    if acoustic is None and vocoder is None:
        if precision is not None:
            raise RequestError(
                "say: --precision is of trained models (--acoustic, --vocoder); a voice speaks as it was packed"
            )
        return Synthesizer.load(chosen, threads=threads, lexicon_files=lexicon)
    if voice is not None and acoustic is not None and vocoder is not None:
        raise RequestError("say: --voice has nothing to do beside both --acoustic and --vocoder; leave one of them out")
    from sonorant.synthesis.assembly import assemble

    return assemble(_half(acoustic or chosen), _half(vocoder or chosen), threads, lexicon, precision)


def _half(source: str | Path) -> "Voice | TrainedModel":
    """Read a voice or a trained model, by what there is under that name."""
    from sonorant.voice import is_voice, load_voice

    path = Path(source)
    if is_voice(source):
        return load_voice(source, verify=False)
    if not path.exists():
        raise RequestError(f"{path}: no such voice, run, checkpoint or .safetensors file")
    from sonorant.training.checkpoint import load_trained

    return load_trained(path)


def _text(words: str | None, text: str | None, file: Path | None) -> str:
    given = [source for source in (words, text, file) if source is not None]
    if len(given) > 1:
        raise RequestError("say: the text is given more than once; use one of TEXT, --text and --file")
    if file is not None:
        return _decode(_read(file), str(file))
    if words == "-" or (not given and not sys.stdin.isatty()):
        return _decode(sys.stdin.buffer.read(), "stdin")
    if not given:
        raise RequestError("say: no text; give TEXT, --text, --file or write it to stdin")
    return words if words is not None else text or ""


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RequestError(f"{file}: cannot be read: {error.strerror}") from None


def _decode(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"{where}: not UTF-8 (byte {error.start}); save the text as UTF-8") from None


def _path(output: str | None, audio_format: str | None) -> Path:
    """Return the file to write, checked before anything is spoken."""
    from sonorant.audio.files import format_of

    path = Path(output or f"say.{audio_format or 'wav'}")
    check_writable(path)
    if audio_format not in (None, format_of(path)):
        raise RequestError(f"{path}: its suffix is not of --format {audio_format}; leave one of them out")
    return path


def _save(synthesizer: "Synthesizer", text: str, path: Path, settings: dict[str, Any]) -> None:
    from sonorant.audio import write_audio

    speech = synthesizer.speak(text, **settings)
    write_audio(path, speech)
    _warn(speech.warnings)
    print(f"{path} ({speech.duration_s:.2f} s)")
    _check(speech.warnings)


def _stream(synthesizer: "Synthesizer", text: str, audio_format: str, settings: dict[str, Any]) -> None:
    from sonorant.audio import StreamEncoder, encode

    out = sys.stdout.buffer
    if audio_format == "flac":
        speech = synthesizer.speak(text, **settings)
        out.write(encode(speech, audio_format))
        _warn(speech.warnings)
        _check(speech.warnings)
        return
    encoder = StreamEncoder(audio_format, synthesizer.sample_rate)
    warnings: list[str] = []

    def warn(warning: str) -> None:
        warnings.append(warning)
        _warn([warning])

    for chunk in synthesizer.stream(text, **settings, warn=warn):
        out.write(encoder.push(chunk))
        out.flush()
    out.write(encoder.close())
    _check(warnings)


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        print(f"sonorant: warning: {warning}", file=sys.stderr)


def _check(warnings: Iterable[str]) -> None:
    """End with exit code 1 where a sentence is not what was asked for; its sound is written all the same."""
    from sonorant.synthesis.speech import Failed

    if any(isinstance(warning, Failed) for warning in warnings):
        raise typer.Exit(1)


def _explain(synthesizer: "Synthesizer", text: str) -> None:
    from sonorant.synthesis.pieces import read_pieces

    pieces = list(read_pieces(synthesizer.frontend, text))
    if not pieces:
        raise TextError("text: it is empty; give at least one word")
    for read in pieces:
        print(f"text     {read.piece.text}")
        utterance = read.utterance
        if utterance is None:
            print(f"  left out         {read.error}\n")
            continue
        print(f"spoken   {utterance.spoken}")
        for step in utterance.steps:
            print(f"  {step.rule:<16} {step.written!r} -> {step.spoken!r}")
        for word in utterance.words:
            print(f"  {word.source:<16} {word.text} -> {' '.join(word.phones)}")
        for report in utterance.reports:
            print(f"  note             {report}")
        print()
