"""A small corpus and its features, made once for the whole room."""

import pytest
from tests.speechlike import write_corpus

from sonorant.config import FeatureConfig
from sonorant.features.prepare import prepare
from sonorant.features.store import FeatureStore


@pytest.fixture(scope="session")
def config() -> FeatureConfig:
    return FeatureConfig(validation_share=0.2, test_share=0.2, split_seed=2)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, config: FeatureConfig) -> FeatureStore:
    """Features of twelve clips of 1.0 to 1.2 s; to be read only."""
    home = tmp_path_factory.mktemp("features-room")
    prepare(write_corpus(home / "corpus", 12), home / "features", config)
    return FeatureStore(home / "features")
