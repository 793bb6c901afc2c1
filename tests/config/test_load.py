from pathlib import Path

import pytest

from sonorant.config import dump_recipe, list_recipes, load_recipe, parse_recipe
from sonorant.errors import ConfigError

MINIMAL = {"task": "fastpitch", "name": "mine", "run": {"steps": 10}}


def test_a_shipped_recipe_is_found_by_its_name_and_a_file_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("task: hifigan\nname: mine\nrun: {steps: 5}\n")
    assert load_recipe("hifigan_v1").name == "hifigan_v1"
    assert load_recipe(path).name == "mine"


def test_an_override_reaches_any_depth_and_keeps_its_type() -> None:
    recipe = load_recipe("tiny_fastpitch", ["run.steps=7", "model.encoder.dropout=0.25", "run.ema_decay=null"])
    assert recipe.run.steps == 7
    assert recipe.model.encoder.dropout == 0.25  # type: ignore[union-attr]
    assert recipe.run.ema_decay is None


def test_numbers_written_like_2e_4_are_numbers() -> None:
    assert load_recipe("tiny_fastpitch", ["optimizer.learning_rate=2e-4"]).optimizer.learning_rate == 2e-4


def test_a_resolved_recipe_is_the_same_recipe_again() -> None:
    for name in list_recipes():
        recipe = load_recipe(name)
        assert parse_recipe(dump_recipe(recipe), name) == recipe


def test_every_problem_is_reported_at_once_with_suggestions() -> None:
    tree = {
        "task": "hifigan",
        "name": "wrong",
        "optimizer": {"learning_rte": 1e-3, "betas": [0.9], "kind": "sgd"},
        "batch": {"global_batch": 0},
        "run": {"stepz": 5},
    }
    with pytest.raises(ConfigError) as caught:
        parse_recipe(tree, "wrong.yaml")
    message = str(caught.value)
    assert message.startswith("wrong.yaml: 6 wrong setting(s)")
    for part in (
        "optimizer.learning_rte: no such setting; did you mean learning_rate?",
        "optimizer.betas",
        "optimizer.kind: Input should be 'adam', 'adamw' or 'lamb', found 'sgd'",
        "batch.global_batch: Input should be greater than or equal to 1, found 0",
        "run.stepz: no such setting; did you mean steps?",
        "run.steps: missing",
    ):
        assert part in message


@pytest.mark.parametrize(("change", "message"), [
    ({"task": "tacotron9"}, "task: found 'tacotron9', allowed are fastpitch, tacotron2, hifigan, waveglow"),
    ({"batch": {"global_batch": 8, "micro_batch": 3}}, "global_batch 8 is not a multiple of micro_batch 3"),
    ({"features": {"mel": {"win_length": 2048}}}, "win_length 2048 is longer than n_fft 1024"),
    ({"features": {"mel": {"f_max": 20000}}}, "f_max 20000.0 must lie between f_min and half the sample rate"),
    ({"optimizer": {"learning_rate": "fast"}}, "optimizer.learning_rate"),
    ({"optimizer": {"betas": [0.9, 1.5]}}, "optimizer.betas.1: Input should be less than 1, found 1.5"),
    ({"features": {"pitch_floor_hz": 700}}, "pitch_floor_hz 700 must be below pitch_ceiling_hz 600"),
    ({"features": {"min_duration_s": 30}}, "min_duration_s 30 must be below max_duration_s 20"),
    ({"features": {"validation_share": 0.5, "test_share": 0.5}}, "leave nothing to train on"),
])  # fmt: skip
def test_a_wrong_value_is_explained(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_recipe(MINIMAL | change, "mine.yaml")
    assert message in str(caught.value)


@pytest.mark.parametrize("kernel", ["pitch_kernel", "encoder.conv_kernel", "duration_predictor.kernel"])
def test_a_kernel_that_would_change_the_length_is_refused(kernel: str) -> None:
    with pytest.raises(ConfigError, match=f"model.{kernel}: a kernel must be odd to keep the length, found 4"):
        load_recipe("tiny_fastpitch", [f"model.{kernel}=4"])


def test_a_loss_mel_beyond_half_the_sample_rate_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"loss\.mel_f_max 20000 must lie between"):
        load_recipe("tiny_hifigan", ["loss.mel_f_max=20000"])


@pytest.mark.parametrize(("weightless", "message"), [
    ("mel spectral adversarial feature", "nothing to learn; give mel"),
    ("mel spectral", "nothing to learn before step 5; give mel"),
])  # fmt: skip
def test_losses_that_leave_nothing_to_learn_are_refused(weightless: str, message: str) -> None:
    settings = ["loss.adversarial_start=5", *(f"loss.{name}=0" for name in weightless.split())]
    with pytest.raises(ConfigError, match=message):
        load_recipe("tiny_hifigan", settings)
    load_recipe("tiny_hifigan", [*settings, "loss.spectral=1"])


@pytest.mark.parametrize(("recipe", "term"), [("tiny_fastpitch", "mel"), ("tiny_tacotron2", "postnet")])
def test_the_loss_that_chooses_the_best_checkpoint_is_never_left_out(recipe: str, term: str) -> None:
    with pytest.raises(ConfigError, match=f"loss.{term}: .*greater than 0"):
        load_recipe(recipe, [f"loss.{term}=0"])


def test_a_generator_that_does_not_fit_the_hop_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"makes 128 samples per frame, features\.mel\.hop_length is 256"):
        load_recipe("tiny_hifigan", ["model.upsample_rates=[8, 4]"])


@pytest.mark.parametrize(("override", "message"), [
    ("run.steps", "an override is written section.key=value"),
    ("run..steps=1", "an override is written section.key=value"),
    ("name.first=1", "name is 'tiny_fastpitch', not a section"),
    ("run.steps=[1", "the value is not YAML"),
    ("run.stebs=1", "run.stebs: no such setting; did you mean steps?"),
])  # fmt: skip
def test_a_wrong_override_is_explained(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe("tiny_fastpitch", [override])
    assert message in str(caught.value)


@pytest.mark.parametrize(("content", "message"), [
    (b"task: [", "not YAML"),
    (b"- a\n- b\n", "a recipe is a mapping of settings, found list"),
    (b"", "a recipe is a mapping of settings, found NoneType"),
    (b"name: \xff\xfe", "cannot be read"),
])  # fmt: skip
def test_a_file_that_is_no_recipe_is_explained(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_recipe(path)


def test_an_unknown_recipe_names_the_nearest_and_all_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe("hifigan_v4")
    assert "did you mean hifigan_v" in str(caught.value) and "tiny_fastpitch" in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_recipe("nowhere/mine.yaml")
