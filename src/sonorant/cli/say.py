"""`sonorant say`: speak text to a file or to stdout, or explain how it would be read."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated

import typer

from sonorant.cli.precision import Precision
from sonorant.errors import RequestError, TextError
from sonorant.files import check_writable

if TYPE_CHECKING:
    from sonorant.synthesis.runtime import Floats
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
    from sonorant.audio import write_chunks

    wanted = _text(words, text, file)
    path = None if output == "-" or explain else _path(output, audio_format)
    synthesizer = _synthesizer(voice, acoustic, vocoder, threads, lexicon or [], precision)
    if explain:
        _explain(synthesizer, wanted)
        return
    warnings = _Warnings()
    chunks = synthesizer.stream(
        wanted,
        speed=speed,
        pitch=pitch,
        pitch_range=pitch_range,
        seed=seed,
        speaker=speaker,
        denoise=denoise,
        warn=warnings,
    )
    if path is None:
        _to_stdout(chunks, audio_format or "wav", synthesizer.sample_rate)
    else:
        duration_s = write_chunks(path, chunks, synthesizer.sample_rate)
        print(f"{path} ({duration_s:.2f} s)")
    warnings.check()


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


def _to_stdout(chunks: Iterable["Floats"], audio_format: str, sample_rate: int) -> None:
    from sonorant.audio import FileEncoder, StreamEncoder, encode_into

    out = sys.stdout.buffer
    if audio_format != "flac":
        encode_into(out, chunks, StreamEncoder(audio_format, sample_rate))
        return
    with TemporaryFile() as file:  # flac is not streamed: its header is complete last
        encode_into(file, chunks, FileEncoder(audio_format, sample_rate))
        file.seek(0)
        shutil.copyfileobj(file, out)


class _Warnings:
    """Tells each warning on stderr as it arises, once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, warning: str) -> None:
        if warning not in self._told:
            print(f"sonorant: warning: {warning}", file=sys.stderr)
        self._told.add(warning)

    def check(self) -> None:
        """End with exit code 1 where a sentence is not what was asked for; its sound is written all the same."""
        from sonorant.synthesis.speech import Failed

        if any(isinstance(warning, Failed) for warning in self._told):
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
