import errno
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sonorant.config import FastPitchRecipe, HifiganRecipe
from sonorant.errors import RequestError, VoiceError
from sonorant.features.store import FeatureStore
from sonorant.files import PARTIAL_SUFFIX
from sonorant.training.checkpoint import Best, CheckpointFolder, load_trained, read_checkpoint
from sonorant.training.processes import Processes
from sonorant.training.run import Run
from sonorant.voice.trained import load_trained_file


def state(step: int) -> dict[str, Any]:
    return {"format": 1, "step": step, "weights": torch.full((1000,), float(step))}


def silent(message: str) -> None:
    raise AssertionError(f"nothing was to be told, but: {message}")


def test_the_last_few_and_the_best_are_kept(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=2)
    for step in range(1, 7):
        folder.save(state(step), step, Best(2, "mel", 0.5) if step > 1 else None)
    assert folder.steps() == [2, 5, 6]
    assert folder.chosen() == tmp_path / "step_00000002.pt"
    assert folder.load_newest(silent)["step"] == 6


def test_nothing_is_removed_before_what_replaces_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def note(name: str, describe: Callable[..., str]) -> None:
        true = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *given: (done.append(describe(*given)), true(*given))[1])

    folder = CheckpointFolder(tmp_path, keep_last=1)
    folder.save(state(1), 1, Best(1, "mel", 0.5))
    note("fsync", lambda descriptor: "sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
    note("replace", lambda source, target: f"write {target.name}")
    note("unlink", lambda path: f"remove {path.name}")
    folder.save(state(2), 2, Best(2, "mel", 0.4))
    written = [["sync file", f"write {name}", "sync folder"] for name in ("step_00000002.pt", "best.json")]
    assert done == [*written[0], *written[1], "remove step_00000001.pt"]


def test_a_new_best_releases_the_one_before(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=1)
    for step, best in ((1, 1), (2, 1), (3, 3), (4, 3)):
        folder.save(state(step), step, Best(best, "mel", 0.5))
    assert folder.steps() == [3, 4]


def test_without_a_validation_the_newest_is_chosen(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=5)
    for step in (1, 2):
        folder.save(state(step), step, None)
    assert folder.chosen() == folder.path(2)
    (tmp_path / "best.json").write_text("{ damaged")
    assert folder.chosen() == folder.path(2)


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "text"])
def test_a_damaged_checkpoint_is_told_and_passed_over(damage: str, tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=5)
    folder.save(state(1), 1, None)
    path = folder.save(state(2), 2, None)
    whole = path.read_bytes()
    middle = len(whole) // 2
    broken = {"empty": b"", "cut": whole[:-100], "text": b"not a checkpoint",
              "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]}  # fmt: skip
    path.write_bytes(broken[damage])
    told: list[str] = []
    assert folder.load_newest(told.append)["step"] == 1
    assert len(told) == 1 and str(path) in told[0] and "damaged" in told[0]


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "was-run"),)

    torch.save({"format": 1, "hostile": Hostile()}, tmp_path / "step_00000001.pt")
    with pytest.raises(VoiceError, match="damaged, or not a checkpoint"):
        read_checkpoint(tmp_path / "step_00000001.pt")
    assert not (tmp_path / "was-run").exists()


def test_another_format_version_is_refused(tmp_path: Path) -> None:
    torch.save({"format": 99}, tmp_path / "new.pt")
    with pytest.raises(VoiceError, match="checkpoint format 99, this version reads 1"):
        read_checkpoint(tmp_path / "new.pt")


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.save(state(1), 1, Best(1, "mel", 0.5))

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*{"write": (torch, "save"), "fsync": (os, "fsync"), "replace": (os, "replace")}[failing], full)
    with pytest.raises(RequestError, match=r"step_00000002\.pt: cannot be written: No space left on device"):
        folder.save(state(2), 2, Best(2, "mel", 0.4))
    monkeypatch.undo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.json", "step_00000001.pt"]
    assert folder.load_newest(silent)["step"] == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_the_disk_filling_up_inside_torch_is_a_plain_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partial = (os.open("/dev/full", os.O_WRONLY), str(tmp_path / "partial"))
    monkeypatch.setattr(tempfile, "mkstemp", lambda **options: partial)
    with pytest.raises(RequestError, match="cannot be written"):
        CheckpointFolder(tmp_path).save(state(1), 1, None)
    assert CheckpointFolder(tmp_path).steps() == []


def test_what_a_killed_process_left_undone_is_done_by_the_next(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=1)
    folder.save(state(1), 1, Best(1, "mel", 0.5))
    torch.save(state(2), folder.path(2))  # and then it was killed
    folder.settle(2, Best(2, "mel", 0.4))
    assert folder.chosen() == folder.path(2) and folder.steps() == [2]


def test_a_damaged_checkpoint_takes_no_good_ones_place(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, keep_last=2)
    for step in (1, 2, 3):
        folder.save(state(step), step, None)
    folder.path(3).write_bytes(b"damaged")
    folder.settle(2, None)  # a run has gone back to step 2
    assert folder.steps() == [2, 3]
    torch.save(state(1), folder.path(1))
    folder.settle(2, None)
    assert folder.steps() == [1, 2, 3]


def test_a_folder_whose_run_was_killed_before_it_said_so_is_free(tmp_path: Path) -> None:
    (tmp_path / f".run.json.abcdefgh{PARTIAL_SUFFIX}").write_bytes(b"half")
    CheckpointFolder(tmp_path).refuse_used()
    (tmp_path / ".thesis.tmp").write_bytes(b"years of work")
    with pytest.raises(RequestError, match="holds other things than a run"):
        CheckpointFolder(tmp_path).refuse_used()


def test_a_folder_without_checkpoints_has_nothing_trained(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="holds no checkpoint"):
        load_trained(tmp_path)
    with pytest.raises(VoiceError, match="cannot be read"):
        load_trained(tmp_path / "missing.pt")


def saved_run(recipe: FastPitchRecipe | HifiganRecipe, store: FeatureStore, folder: Path) -> Run:
    run = Run(recipe, store, folder, Processes())
    run.start()
    epoch, batches = next(run.batches())
    run.advance(epoch, batches)
    run.validate()
    run.save()
    return run


def test_a_trained_acoustic_model_has_all_that_speaking_needs(
    fastpitch_recipe: FastPitchRecipe, store: FeatureStore, tmp_path: Path
) -> None:
    run = saved_run(fastpitch_recipe, store, tmp_path)
    model = load_trained(tmp_path)
    assert model.kind == "fastpitch"
    assert model.mel == store.config.mel and model.frontend == store.config.frontend
    assert model.speakers == ("someone",) and model.pitch == ((300.0, 110.0),)
    assert len(model.symbols) == model.weights["embedding.weight"].shape[0]
    assert model.facts["step"] == 1 and model.facts["recipe"] == "tiny_fastpitch"
    symbols = torch.tensor([[1, 2, 3, 4]])
    ours = run.network.infer(symbols, torch.tensor([4])).mel  # type: ignore[operator]
    theirs = model.network().infer(symbols, torch.tensor([4])).mel  # type: ignore[operator]
    assert torch.equal(ours, theirs)


def test_a_trained_vocoder_sounds_like_the_average(
    hifigan_recipe: HifiganRecipe, store: FeatureStore, tmp_path: Path
) -> None:
    run = saved_run(hifigan_recipe, store, tmp_path)
    mel = torch.randn(1, 80, 12)
    torch.testing.assert_close(load_trained(tmp_path / "step_00000001.pt").network()(mel), run.network(mel))
    assert not torch.allclose(run.network(mel), run.task.networks["generator"](mel))


def test_a_trained_model_survives_its_single_file(
    hifigan_recipe: HifiganRecipe, store: FeatureStore, tmp_path: Path
) -> None:
    saved_run(hifigan_recipe, store, tmp_path)
    model = load_trained(tmp_path)
    model.save(tmp_path / "model.safetensors")
    again = load_trained(tmp_path / "model.safetensors")
    assert again.header() == model.header() == load_trained_file(tmp_path / "model.safetensors").header()
    assert all(torch.equal(again.weights[name], weight) for name, weight in model.weights.items())
