"""Recipes: YAML to frozen, validated settings. Pure data: nothing here imports torch or numpy."""

from sonorant.config.features import FRONTEND_VERSION, FeatureConfig, FrontendConfig
from sonorant.config.load import dump_recipe, list_recipes, load_recipe, parse_recipe
from sonorant.config.mel import MelConfig
from sonorant.config.models import (
    DiscriminatorConfig,
    FastPitchConfig,
    HifiganConfig,
    PredictorConfig,
    TransformerConfig,
)
from sonorant.config.recipe import (
    BatchConfig,
    FastPitchLoss,
    FastPitchRecipe,
    HifiganLoss,
    HifiganRecipe,
    OptimizerConfig,
    Recipe,
    RunConfig,
    ScheduleConfig,
)
from sonorant.config.settings import Settings

__all__ = [
    "FRONTEND_VERSION",
    "BatchConfig",
    "DiscriminatorConfig",
    "FastPitchConfig",
    "FastPitchLoss",
    "FastPitchRecipe",
    "FeatureConfig",
    "FrontendConfig",
    "HifiganConfig",
    "HifiganLoss",
    "HifiganRecipe",
    "MelConfig",
    "OptimizerConfig",
    "PredictorConfig",
    "Recipe",
    "RunConfig",
    "ScheduleConfig",
    "Settings",
    "TransformerConfig",
    "dump_recipe",
    "list_recipes",
    "load_recipe",
    "parse_recipe",
]
