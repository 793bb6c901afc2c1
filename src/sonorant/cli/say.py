"""`sonorant say`: speak text to a file or to stdout, or explain how it would be read."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonorant.errors import RequestError

if TYPE_CHECKING:
    from sonorant.synthesis import Synthesizer

BUILT_IN_VOICE = "kathleen"


def say(
    words: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="The text; '-' reads it from stdin.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="The text, also when it begins with '-'.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from a UTF-8 file.")] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="A file, or '-' for stdout.")] = "say.wav",
    audio_format: Annotated[
        str | None, typer.Option("--format", help="wav, flac, mp3, ogg, opus or pcm; default: by the file's suffix.")
    ] = None,
    voice: Annotated[str, typer.Option("--voice", "-v", help="A built-in voice, a folder or a .voice.")] = BUILT_IN_VOICE,
    speaker: Annotated[str | None, typer.Option(help="One of the voice's speakers.")] = None,
    speed: Annotated[float, typer.Option(help="1 is normal, larger is faster (0.25 to 4).")] = 1.0,
    pitch: Annotated[float, typer.Option(help="Semitones up or down (-12 to 12).")] = 0.0,
    seed: Annotated[int, typer.Option(help="Same voice, text and seed: same samples.")] = 0,
    denoise: Annotated[float, typer.Option(help="Strength of the vocoder's bias removal; 0 is off.")] = 0.0,
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show how the text is read; speak nothing.")] = False,
) -> None:
    """Speak text with a voice."""
    from sonorant.synthesis import Synthesizer

    wanted = _text(words, text, file)
    synthesizer = Synthesizer.load(voice, threads=threads)
    if explain:
        _explain(synthesizer, wanted)
        return
    settings = {"speed": speed, "pitch": pitch, "seed": seed, "speaker": speaker, "denoise": denoise}
    if output == "-":
        _stream(synthesizer, wanted, audio_format or "wav", settings)
    else:
        _save(synthesizer, wanted, Path(output), audio_format, settings)


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
