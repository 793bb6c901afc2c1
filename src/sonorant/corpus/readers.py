"""From a corpus on disk to records. One reader per layout; `read_corpus` tells which.

ljspeech: a folder with metadata.csv of `id|text` or `id|raw|normalised` and wavs/ID.wav or wavs/ID.flac
pairs:    a folder, at any depth, of NAME.flac (or another format) beside NAME.txt
filelist: a .txt, .csv or .psv file of `path|text` or `path|text|speaker`, paths relative to the file
jsonl:    a .jsonl file of {"audio": path, "text": ..., "speaker": ...}, paths relative to the file
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sonorant.corpus.lines import Line, ProblemList, decode, printable, read_lines
from sonorant.corpus.records import Corpus, Layout, Record
from sonorant.errors import CorpusError

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".w64", ".au")
"""What counts as a recording in a folder, best first; a file list may name any file."""

DEFAULT_SPEAKER = "default"
"""The speaker of every clip of a corpus that names none."""

_LAYOUTS = (
    "allowed are a folder with metadata.csv and wavs/, a folder of recordings with a .txt beside each, "
    "a list (.txt, .csv, .psv) of path|text, or a .jsonl file"
)


@dataclass(frozen=True)
class _Draft:
    """A record before its audio and its id have been checked; `audio` holds the places where it may lie."""

    utterance_id: str
    audio: tuple[Path, ...]
    text: str
    speaker: str
    line: int | None
    source: Path

    @property
    def where(self) -> str:
        return str(self.source) if self.line is None else f"{self.source}:{self.line}"

    def unwritable(self) -> str | None:
        """Return the name of the field that no encoding can write, if there is one."""
        fields = {"id": self.utterance_id, "text": self.text, "speaker": self.speaker}
        return next((name for name, value in fields.items() if printable(value) != value), None)


def read_corpus(path: Path) -> Corpus:
    """Read a corpus of any layout.

    Lines that cannot be used become problems of the corpus, and the rest is read.

    Raises:
        CorpusError: There is nothing at `path`, it cannot be read, or its layout cannot be told.
    """
    path = Path(path)
    problems = ProblemList()
    try:
        layout = _layout(path)
        reader = {"ljspeech": _ljspeech, "pairs": _pairs, "filelist": _filelist, "jsonl": _jsonl}[layout]
        records = _complete(reader(path, problems), problems)
        if layout in ("ljspeech", "pairs"):
            _report_untranscribed(path, records, problems)
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror or error}") from None
    return Corpus(tuple(records), tuple(problems), layout, path)


def _layout(path: Path) -> Layout:
    if not path.exists():
        raise CorpusError(f"{path}: no such corpus; {_LAYOUTS}")
    if path.is_dir():
        if (path / "metadata.csv").is_file():
            return "ljspeech"
        recordings = _recordings(path)
        if any(recording.with_suffix(".txt").is_file() for recording in recordings):
            return "pairs"
        raise CorpusError(
            f"{path}: layout cannot be told, found no metadata.csv and {len(recordings)} recordings, none with a "
            f".txt beside it; {_LAYOUTS}"
        )
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return "jsonl"
    if path.suffix.lower() in (".txt", ".csv", ".psv"):
        return "filelist"
    raise CorpusError(f"{path}: layout cannot be told from the suffix {path.suffix!r}; {_LAYOUTS}")


def _recordings(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.rglob("*") if entry.suffix.lower() in AUDIO_SUFFIXES and entry.is_file())


def _ljspeech(path: Path, problems: ProblemList) -> Iterator[_Draft]:
    source = path / "metadata.csv"
    for line in read_lines(source, problems):
        columns = _columns(line, (2, 3), "id|text or id|raw|normalised", problems)
        if columns:
            name = columns[0]
            places = tuple(path / "wavs" / f"{name}{suffix}" for suffix in AUDIO_SUFFIXES)
            yield _Draft(name, places, columns[-1], DEFAULT_SPEAKER, line.number, source)


def _pairs(path: Path, problems: ProblemList) -> Iterator[_Draft]:
    beside: dict[Path, list[Path]] = {}
    for recording in _recordings(path):
        beside.setdefault(recording.with_suffix(""), []).append(recording)
    folders = {stem.parent for stem in beside}
    for source in sorted(path.rglob("*.txt")):
        stem = source.with_suffix("")
        utterance_id = stem.relative_to(path).as_posix()
        recordings = beside.get(stem, [])
        if stem.parent not in folders or not source.is_file():
            continue  # a README or a licence, not a transcript
        text = _transcript(source, utterance_id, problems)
        if text is not None:
            ranked = sorted(recordings, key=lambda entry: AUDIO_SUFFIXES.index(entry.suffix.lower()))
            places = tuple(ranked) or (stem.with_suffix(AUDIO_SUFFIXES[0]),)
            yield _Draft(utterance_id, places, " ".join(text.split()), DEFAULT_SPEAKER, None, source)


def _transcript(source: Path, utterance_id: str, problems: ProblemList) -> str | None:
    try:
        content = source.read_bytes()
    except OSError as error:
        problems.error("unreadable", f"{source}: cannot be read: {error.strerror or error}", utterance_id)
        return None
    return decode(content, source, None, utterance_id, problems)


def _filelist(path: Path, problems: ProblemList) -> Iterator[_Draft]:
    for line in read_lines(path, problems):
        columns = _columns(line, (2, 3), "path|text or path|text|speaker", problems)
        if columns:
            audio, text, speaker = (*columns, DEFAULT_SPEAKER)[:3]
            utterance_id = Path(audio).with_suffix("").as_posix()
            yield _Draft(utterance_id, (path.parent / audio,), text, speaker or DEFAULT_SPEAKER, line.number, path)


def _jsonl(path: Path, problems: ProblemList) -> Iterator[_Draft]:
    for line in read_lines(path, problems):
        fields = _fields(line, problems)
        if fields:
            audio = fields["audio"]
            utterance_id = fields.get("id") or Path(audio).with_suffix("").as_posix()
            speaker = fields.get("speaker") or DEFAULT_SPEAKER
            text = " ".join(fields["text"].split())
            yield _Draft(utterance_id, (path.parent / audio,), text, speaker, line.number, path)


def _columns(line: Line, allowed: tuple[int, ...], form: str, problems: ProblemList) -> list[str] | None:
    columns = [column.strip() for column in line.text.split("|")]
    if len(columns) not in allowed:
        problems.error("columns", f"{line.where}: {len(columns)} columns, expected {form}", line=line.number)
        return None
    if not columns[0]:
        problems.error("columns", f"{line.where}: the first column is empty, expected {form}", line=line.number)
        return None
    return columns


def _fields(line: Line, problems: ProblemList) -> dict[str, str] | None:
    try:
        found = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        problems.error("json", f"{line.where}: not JSON: {error}", line=line.number)
        return None
    if not isinstance(found, dict):
        problems.error("json", f"{line.where}: a line is an object, found {type(found).__name__}", line=line.number)
        return None
    found = {key: value for key, value in found.items() if value is not None}
    wrong = [key for key in ("audio", "text") if not isinstance(found.get(key), str) or not found[key].strip()]
    wrong += [key for key in ("id", "speaker") if not isinstance(found.get(key, ""), str)]
    if wrong:
        message = f"{line.where}: {', '.join(wrong)}: missing, empty or not a string"
        problems.error("columns", message, line=line.number)
        return None
    return found


def _complete(drafts: Iterable[_Draft], problems: ProblemList) -> list[Record]:
    """Keep the drafts that have a text, an audio file and an id of their own."""
    records: dict[str, Record] = {}
    for draft in drafts:
        place = draft.utterance_id, draft.line
        audio = next((candidate for candidate in draft.audio if _is_file(candidate)), None)
        first = records.get(draft.utterance_id)
        if draft.unwritable():
            message = f"{draft.where}: the {draft.unwritable()} is not Unicode; rename it, or write it again as UTF-8"
            problems.error("encoding", message, *place)
        elif first is not None:
            message = f"the id {draft.utterance_id} is taken by line {first.line}; the later one is left out"
            problems.error("duplicate-id", f"{draft.where}: {message}", *place)
        elif not draft.text:
            problems.error("empty-text", f"{draft.where}: the transcript is empty", *place)
        elif audio is None:
            looked = f"{draft.audio[0]}" + (" or .flac" if draft.audio[1:] else "")
            problems.error("missing-audio", f"{draft.where}: no recording, looked for {looked}", *place)
        else:
            records[draft.utterance_id] = Record(
                draft.utterance_id, audio, draft.text, draft.speaker, draft.line, draft.source
            )
    return list(records.values())


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system: columns in another order, most likely
        return False


def _report_untranscribed(path: Path, records: list[Record], problems: ProblemList) -> None:
    used = {record.audio for record in records}
    used_stems = {audio.with_suffix("") for audio in used}
    named = {problem.utterance_id for problem in problems}
    folder = path / "wavs" if (path / "metadata.csv").is_file() else path
    for recording in _recordings(folder):
        stem = recording.with_suffix("")
        utterance_id = stem.relative_to(folder).as_posix()
        if recording in used or printable(utterance_id) in named:
            continue
        if stem in used_stems:
            message = f"{recording}: another recording of the same name is used instead"
            problems.warning("shadowed-audio", message, utterance_id)
        else:
            problems.warning("missing-transcript", f"{recording}: has no transcript", utterance_id)
