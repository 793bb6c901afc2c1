"""A recipe: everything that decides a training run besides the data."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, TypeAdapter, model_validator

from sonorant.config.features import FeatureConfig
from sonorant.config.mel import MelConfig
from sonorant.config.models import (
    DiscriminatorConfig,
    FastPitchConfig,
    HifiganConfig,
    MelDiscriminatorConfig,
    SourceFilterConfig,
    Tacotron2Config,
    WaveglowConfig,
)
from sonorant.config.settings import Settings

Momentum = Annotated[float, Field(ge=0, lt=1)]
"""The share of a running mean that stays at each step."""


class OptimizerConfig(Settings):
    """The optimiser of every network of the run."""

    kind: Literal["adam", "adamw", "lamb"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0)
    betas: tuple[Momentum, Momentum] = (0.9, 0.98)
    epsilon: float = Field(1e-9, gt=0)
    weight_decay: float = Field(1e-6, ge=0)
    clip_norm: float | None = Field(1000.0, gt=0, description="gradient norm; null: no clipping")


class ScheduleConfig(Settings):
    """The learning rate as a multiple of the optimiser's.

    constant: 1 after the warm-up; exponential: gamma per epoch (HiFi-GAN); inverse_sqrt: Noam's rule, rising to
    1 / sqrt(warmup_steps) at the end of the warm-up, then 1 / sqrt(step) (FastPitch); cosine: from 1 at the end of the
    warm-up to final_factor at the last step; milestones: gamma once for each of the milestones' epochs (Tacotron 2).
    """

    kind: Literal["constant", "exponential", "inverse_sqrt", "cosine", "milestones"] = "constant"
    warmup_steps: int = Field(0, ge=0)
    gamma: float = Field(0.9998, gt=0, le=1)
    milestones: tuple[PositiveInt, ...] = Field((), description="epochs")
    final_factor: float = Field(0.05, ge=0, le=1)


class BatchConfig(Settings):
    """What one optimiser step sees: `global_batch` utterances or segments, at most `micro_batch` at once."""

    global_batch: int = Field(32, ge=1)
    micro_batch: int | None = Field(None, ge=1, description="null: the whole global batch at once")
    buckets: bool = Field(True, description="batch utterances of similar length together")
    num_workers: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.micro_batch is not None and self.global_batch % self.micro_batch:
            raise ValueError(f"global_batch {self.global_batch} is not a multiple of micro_batch {self.micro_batch}")
        return self


class RunConfig(Settings):
    """How long, how exactly, and what is kept."""

    steps: int = Field(ge=1, description="optimiser steps of the whole run")
    seed: int = 0
    precision: Literal["fp32", "tf32", "bf16", "fp16"] = Field(
        "fp32", description="of the networks; tf32 is of NVIDIA's GPUs, fp16 comes with dynamic loss scaling"
    )
    ema_decay: float | None = Field(None, gt=0, lt=1, description="null: no averaged weights")
    log_every: int = Field(10, ge=1)
    validate_every: int = Field(500, ge=1)
    checkpoint_every: int = Field(500, ge=1)
    sample_every: int = Field(1000, ge=1, description="pictures and audio of fixed sentences")
    keep_last: int = Field(2, ge=1)
    threads: int | None = Field(None, ge=1, description="CPU threads; null: torch's choice")
    stop_metric: str | None = Field(None, description="end when it gets no better; null: train all steps")
    stop_patience: int = Field(5, ge=1, description="validations without improvement after which the run ends")


class FastPitchLoss(Settings):
    """Weights of FastPitch's loss terms (FastPitch 1.1; the aligner's follow Badlani et al. 2021)."""

    mel: float = Field(1.0, gt=0, description="also what makes a checkpoint the best, so it is never left out")
    duration: float = Field(0.1, ge=0)
    pitch: float = Field(0.1, ge=0)
    energy: float = Field(0.1, ge=0)
    alignment: float = Field(1.0, ge=0)
    binarization: float = Field(1.0, ge=0)
    binarization_start: int = Field(0, ge=0, description="optimiser step at which binarisation begins")
    binarization_warmup: int = Field(1000, ge=1, description="steps over which its weight rises")
    blank_logprob: float = -1.0
    adversarial: float = Field(0.2, ge=0, description="of discriminators, where the recipe has them")
    feature: float = Field(0.5, ge=0, description="of what their layers make of recording and prediction")
    adversarial_start: int = Field(30, ge=0, description="optimiser step until which they only learn")


class Tacotron2Loss(Settings):
    """Weights of Tacotron 2's loss terms (Shen et al. 2018, section 2.2), and of what helps it to align.

    Guided attention (Tachibana et al. 2018, section 4.1) punishes attention far from the diagonal; its weight falls
    linearly to nothing, so that a trained model is free. Monotonicity punishes an expected position that moves back.
    """

    mel: float = Field(1.0, ge=0)
    postnet: float = Field(1.0, gt=0, description="also what makes a checkpoint the best, so it is never left out")
    stop: float = Field(1.0, ge=0)
    guided_attention: float = Field(5.0, ge=0)
    guided_attention_width: float = Field(0.2, gt=0, description="g of its equation")
    guided_attention_steps: int = Field(10000, ge=1, description="optimiser steps after which its weight is 0")
    monotonicity: float = Field(0.0, ge=0)


class WaveglowLoss(Settings):
    """WaveGlow's likelihood (Prenger et al. 2019, equation 3)."""

    sigma: float = Field(1.0, gt=0, description="standard deviation of z")


class HifiganLoss(Settings):
    """Weights of the vocoder's loss terms (Kong et al. 2020, equations 2 to 8)."""

    mel: float = Field(45.0, ge=0)
    mel_f_max: float | None = Field(None, gt=0, description="Hz; null: half the sample rate")
    feature: float = Field(2.0, ge=0)
    adversarial: float = Field(1.0, ge=0)
    spectral: float = Field(0.0, ge=0, description="multi-resolution STFT loss (Yamamoto et al. 2020)")
    adversarial_start: int = Field(0, ge=0, description="optimiser step at which the discriminators begin")
    discriminators_alone: int = Field(
        0, ge=0, description="optimiser steps from there on in which the generator waits for them to learn"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        judged = self.adversarial or self.feature
        if not (self.mel or self.spectral) and (self.adversarial_start or not judged):
            start = f" before step {self.adversarial_start}" if judged else ""
            raise ValueError(f"nothing to learn{start}; give mel or spectral a weight")
        return self


class SourceFilterLoss(HifiganLoss):
    """Those of HiFi-GAN, and of what reads the pitch off the mel."""

    pitch: float = Field(1.0, gt=0, description="cross-entropies of the pitch and of whether there is one")


class _Recipe(Settings):
    name: str = Field(min_length=1)
    description: str = ""
    features: FeatureConfig = FeatureConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    batch: BatchConfig = BatchConfig()
    run: RunConfig


class FastPitchRecipe(_Recipe):
    """Trains FastPitch with its aligner."""

    task: Literal["fastpitch"]
    model: FastPitchConfig = FastPitchConfig()
    trainable: tuple[str, ...] | None = Field(
        None, min_length=1, description="parts of the model that learn, by their names in it; null: all"
    )
    discriminators: MelDiscriminatorConfig | None = Field(None, description="null: no adversarial training")
    loss: FastPitchLoss = FastPitchLoss()

    @model_validator(mode="after")
    def _check(self) -> Self:
        loss = self.loss
        taught = {
            "duration_predictor": loss.duration,
            "pitch_predictor": loss.pitch,
            "energy_predictor": loss.energy,
            "aligner": loss.alignment + loss.binarization,
        }
        for part in self.trainable or ():
            if taught.get(part) == 0:
                raise ValueError(f"trainable names {part}, and the weight of its loss is 0: nothing teaches it")
        if self.discriminators is None:
            for name in ("adversarial", "feature", "adversarial_start"):
                if getattr(loss, name) != FastPitchLoss.model_fields[name].default:
                    raise ValueError(f"loss.{name} is of discriminators, and the recipe has none; name discriminators")
        return self


class _VocoderRecipe(_Recipe):
    model: HifiganConfig | WaveglowConfig | SourceFilterConfig
    segment_frames: int = Field(32, ge=1)
    compile: Literal["default", "reduce-overhead"] | None = Field(
        None, description="networks by torch.compile in that mode, the second with CUDA graphs; null: not at all"
    )

    @model_validator(mode="after")
    def _check_hop(self) -> Self:
        if self.model.hop_length != self.features.mel.hop_length:
            raise ValueError(
                f"the model makes {self.model.hop_length} samples per frame, features.mel.hop_length is "
                f"{self.features.mel.hop_length}"
            )
        return self


class _AdversarialRecipe(_VocoderRecipe):
    discriminators: DiscriminatorConfig = DiscriminatorConfig()
    loss: HifiganLoss | SourceFilterLoss

    @model_validator(mode="after")
    def _check(self) -> Self:
        mel, f_max = self.features.mel, self.loss.mel_f_max
        if f_max is not None and not mel.f_min < f_max <= mel.sample_rate / 2:
            raise ValueError(
                f"loss.mel_f_max {f_max:g} must lie between f_min and half the sample rate {mel.sample_rate}"
            )
        return self

    @property
    def loss_mel(self) -> MelConfig:
        """The mel of the reconstruction loss: the input's but for its upper edge."""
        return self.features.mel.model_copy(update={"f_max": self.loss.mel_f_max})


class HifiganRecipe(_AdversarialRecipe):
    """Trains a HiFi-GAN generator against its discriminators."""

    task: Literal["hifigan"]
    model: HifiganConfig = HifiganConfig()
    loss: HifiganLoss = HifiganLoss()


class SourceFilterRecipe(_AdversarialRecipe):
    """Trains a source-filter vocoder: on spectra, and against discriminators."""

    task: Literal["source_filter"]
    model: SourceFilterConfig = SourceFilterConfig()
    loss: SourceFilterLoss = SourceFilterLoss()

    @model_validator(mode="after")
    def _check_mel(self) -> Self:
        self.model.check_mel(self.features.mel)
        return self


class Tacotron2Recipe(_Recipe):
    """Trains Tacotron 2."""

    task: Literal["tacotron2"]
    model: Tacotron2Config = Tacotron2Config()
    loss: Tacotron2Loss = Tacotron2Loss()


class WaveglowRecipe(_VocoderRecipe):
    """Trains WaveGlow."""

    task: Literal["waveglow"]
    model: WaveglowConfig = WaveglowConfig()
    loss: WaveglowLoss = WaveglowLoss()


AcousticRecipe = FastPitchRecipe | Tacotron2Recipe
AdversarialRecipe = HifiganRecipe | SourceFilterRecipe
VocoderRecipe = AdversarialRecipe | WaveglowRecipe
Recipe = AcousticRecipe | VocoderRecipe
RECIPE: TypeAdapter[Recipe] = TypeAdapter(Annotated[Recipe, Field(discriminator="task")])
"""Validates and dumps a recipe of any task."""
