"""The figures of a benchmark against figures worked out by hand; no clock runs here."""

import pytest

from sonorant.evaluation.benchmark import WARMUPS, Case, Latency, Row, Stage, Work, measure, summarize, with_means


class FakeInstruments:
    """A clock and a memory that work moves."""

    def __init__(self) -> None:
        self.time_s = 100.0
        self.processor_s = 7.0
        self.peak = 0

    def work(self, seconds: float, used_bytes: int, cores: float = 1.0) -> None:
        self.time_s += seconds
        self.processor_s += cores * seconds
        self.peak = max(self.peak, used_bytes)

    def now(self) -> float:
        return self.time_s

    def processor_now(self) -> float:
        return self.processor_s

    def forget_peak(self) -> None:
        self.peak = 0

    def peak_bytes(self) -> int:
        return self.peak


def work(
    words: int | None = 4, audio_s: float = 2.0, batch: int = 1, stage: Stage = "vocoder", **counts: float
) -> Work:
    return Work("some vocoder", stage, words, batch, 1000, audio_s, counts)


def test_percentiles_are_interpolated_between_repeats() -> None:
    # 1 to 11 lie at 0 %, 10 % ... 100 %: 95 % is halfway from 10 to 11, 99 % nine tenths of the way.
    assert summarize([11, 2, 3, 10, 5, 6, 7, 8, 9, 4, 1]) == Latency(6.0, 6.0, 10.0, 10.5, 10.9)


def test_one_repeat_is_all_its_statistics() -> None:
    assert summarize([0.25]) == Latency(0.25, 0.25, 0.25, 0.25, 0.25)


def test_the_median_is_not_moved_by_one_slow_repeat_but_the_mean_is() -> None:
    latency = summarize([1.0, 1.0, 1.0, 1.0, 6.0])
    assert latency.median == 1.0 and latency.mean == 2.0


def test_warm_up_runs_are_left_out_of_time_and_memory() -> None:
    instruments, runs = FakeInstruments(), []

    def run() -> None:
        runs.append(len(runs))
        slow = len(runs) <= WARMUPS
        instruments.work(50.0 if slow else 0.5 * len(runs), 10**9 if slow else 1000 + len(runs))

    row = measure(Case(work(), run), instruments, repeats=3)
    assert runs == [0, 1, 2, 3, 4]
    assert row.seconds == (1.5, 2.0, 2.5)
    assert row.processor_s == 2.0
    assert row.peak_bytes == 1005


def test_preparing_is_not_measured_but_every_second_of_a_run_is() -> None:
    instruments = FakeInstruments()
    row = measure(Case(work(audio_s=2.0), lambda: instruments.work(0.5, 0)), instruments, repeats=4)
    assert row.latency == Latency(0.5, 0.5, 0.5, 0.5, 0.5)


def test_the_real_time_factor_is_compute_per_audio_and_the_speed_up_its_inverse() -> None:
    row = Row(work(audio_s=4.0, frames=300.0), seconds=(0.5, 1.5), processor_s=0.25, peak_bytes=0)
    assert row.rtf == 0.25
    assert row.speed_up == 4.0
    assert row.rates == {"frames": 300.0}


def test_cores_that_others_took_are_seen() -> None:
    instruments = FakeInstruments()
    row = measure(Case(work(), lambda: instruments.work(2.0, 0, cores=0.25)), instruments, repeats=3)
    assert row.processor_s == 0.5 and row.cores == 0.25


def test_the_mean_sentence_has_the_real_time_factor_of_all_sentences_together() -> None:
    short = Row(work(words=1, audio_s=1.0, frames=100.0), seconds=(0.2, 0.4), processor_s=0.3, peak_bytes=50)
    long = Row(work(words=9, audio_s=9.0, frames=700.0), seconds=(1.0, 2.0), processor_s=0.5, peak_bytes=20)
    *rows, mean = with_means([short, long])
    assert rows == [short, long]
    assert mean.seconds == (0.6, 1.2)
    assert mean.work == work(words=None, audio_s=5.0, frames=400.0)
    assert mean.rtf == pytest.approx((0.3 + 1.5) / 10)
    assert mean.processor_s == 0.4 and mean.peak_bytes == 50


def test_batch_sizes_and_stages_have_means_of_their_own_and_a_single_row_has_none() -> None:
    rows = [
        Row(work(words=words, batch=batch, stage=stage), seconds=(float(batch),), processor_s=0.0, peak_bytes=0)
        for words in (1, 2)
        for batch in (1, 4)
        for stage in ("acoustic", "vocoder")
    ]
    alone = Row(work(words=8, stage="speak"), seconds=(1.0,), processor_s=0.0, peak_bytes=0)
    completed = with_means([*rows, alone])
    order = [(row.work.stage, row.work.batch, row.work.words) for row in completed]
    assert order == [
        ("acoustic", 1, 1), ("acoustic", 1, 2), ("acoustic", 1, None),
        ("vocoder", 1, 1), ("vocoder", 1, 2), ("vocoder", 1, None),
        ("acoustic", 4, 1), ("acoustic", 4, 2), ("acoustic", 4, None),
        ("vocoder", 4, 1), ("vocoder", 4, 2), ("vocoder", 4, None),
        ("speak", 1, 8),
    ]  # fmt: skip
