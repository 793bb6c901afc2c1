"""Each layout becomes the same records, and whatever is wrong becomes a problem with its line."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonorant.corpus import Corpus, read_corpus
from sonorant.errors import CorpusError


def sound(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(100, dtype=np.float32), 8000)
    return path


def problems(corpus: Corpus) -> list[tuple[str, int | None]]:
    return [(problem.kind, problem.line) for problem in corpus.problems]


def texts(corpus: Corpus) -> dict[str, str]:
    return {record.utterance_id: record.text for record in corpus.records}


def test_the_lj_speech_layout_takes_two_or_three_columns_and_wav_or_flac(tmp_path: Path) -> None:
    sound(tmp_path / "wavs" / "a.wav")
    sound(tmp_path / "wavs" / "b.flac")
    (tmp_path / "metadata.csv").write_text("a|Dr. One|doctor one\n\nb|Two.\r\n")
    corpus = read_corpus(tmp_path)
    assert corpus.layout == "ljspeech" and not corpus.problems
    assert texts(corpus) == {"a": "doctor one", "b": "Two."}
    assert [(record.line, record.audio.name) for record in corpus.records] == [(1, "a.wav"), (3, "b.flac")]


def test_a_folder_of_pairs_is_read_at_any_depth_and_other_texts_are_no_transcripts(tmp_path: Path) -> None:
    sound(tmp_path / "deep" / "er" / "a.flac").with_suffix(".txt").write_text("\ufeffOne\n two. \n", encoding="utf-8")
    (tmp_path / "README.txt").write_text("Not a transcript.")
    corpus = read_corpus(tmp_path)
    assert corpus.layout == "pairs" and not corpus.problems
    assert texts(corpus) == {"deep/er/a": "One two."} and corpus.records[0].line is None


def test_a_file_list_names_speakers_and_paths_relative_to_itself(tmp_path: Path) -> None:
    sound(tmp_path / "x" / "a.wav")
    absolute = sound(tmp_path / "b.wav")
    (tmp_path / "list.txt").write_text(f"x/a.wav|One.|ann\n{absolute}|Two.\n")
    corpus = read_corpus(tmp_path / "list.txt")
    assert corpus.layout == "filelist" and not corpus.problems
    assert [(r.utterance_id, r.speaker) for r in corpus.records] == [
        ("x/a", "ann"), (str(absolute.with_suffix("")), "default"),
    ]  # fmt: skip


def test_json_lines_take_an_id_and_treat_null_as_missing(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    lines = [
        {"audio": "a.wav", "text": "One\n two.", "id": "first"},
        {"audio": "a.wav", "text": "Two.", "speaker": None},
    ]
    (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, lines)))
    corpus = read_corpus(tmp_path / "list.jsonl")
    assert corpus.layout == "jsonl" and not corpus.problems
    assert texts(corpus) == {"first": "One two.", "a": "Two."}


def test_every_bad_line_is_a_problem_with_its_number_and_the_rest_is_read(tmp_path: Path) -> None:
    for name in ("a", "b", "untold"):
        sound(tmp_path / "wavs" / f"{name}.wav")
    lines = [
        b"a|One.", b"only one column", b"a|Two.", b"b|caf\xe9", b"b|", b"|text", b"gone|Three.", b"b|1|2|3", b"b|Four.",
    ]  # fmt: skip
    (tmp_path / "metadata.csv").write_bytes(b"\n".join(lines))
    corpus = read_corpus(tmp_path)
    assert problems(corpus) == [
        ("columns", 2), ("duplicate-id", 3), ("encoding", 4), ("empty-text", 5), ("columns", 6), ("missing-audio", 7),
        ("columns", 8), ("missing-transcript", None),
    ]  # fmt: skip
    assert texts(corpus) == {"a": "One.", "b": "Four."}
    message = corpus.problems[1].message
    assert message == f"{tmp_path}/metadata.csv:3: the id a is taken by line 1; the later one is left out"
    assert "byte 0xe9 at position 6 is not UTF-8" in corpus.problems[2].message


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("{", "json"), ("[1]", "json"), ("1" * 5000, "json"), ("[" * 100_000, "json"),
        ('{"audio": "a.wav"}', "columns"),
        ('{"audio": 1, "text": "One."}', "columns"), ('{"audio": "a.wav", "text": " "}', "columns"),
        ('{"audio": "a.wav", "text": "One.", "speaker": 7}', "columns"),
        ('{"audio": "a.wav", "text": "\\ud800"}', "encoding"),
        ('{"audio": "a\\u0000.wav", "text": "One."}', "missing-audio"),
    ],
    ids=lambda value: value[:40],
)  # fmt: skip
def test_a_bad_line_of_json_is_a_problem(line: str, kind: str, tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    (tmp_path / "list.jsonl").write_text(f"\n{line}\n")
    corpus = read_corpus(tmp_path / "list.jsonl")
    assert problems(corpus) == [(kind, 2)] and not corpus.records


def test_columns_in_another_order_are_problems_even_where_the_text_is_longer_than_a_path(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{'long ' * 1000}|a.wav\n")
    assert problems(read_corpus(tmp_path / "list.txt")) == [("missing-audio", 1)]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_list_in_utf_16_is_one_problem(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes("\ufeffa.wav|One.\nb.wav|Two.\n".encode(encoding))
    corpus = read_corpus(tmp_path / "list.txt")
    assert problems(corpus) == [("encoding", 1)] and "UTF-16" in corpus.problems[0].message


def test_pairs_with_something_wrong_are_problems_of_their_own(tmp_path: Path) -> None:
    for name in ("good.wav", "latin.wav", "empty.wav", "alone.wav", "twice.flac", "twice.wav"):
        sound(tmp_path / name)
    transcripts = {"good": b"One.", "latin": b"caf\xe9", "empty": b" \n", "gone": b"Two.", "twice": b"Six."}
    for name, content in transcripts.items():
        (tmp_path / f"{name}.txt").write_bytes(content)
    (tmp_path / "folder.txt").mkdir()
    corpus = read_corpus(tmp_path)
    assert {(problem.kind, problem.utterance_id) for problem in corpus.problems} == {
        ("encoding", "latin"), ("empty-text", "empty"), ("missing-audio", "gone"), ("missing-transcript", "alone"),
        ("shadowed-audio", "twice"),
    }  # fmt: skip
    assert texts(corpus) == {"good": "One.", "twice": "Six."}


def test_a_file_name_that_is_not_unicode_is_a_problem_that_can_be_printed(tmp_path: Path) -> None:
    sound(tmp_path / "good.wav").with_suffix(".txt").write_text("One.")
    for suffix in (b".wav", b".txt"):
        try:
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9" + suffix)).write_bytes(b"Two.")
        except OSError:
            pytest.skip("this file system takes Unicode names only")
    corpus = read_corpus(tmp_path)
    assert problems(corpus) == [("encoding", None)] and texts(corpus) == {"good": "One."}
    assert "caf\\udce9" in corpus.problems[0].message.encode().decode()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such corpus; allowed are"),
        (lambda path: path.mkdir(), "layout cannot be told, found no metadata.csv and 0 recordings"),
        (lambda path: sound(path / "a.wav"), "found no metadata.csv and 1 recordings, none with a .txt"),
        (lambda path: path.write_text("a"), "layout cannot be told from the suffix '.xyz'"),
    ],
)
def test_what_is_no_corpus_is_refused_with_the_layouts_there_are(make, message: str, tmp_path: Path) -> None:
    make(tmp_path / "corpus.xyz")
    with pytest.raises(CorpusError, match=message) as caught:
        read_corpus(tmp_path / "corpus.xyz")
    assert "path|text" in str(caught.value)


def test_real_corpora_are_read_without_a_problem(shared: Path) -> None:
    lj, kathleen = read_corpus(shared / "data" / "LJSpeech-1.1"), read_corpus(shared / "data" / "kathleen")
    assert (lj.layout, len(lj.records)) == ("ljspeech", 360) and not lj.problems
    assert (kathleen.layout, len(kathleen.records)) == ("pairs", 1564) and not kathleen.problems
