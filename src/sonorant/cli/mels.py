"""`sonorant mels`: an acoustic model's mels of recordings, for a vocoder to learn from."""

from pathlib import Path
from typing import Annotated

import typer


def mels(
    acoustic: Annotated[str, typer.Argument(help="A voice packed with weights, a run, a .pt or a .safetensors file.")],
    data: Annotated[Path, typer.Argument(help="Features made by `prepare`.")],
    out: Annotated[Path, typer.Argument(help="A new folder of features, for `train` or `finetune` of a vocoder.")],
) -> None:
    """Let an acoustic model say the recordings at their own pace. Can be interrupted and run again."""
    from sonorant.cli.progress import progress_of
    from sonorant.features.store import FeatureStore
    from sonorant.training.source import read_source
    from sonorant.training.teacher_forced import TeacherForcing, write_mels

    forcing = TeacherForcing(read_source(acoustic, "acoustic"), FeatureStore(data))
    with progress_of("mels") as progress:
        store = write_mels(forcing, out, progress)
    print(f"{out}: {len(store.entries)} utterances, signature {store.signature()}")
