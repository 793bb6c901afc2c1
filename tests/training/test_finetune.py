"""A fine-tuning begins with another model's weights, whatever the corpus, and says what it did."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.training.conftest import differences, write_store
from tests.training.models import KINDS

from sonorant.config import (
    AcousticRecipe,
    AdversarialRecipe,
    FastPitchRecipe,
    FeatureConfig,
    FrontendConfig,
    MelConfig,
    Recipe,
    load_recipe,
)
from sonorant.errors import CorpusError, RequestError, VoiceError
from sonorant.features.batch import acoustic_batch
from sonorant.features.store import FeatureStore, PitchStatistics
from sonorant.features.writing import finish_store
from sonorant.models.hifigan import HifiganGenerator
from sonorant.text.symbols import symbol_table
from sonorant.training.adversarial_task import AdversarialTask
from sonorant.training.checkpoint import load_trained, read_checkpoint
from sonorant.training.fastpitch_task import FastPitchTask
from sonorant.training.finetune import begin, finetuning_recipe, steps_for
from sonorant.training.fit import fit
from sonorant.training.initial import carry_symbols, load_weights
from sonorant.training.processes import Processes
from sonorant.training.run import Run
from sonorant.training.samples import Samples
from sonorant.training.source import Half, read_source
from sonorant.training.tacotron2_task import Tacotron2Task
from sonorant.training.waveglow_task import WaveglowTask
from sonorant.voice import load_voice

TINY = ("run.sample_every=1000", "run.log_every=1", "batch.global_batch=4")


@pytest.fixture(autouse=True)
def quick_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures and audio have their own tests."""
    for task in (FastPitchTask, Tacotron2Task, AdversarialTask, WaveglowTask):
        monkeypatch.setattr(task, "samples", lambda self, network: Samples())


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short runs of every kind of model, each under its kind's name."""
    home = tmp_path_factory.mktemp("sources")
    torch.set_num_threads(1)
    store = write_store(home / "features", FeatureConfig())
    for kind in KINDS:
        recipe = load_recipe(f"tiny_{kind}", ["run.steps=2", "run.sample_every=2000", "run.validate_every=1000"])
        run = Run(recipe, FeatureStore(store), home / kind, Processes())
        run.start()
        for epoch, batches in (next(run.batches()) for _ in range(2)):
            run.advance(epoch, batches)
        run.validate()
        run.save()
    return home


def speakers_of(store: Path, out: Path, *names: str) -> Path:
    """Copy a store and share its utterances out among speakers of those names."""
    found = FeatureStore(store)
    out.mkdir()
    (out / "utterances").symlink_to(store / "utterances")
    entries = [replace(entry, speaker_id=number % len(names)) for number, entry in enumerate(found.entries)]
    statistics = tuple(PitchStatistics(200.0 + 10 * number, 50.0) for number in range(len(names)))
    finish_store(out, replace(found.index, speakers=names, pitch=statistics), entries)
    return out


def begun(source: str | Path, store: Path, run: Path, *overrides: str, recipe: str | None = None) -> Recipe:
    """Begin a fine-tuning and return its recipe."""
    found, features = read_source(str(source)), FeatureStore(store)
    resolved, notes = finetuning_recipe(found, features, recipe, [*TINY, *overrides])
    begin(found, resolved, features, run, notes)
    return resolved


def weights_of(run: Path, network: str = "model") -> dict[str, torch.Tensor]:
    return dict(read_checkpoint(run / "step_00000000.pt")["networks"][network])


@pytest.mark.parametrize(("kind", "metric"), [
    ("fastpitch", "mel"), ("tacotron2", "postnet"), ("hifigan", "mel"), ("waveglow", "likelihood"),
    ("source_filter", "mel"),
])  # fmt: skip
def test_the_first_validation_is_the_sources_own(kind: str, metric: str, sources: Path, tmp_path: Path) -> None:
    recipe = begun(sources / kind, sources / "features", tmp_path / "run", "run.steps=1", recipe=f"tiny_{kind}")
    fit(recipe, sources / "features", tmp_path / "run", resume=True, progress=False)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    first = next(line for line in lines if line["kind"] == "validation")
    trained = load_trained(sources / kind)
    assert first["step"] == 0
    assert first[metric] == pytest.approx(trained.facts[f"validation/{metric}"], rel=1e-6)


def test_weights_are_the_averaged_ones_and_the_optimiser_is_new(sources: Path, tmp_path: Path) -> None:
    begun(sources / "fastpitch", sources / "features", tmp_path / "run")
    state, source = (
        read_checkpoint(tmp_path / "run" / "step_00000000.pt"),
        read_checkpoint(sources / "fastpitch" / "step_00000002.pt"),
    )
    assert differences(state["networks"]["model"], source["ema"]["weights"]) == []
    assert differences(state["ema"]["weights"], source["ema"]["weights"]) == []
    assert differences(source["networks"]["model"], source["ema"]["weights"])
    assert source["optimizers"]["model"]["state"] and not state["optimizers"]["model"]["state"]


@pytest.mark.parametrize("kind", ["fastpitch", "hifigan", "source_filter"])
def test_a_resumed_finetuning_equals_one_that_was_never_interrupted(kind: str, sources: Path, tmp_path: Path) -> None:
    store = sources / "features"
    for run in ("whole", "parts"):
        recipe = begun(sources / kind, store, tmp_path / run, "run.steps=4", recipe=f"tiny_{kind}")
    fit(recipe, store, tmp_path / "whole", resume=True, progress=False)
    short = recipe.model_copy(update={"run": recipe.run.model_copy(update={"steps": 2})})
    fit(short, store, tmp_path / "parts", resume=True, progress=False)
    torch.manual_seed(7)
    fit(recipe, store, tmp_path / "parts", resume=True, progress=False)
    whole, parts = (read_checkpoint(tmp_path / run / "step_00000004.pt") for run in ("whole", "parts"))
    assert differences(whole, parts) == []
    assert whole["started_from"]["name"] == kind


def test_the_sizes_are_the_sources_and_the_rest_is_the_recipes(sources: Path, tmp_path: Path) -> None:
    source, store = read_source(str(sources / "fastpitch")), FeatureStore(sources / "features")
    recipe, _ = finetuning_recipe(source, store, None, [*TINY, "model.encoder.dropout=0.3"])
    assert isinstance(recipe, AcousticRecipe)
    ours, theirs = recipe.model.model_dump(), source.model.config.model_dump()
    assert ours["encoder"].pop("dropout") == 0.3 and theirs["encoder"].pop("dropout") == 0.1
    assert (ours.pop("mark_penalty"), theirs.pop("mark_penalty")) == (100.0, 0.0)
    assert ours == theirs
    assert recipe.optimizer == load_recipe("finetune_fastpitch").optimizer
    with pytest.raises(RequestError, match=r"model\.channels=4: the sizes of the model are those of fastpitch"):
        finetuning_recipe(source, store, None, ["model.channels=4"])
    with pytest.raises(RequestError, match=r"features\.trim_db=20: the features are made already"):
        finetuning_recipe(source, store, None, ["features.trim_db=20"])
    with pytest.raises(RequestError, match="fastpitch is a fastpitch, the recipe tiny_hifigan trains a hifigan"):
        finetuning_recipe(source, store, "tiny_hifigan")


def test_the_steps_follow_the_amount_of_recordings_unless_chosen(sources: Path) -> None:
    source, store = read_source(str(sources / "fastpitch")), FeatureStore(sources / "features")
    recipe, notes = finetuning_recipe(source, store, None, TINY)
    assert recipe.run.steps == steps_for(0, 2000) == steps_for(5 / 60, 2000) < steps_for(0.5, 2000)
    assert recipe.run.validate_every == recipe.run.steps // 20
    assert any(note.startswith("steps: 577 on 0.1 minutes of recordings (2000 x the root") for note in notes)
    chosen, notes = finetuning_recipe(source, store, None, [*TINY, "run.steps=123", "run.validate_every=50"])
    assert (chosen.run.steps, chosen.run.validate_every) == (123, 50)
    assert any("as chosen" in note for note in notes)


@pytest.mark.parametrize("kind", ["fastpitch", "tacotron2"])
def test_one_speaker_becomes_several_that_begin_alike(kind: str, sources: Path, tmp_path: Path) -> None:
    store = speakers_of(sources / "features", tmp_path / "features", "ada", "bob")
    begun(sources / kind, store, tmp_path / "run")
    rows = weights_of(tmp_path / "run")["speaker_embedding.weight"]
    assert rows.shape[0] == 2 and not rows.any()
    model = load_trained(tmp_path / "run")
    assert model.speakers == ("ada", "bob") and model.pitch == ((200.0, 50.0), (210.0, 50.0))
    model.network()


@pytest.mark.parametrize("kind", ["fastpitch", "tacotron2"])
def test_a_new_speaker_begins_as_the_mean_and_a_known_one_goes_on(kind: str, sources: Path, tmp_path: Path) -> None:
    both = speakers_of(sources / "features", tmp_path / "both", "ada", "bob")
    fit(begun(sources / kind, both, tmp_path / "two", "run.steps=2", recipe=f"tiny_{kind}"), both, tmp_path / "two",
        resume=True, progress=False)  # fmt: skip
    old = load_trained(tmp_path / "two").weights["speaker_embedding.weight"]
    assert not torch.equal(old[0], old[1])
    store = speakers_of(sources / "features", tmp_path / "features", "bob", "eve")
    begun(tmp_path / "two", store, tmp_path / "run")
    new = weights_of(tmp_path / "run")["speaker_embedding.weight"]
    assert torch.equal(new[0], old[1]) and torch.allclose(new[1], old.mean(0))
    notes = read_checkpoint(tmp_path / "run" / "step_00000000.pt")["started_from"]["notes"]
    assert "speaker bob: known, goes on" in notes and "speaker eve: new, begins as the mean of ada, bob" in notes


@pytest.mark.parametrize("kind", ["fastpitch", "tacotron2"])
def test_several_speakers_become_one_that_keeps_an_embedding(kind: str, sources: Path, tmp_path: Path) -> None:
    both = speakers_of(sources / "features", tmp_path / "both", "ada", "bob")
    begun(sources / kind, both, tmp_path / "two")
    recipe = begun(tmp_path / "two", sources / "features", tmp_path / "run")
    assert isinstance(recipe, AcousticRecipe) and recipe.model.embed_single_speaker
    model = load_trained(tmp_path / "run")
    assert model.speakers == ("someone",) and model.weights["speaker_embedding.weight"].shape[0] == 1
    model.network()


@pytest.mark.parametrize("kind", ["fastpitch", "tacotron2"])
def test_symbols_of_another_table_are_carried_by_name(kind: str, sources: Path, tmp_path: Path) -> None:
    config = FeatureConfig(frontend=FrontendConfig(symbols="english_basic"))
    store = write_store(tmp_path / "features", config)
    begun(sources / kind, store, tmp_path / "run")
    old = load_trained(sources / kind).weights["embedding.weight"]
    new = weights_of(tmp_path / "run")["embedding.weight"]
    ours, theirs = symbol_table("english_basic").symbols, symbol_table("arpabet").symbols
    assert new.shape[0] == 148
    assert torch.equal(new[0], old[0])
    assert torch.equal(new[ours.index("@B")], old[theirs.index("B")])
    assert torch.equal(new[ours.index("?")], old[theirs.index("?")])
    assert torch.allclose(new[ours.index("B")], old[1:].mean(0), atol=1e-6)  # a letter, not the phone


def test_symbols_come_back_unchanged_from_a_larger_table() -> None:
    small, large = symbol_table("arpabet").symbols, symbol_table("english_basic").symbols
    rows = torch.randn(len(small), 3)
    there, _ = carry_symbols(rows, small, large)
    back, carried = carry_symbols(there, large, small)
    assert torch.equal(back, rows) and carried.new == ()


@pytest.mark.parametrize("kind", ["hifigan", "source_filter"])
def test_discriminators_are_taken_along(kind: str, sources: Path, tmp_path: Path) -> None:
    recipe = begun(sources / kind, sources / "features", tmp_path / "run")
    source = read_checkpoint(sources / kind / "step_00000002.pt")
    assert differences(weights_of(tmp_path / "run", "discriminators"), source["networks"]["discriminators"]) == []
    assert isinstance(recipe, AdversarialRecipe)
    assert recipe.loss.discriminators_alone == recipe.loss.adversarial_start == 0
    assert recipe.discriminators.model_dump() == load_recipe(f"tiny_{kind}").discriminators.model_dump()  # type: ignore[union-attr]


def test_new_discriminators_learn_alone_at_first(sources: Path, tmp_path: Path) -> None:
    load_trained(sources / "hifigan").save(tmp_path / "vocoder.safetensors")
    source, store = read_source(str(tmp_path / "vocoder.safetensors")), FeatureStore(sources / "features")
    overrides = [*TINY, "loss.discriminators_alone=2", "loss.adversarial_start=0"]
    recipe, notes = finetuning_recipe(source, store, "tiny_hifigan", overrides)
    assert any("has none; new ones learn alone for 2 steps" in note for note in notes)
    begin(source, recipe, store, tmp_path / "run")
    run = Run(recipe, store, tmp_path / "run", Processes())
    run.resume(print)
    batches = run.batches()

    def moved() -> list[str]:
        before = {name: [p.clone() for p in network.parameters()] for name, network in run.task.networks.items()}
        run.advance(*next(batches))
        after = {name: list(network.parameters()) for name, network in run.task.networks.items()}
        return [name for name in before if not all(map(torch.equal, before[name], after[name]))]

    assert [moved() for _ in range(3)] == [["discriminators"], ["discriminators"], ["generator", "discriminators"]]


def test_a_sharpened_fastpitch_moves_its_decoder_and_nothing_that_decides_how_it_speaks(
    sources: Path, tmp_path: Path
) -> None:
    store = FeatureStore(sources / "features")
    small = "discriminators.patch_channels=2", "discriminators.band_channels=4", "loss.adversarial_start=1"
    recipe = begun(sources / "fastpitch", store.path, tmp_path / "run", *small, "run.steps=3",
                   recipe="sharpen_fastpitch")  # fmt: skip
    fit(recipe, store.path, tmp_path / "run", resume=True, progress=False)
    before, after = load_trained(sources / "fastpitch"), load_trained(tmp_path / "run" / "step_00000003.pt")
    moved = [name for name, weight in after.weights.items() if not torch.equal(weight, before.weights[name])]
    assert {name.split(".")[0] for name in moved} == {"decoder", "projection"}
    batch, one = acoustic_batch(store, store.split("validation")), torch.ones(3)
    said, sharpened = (
        model.network().encode(batch.symbols, batch.symbol_lengths, batch.speaker_ids, one, 0 * one)  # type: ignore[operator]
        for model in (before, after)
    )
    assert all(map(torch.equal, said, sharpened))


def test_judges_of_mels_are_taken_along_where_there_is_use_for_them(sources: Path, tmp_path: Path) -> None:
    store = sources / "features"
    small = "discriminators.patch_channels=2", "discriminators.band_channels=4"
    begun(sources / "fastpitch", store, tmp_path / "first", *small, recipe="sharpen_fastpitch")
    recipe = begun(tmp_path / "first", store, tmp_path / "again", recipe="sharpen_fastpitch")
    judges = (weights_of(tmp_path / run, "discriminators") for run in ("again", "first"))
    assert differences(*judges) == []
    assert isinstance(recipe, FastPitchRecipe) and recipe.discriminators
    assert (recipe.discriminators.patch_channels, recipe.loss.adversarial_start) == (2, 0)
    begun(tmp_path / "first", store, tmp_path / "plain")
    assert set(read_checkpoint(tmp_path / "plain" / "step_00000000.pt")["networks"]) == {"model"}


def test_a_folded_weight_norm_comes_back(sources: Path) -> None:
    model = load_trained(sources / "hifigan")
    config = load_recipe("tiny_hifigan").model
    network, folded = HifiganGenerator(config), model.network()  # type: ignore[arg-type]
    load_weights(network, folded.state_dict())
    mel = torch.randn(1, 80, 6)
    with torch.no_grad():
        assert torch.allclose(network.eval()(mel), folded(mel), atol=1e-6)
    with pytest.raises(VoiceError, match="do not fit"):
        load_weights(network, {})


def test_the_licence_of_the_source_travels(sources: Path, tmp_path: Path) -> None:
    trained = replace(load_trained(sources / "fastpitch"), facts={"licence": "BSD-3-Clause", "corpus": "other"})
    trained.save(tmp_path / "published.safetensors")
    begun(tmp_path / "published.safetensors", sources / "features", tmp_path / "run")
    facts = load_trained(tmp_path / "run").facts
    assert facts["licence"] == "BSD-3-Clause" and facts["started_from"] == "published.safetensors"
    begun(tmp_path / "run", sources / "features", tmp_path / "again")
    assert load_trained(tmp_path / "again").facts["licence"] == "BSD-3-Clause"


@pytest.mark.parametrize(("kind", "mel", "message"), [
    ("fastpitch", {"f_max": 7000.0}, "mel f_max 8000.0 and 7000.0"),
    ("hifigan", {"sample_rate": 16000}, "mel sample_rate 22050 and 16000"),
    ("hifigan", {"padding": "centered"}, "mel padding same and centered"),
])  # fmt: skip
def test_another_mel_is_refused_by_its_fields(
    kind: str, mel: dict[str, object], message: str, sources: Path, tmp_path: Path
) -> None:
    store = write_store(tmp_path / "features", FeatureConfig(mel=MelConfig.model_validate(mel)))
    with pytest.raises(CorpusError, match=message) as caught:
        begun(sources / kind, store, tmp_path / "run")
    name = next(iter(mel))
    assert f"features.mel.{name}={getattr(MelConfig(), name)}" in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_another_language_is_refused(sources: Path) -> None:
    source, store = read_source(str(sources / "fastpitch")), FeatureStore(sources / "features")
    assert source.model.frontend is not None
    german = source.model.frontend.model_copy(update={"language": "de"})
    with pytest.raises(CorpusError, match="language de and en"):
        finetuning_recipe(replace(source, model=replace(source.model, frontend=german)), store, None, TINY)


def test_a_used_folder_is_refused(sources: Path, tmp_path: Path) -> None:
    begun(sources / "fastpitch", sources / "features", tmp_path / "run")
    with pytest.raises(RequestError, match="holds checkpoints of another run"):
        begun(sources / "fastpitch", sources / "features", tmp_path / "run")


@pytest.mark.parametrize(("name", "half", "message"), [
    ("missing", None, "no such voice, run, checkpoint or .safetensors file; built-in voices: kathleen"),
    ("kathleen", None, "a voice is two models; say --acoustic or --vocoder"),
    ("fastpitch", "vocoder", "holds a fastpitch, which is not the vocoder half"),
])  # fmt: skip
def test_a_source_that_is_none_is_told(name: str, half: str | None, message: str, sources: Path) -> None:
    where = str(sources / name) if name == "fastpitch" else name
    with pytest.raises((RequestError, VoiceError), match=message):
        read_source(where, half)  # type: ignore[arg-type]


def test_a_voice_without_weights_is_no_source(tmp_path: Path) -> None:
    voice = tmp_path / "kathleen"
    shutil.copytree(load_voice("kathleen").where, voice)
    (voice / "vocoder.safetensors").unlink()
    manifest = json.loads((voice / "voice.json").read_text())
    del manifest["files"]["vocoder.safetensors"]
    (voice / "voice.json").write_text(json.dumps(manifest))
    with pytest.raises(VoiceError, match=r"packed without vocoder\.safetensors"):
        read_source(str(voice), "vocoder")


def test_each_half_of_the_built_in_voice_is_a_source() -> None:
    halves: tuple[Half, ...] = ("acoustic", "vocoder")
    sources = [read_source("kathleen", half) for half in halves]
    assert [source.model.kind for source in sources] == ["fastpitch", "source_filter"]
    weights = [weight for source in sources for weight in source.model.network().state_dict().values()]
    assert all(weight.dtype == torch.float32 for weight in weights if weight.is_floating_point())
