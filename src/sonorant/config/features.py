"""What turns recordings and transcripts into features."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sonorant.config.mel import MelConfig
from sonorant.config.settings import Settings

FRONTEND_VERSION = 1
"""Raised whenever the front end gives other symbols for the same text."""


class FrontendConfig(Settings):
    """What turned text into symbols; stored with features, checkpoints and voices."""

    language: Literal["en"] = "en"
    symbols: Literal["arpabet", "characters", "english_basic"] = Field(
        "arpabet",
        description="arpabet: phones with stress and punctuation; characters: lower-case letters and punctuation; "
        "english_basic: the 148 letters, marks and phones of NVIDIA's recipes, for published checkpoints",
    )
    grapheme_words: Literal["none", "heteronyms", "all"] = Field(
        "none", description="which words english_basic writes in letters instead of phones"
    )
    lexicon: dict[str, str] = Field(default_factory=dict, description="additions: word -> phones, 'HH AH0 L OW1'")
    version: int = FRONTEND_VERSION


class FeatureConfig(Settings):
    """What one utterance's features are computed from, besides its recording and its text."""

    mel: MelConfig = MelConfig()
    frontend: FrontendConfig = FrontendConfig()
    trim_db: float | None = Field(35.0, gt=0, description="silence this far below the peak is trimmed; null keeps it")
    trim_margin_ms: float = Field(50.0, ge=0, description="silence kept at each end")
    loudness: Literal["auto", "off", "on"] = Field("auto", description="auto: on for a corpus whose median is quiet")
    target_lufs: float = Field(-23.0, ge=-60, le=-5)
    pitch_floor_hz: float = Field(50.0, gt=0)
    pitch_ceiling_hz: float = Field(600.0, gt=0)
    min_duration_s: float = Field(0.3, gt=0)
    max_duration_s: float = Field(20.0, gt=0)
    validation_share: float = Field(0.03, ge=0, lt=1)
    test_share: float = Field(0.03, ge=0, lt=1)
    split_seed: int = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        for low, high in (("pitch_floor_hz", "pitch_ceiling_hz"), ("min_duration_s", "max_duration_s")):
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(f"{low} {getattr(self, low):g} must be below {high} {getattr(self, high):g}")
        held_out = self.validation_share + self.test_share
        if held_out >= 1:
            raise ValueError(f"validation_share and test_share are {held_out:g} together and leave nothing to train on")
        return self
