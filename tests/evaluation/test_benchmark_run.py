"""`sonorant bench` from the command to its table and its JSON; speed itself is nothing to test."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sonorant.cli import main
from sonorant.cli.bench import show
from sonorant.config import AcousticRecipe, list_recipes, load_recipe
from sonorant.evaluation import benchmark_machine, benchmark_run, benchmark_torch
from sonorant.evaluation.benchmark import Row, Work
from sonorant.evaluation.benchmark_report import COLUMNS, Report, plain_table, row_cells
from sonorant.evaluation.benchmark_sentences import SENTENCES, num_words, sentences_up_to
from sonorant.text import Frontend

TINY = [name for name in list_recipes() if name.startswith("tiny_")]
REPORT_FIELDS = {
    "format", "definitions", "date", "machine", "versions", "settings", "matrix_products", "sentences", "rows",
}  # fmt: skip
ROW_FIELDS = {
    "model", "stage", "words", "batch", "parameters", "audio_s", "counts",
    "latency", "rtf", "speed_up", "processor_s", "cores", "rates", "peak_bytes", "seconds",
}  # fmt: skip


@dataclass(frozen=True)
class Done:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


Bench = Callable[..., Done]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Bench:
    """Run `sonorant bench` in this process, on one thread, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for module in (benchmark_machine, benchmark_torch):
        monkeypatch.setattr(module, "CPU_PRODUCT_SIZE", 64)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr("sys.argv", ["sonorant", "bench", "--threads", "1", *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        written = capsys.readouterr()
        assert isinstance(code, int) and "Traceback" not in written.err
        return Done(code, written.out, written.err)

    return run


def check_row(row: dict[str, Any], repeats: int) -> None:
    assert set(row) == ROW_FIELDS
    assert set(row["latency"]) == {"mean", "median", "p90", "p95", "p99"}
    assert len(row["seconds"]) == repeats
    assert row["latency"]["mean"] == pytest.approx(sum(row["seconds"]) / repeats)
    assert row["rtf"] == pytest.approx(row["latency"]["mean"] / row["audio_s"])
    assert row["speed_up"] == pytest.approx(1 / row["rtf"])
    assert row["cores"] == pytest.approx(row["processor_s"] / row["latency"]["mean"])
    assert set(row["rates"]) == set(row["counts"]) and row["parameters"] > 0 and row["peak_bytes"] >= 0


def check_table(out: str, num_rows: int) -> list[str]:
    """Return the lines of the table's body."""
    heading, table = out.split("\n\n")
    assert "RTF: seconds of compute per second of audio" in heading and "GFLOP/s" in heading
    lines = table.splitlines()
    assert all(name in lines[0] for name in COLUMNS) and len(lines) == num_rows + 1
    return lines[1:]


def test_a_voice_is_measured_from_text_to_sound(bench: Bench, tiny_voice: Path) -> None:
    done = bench(
        "--voice", tiny_voice, "--max-words", 2, "--batch", 1, "--batch", 2, "--repeats", 2, "--json", "bench.json"
    )
    assert done.code == 0, done.err
    report = json.loads(Path("bench.json").read_text())
    assert set(report) == REPORT_FIELDS
    assert "seconds of compute" in report["definitions"]["rtf"] and "1 / rtf" in report["definitions"]["speed_up"]
    assert report["settings"]["threads"] == 1 and report["settings"]["runtime"] == "onnx"
    assert report["settings"]["warmups"] == 2 and report["settings"]["batches"] == [1, 2]
    assert report["matrix_products"][0]["library"] == "onnxruntime"
    kinds = {(row["stage"], row["batch"]) for row in report["rows"]}
    assert kinds == {
        ("first sound", 1), *((stage, batch) for stage in ("speak", "acoustic", "vocoder") for batch in (1, 2)),
    }  # fmt: skip
    for row in report["rows"]:
        check_row(row, repeats=2)
    by_kind = {(row["stage"], row["batch"], row["words"]): row for row in report["rows"]}
    assert len(by_kind) == len(report["rows"]) == 7 * 3
    spoken, acoustic, vocoder = (by_kind[stage, 1, 2] for stage in ("speak", "acoustic", "vocoder"))
    assert spoken["audio_s"] == acoustic["audio_s"] == vocoder["audio_s"] > by_kind["first sound", 1, 2]["audio_s"] > 0
    assert spoken["parameters"] == acoustic["parameters"] + vocoder["parameters"]
    assert by_kind["speak", 2, 2]["audio_s"] == pytest.approx(2 * spoken["audio_s"])
    assert by_kind["vocoder", 2, 2]["counts"]["samples"] == 2 * vocoder["counts"]["samples"]
    lines = check_table(done.out, len(report["rows"]))
    assert sum("mean" in line for line in lines) == 7
    assert "bench: 14/14" in done.err


def test_a_voice_is_measured_in_torch_when_asked(bench: Bench, tiny_voice: Path) -> None:
    done = bench("--voice", tiny_voice, "--runtime", "torch", "--max-words", 1, "--repeats", 1, "--json", "b.json")
    assert done.code == 0, done.err
    report = json.loads(Path("b.json").read_text())
    assert report["settings"]["runtime"] == "torch" and report["matrix_products"][0]["library"] == "torch"


def test_networks_of_several_recipes_are_measured(bench: Bench) -> None:
    recipes = [part for name in TINY for part in ("--recipe", name)]
    done = bench(*recipes, "--max-words", 1, "--repeats", 2, "--batch", 2, "--json", "bench.json")
    assert done.code == 0, done.err
    report = json.loads(Path("bench.json").read_text())
    assert set(report) == REPORT_FIELDS
    assert report["settings"]["recipes"] == dict.fromkeys(TINY, "fp32")
    found = []
    for row in report["rows"]:
        check_row(row, repeats=2)
        found.append((row["model"], row["stage"], row["batch"], row["words"], set(row["counts"])))
    expected = []
    for name in TINY:
        acoustic = isinstance(load_recipe(name), AcousticRecipe)
        counted = {"frames"} if acoustic else {"samples"}
        steps = {"decoder steps"} if name == "tiny_tacotron2" else set()
        expected.append((name, "acoustic" if acoustic else "vocoder", 2, 1, counted | steps))
    assert found == expected
    check_table(done.out, len(report["rows"]))


def test_the_precision_of_a_recipe_can_be_chosen(bench: Bench) -> None:
    done = bench("-r", "tiny_hifigan", "--precision", "bf16", "--max-words", 1, "--repeats", 1, "--json", "b.json")
    assert done.code == 0, done.err
    report = json.loads(Path("b.json").read_text())
    assert report["settings"]["recipes"] == {"tiny_hifigan": "bf16"}
    assert [product["precision"] for product in report["matrix_products"]] == ["bf16"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--recipe", "tiny_fastpich"), "did you mean tiny_fastpitch?"),
        (("--recipe", "tiny_fastpitch", "--recipe", "missing.yaml"), "missing.yaml"),
        (("--voice", "nobody"), "nobody: no such voice"),
        (("--recipe", "tiny_fastpitch", "--voice", "kathleen"), "do not go with --recipe"),
        (("--recipe", "tiny_fastpitch", "--runtime", "torch"), "do not go with --recipe"),
        (("--precision", "bf16"), "--precision goes with --recipe"),
        (("--device", "cuda", "--runtime", "onnx"), "the onnx runtime computes on cpu"),
        (("--device", "warp"), "'warp' is not one of 'cpu', 'cuda'"),
        (("--batch", "0"), "'--batch': Input should be greater than or equal to 1"),
        (("--repeats", "0"), "'--repeats': Input should be greater than or equal to 1"),
        (("--json", "missing/bench.json"), "missing does not exist"),
        (("--json", "."), "this is a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_told_before_anything_is_measured(
    bench: Bench, arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark_run, "measure", lambda *_: pytest.fail("measured"))
    done = bench(*arguments)
    assert done.code == 2 and message in done.err and not done.out
    assert not list(Path().iterdir())


@pytest.mark.parametrize("arguments", [("--recipe", "tiny_hifigan"), ()], ids=["a recipe", "a voice"])
def test_a_gpu_that_is_not_there_is_told_before_anything_is_measured(
    bench: Bench, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_gpu(*_: object, device: str) -> None:
        raise RuntimeError(f"no {device} here")

    monkeypatch.setattr(benchmark_torch.torch, "empty", no_gpu)
    monkeypatch.setattr(benchmark_run, "measure", lambda *_: pytest.fail("measured"))
    done = bench(*arguments, "--device", "cuda")
    assert done.code == 2 and "device: cuda cannot be used: no cuda here" in done.err


def test_the_sentences_are_of_the_stated_lengths_and_nothing_of_them_is_dropped() -> None:
    assert [num_words(sentence) for sentence in SENTENCES] == [1, 2, 4, 6, 8, 12, 16, 20, 30, 40]
    frontend = Frontend()
    for sentence in SENTENCES:
        utterance = frontend.utterance(sentence)
        assert not utterance.reports and len(utterance.words) == num_words(sentence)
    assert sentences_up_to(12) == SENTENCES[:6]
    assert sentences_up_to(11) == SENTENCES[:5]


ROW = Row(Work("fastpitch", "acoustic", None, 4, 46_266_420, 2.0, {"frames": 100.0}), (0.5, 1.5), 0.25, 3 * 2**20)


def test_a_row_is_written_in_the_units_of_its_columns() -> None:
    cells = dict(zip(COLUMNS, row_cells(ROW), strict=True))
    assert cells == {
        "stage": "acoustic", "model": "fastpitch", "words": "mean", "batch": "4", "parameters": "46,266,420",
        "audio s": "2.00", "mean ms": "1000", "median": "1000", "p90": "1400", "p95": "1450", "p99": "1490",
        "RTF": "0.5", "speed-up": "2", "cores": "0.25", "MiB": "3", "per second": "100 frames",
    }  # fmt: skip


def test_columns_are_aligned_numbers_to_the_right() -> None:
    assert plain_table([("model", "RTF"), ("a", "0.125"), ("longer", "2")]) == [
        "model     RTF", "a       0.125", "longer      2",
    ]  # fmt: skip


def test_a_terminal_gets_a_drawn_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    show(Report("2026-01-01", {"cores": 2}, {"python": "3"}, {"threads": 1}, [], [ROW]))
    out = capsys.readouterr().out
    assert "│ acoustic" in out and "46,266,420" in out and "speed-up" in out
