"""How well a vocoder copies recordings: mean absolute log-mel error of recording -> mel -> sound -> mel, per clip.

    python tools/copy_synthesis.py VOCODER FEATURES --split test

VOCODER is a run folder, a checkpoint or a .safetensors file; the error is of the mel that the vocoder reads.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from sonorant.audio import log_mel
from sonorant.features.store import FeatureStore
from sonorant.training.checkpoint import load_trained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vocoder", type=Path)
    parser.add_argument("features", type=Path)
    parser.add_argument("--split", default="test", choices=["train", "validation", "test"])
    parser.add_argument("--limit", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    store = FeatureStore(arguments.features)
    network = load_trained(arguments.vocoder).network()
    errors = []
    for entry in store.split(arguments.split)[: arguments.limit]:
        features = store.read(entry)
        with torch.no_grad():
            copied = network(torch.from_numpy(features.mel)[None])[0].numpy()
        recorded = features.waveform.astype(np.float32) / 32768
        first, second = (log_mel(samples, store.config.mel) for samples in (recorded, copied))
        errors.append(float(np.abs(first - second).mean()))
    print(f"{len(errors)} clips: mean {np.mean(errors):.3f}, {min(errors):.3f} to {max(errors):.3f}")


if __name__ == "__main__":
    main()
