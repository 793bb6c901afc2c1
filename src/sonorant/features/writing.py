"""Writing a folder of features, so that it is read as finished only when it is."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sonorant.errors import CorpusError
from sonorant.features.store import INDEX, MANIFEST, UTTERANCES, Entry, FeatureIndex, Features, read_features
from sonorant.files import replace_file


def file_of(utterance_id: str, key: str) -> str:
    """Return where the features of an utterance lie in their folder; the key is of all that they are made from."""
    return f"{UTTERANCES}/{_safe_name(utterance_id)}-{key[:16]}.safetensors"


def existing_features(path: Path) -> Features | None:
    """Read a file that is there and whole; a damaged one is made again."""
    if not path.is_file():
        return None
    try:
        return read_features(path)
    except CorpusError:
        return None


def write_features(path: Path, features: Features) -> None:
    """Write the file of one utterance."""
    from safetensors.numpy import save

    content = save(dict(features.__dict__))
    replace_file(path, lambda file: file.write(content))


def finish_store(out: Path, index: FeatureIndex, entries: Iterable[Entry]) -> None:
    """Write the manifest, then the index with its hash, and remove the files that nothing names any more."""
    entries = list(entries)
    manifest = "".join(json.dumps(entry.__dict__, ensure_ascii=False) + "\n" for entry in entries).encode()
    index = replace(index, manifest_sha256=hashlib.sha256(manifest).hexdigest())
    replace_file(out / MANIFEST, lambda file: file.write(manifest))
    write_json(out / INDEX, index.to_json())
    named = {entry.file for entry in entries}
    for path in (out / UTTERANCES).glob("*.safetensors"):
        if f"{UTTERANCES}/{path.name}" not in named:
            path.unlink(missing_ok=True)


def write_json(path: Path, tree: dict[str, Any]) -> None:
    """Write what a person may want to read, too."""
    content = json.dumps(tree, indent=2, ensure_ascii=False).encode()
    replace_file(path, lambda file: file.write(content))


def _safe_name(utterance_id: str) -> str:
    """Make a file name of an id; ids that differ only in what is replaced differ in their digits.

    Example:
        >>> _safe_name("LJ001-0001"), _safe_name("../clips/a b")
        ('LJ001-0001', 'clips_a_b-16dd51d3')
    """
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", utterance_id).strip("_")[-80:]
    if safe == utterance_id:
        return safe
    return f"{safe}-{hashlib.sha256(utterance_id.encode()).hexdigest()[:8]}"
