"""Opening a voice: every name, size and hash is checked before anything of it is used."""

import difflib
import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from sonorant.config import FRONTEND_VERSION
from sonorant.errors import VoiceError
from sonorant.text.symbols import symbol_table
from sonorant.voice.manifest import MANIFEST_NAME, ZIP_SUFFIX, VoiceManifest, parse_manifest
from sonorant.voice.sources import FolderSource, Source, ZipSource

_MAX_MANIFEST_BYTES = 2**20


@dataclass(frozen=True)
class Voice:
    """A voice whose manifest has been checked; its files are hashed as they are read.

    Attributes:
        manifest: What it says about itself.
        source: Where its files are read from.
    """

    manifest: VoiceManifest
    source: Source

    @property
    def where(self) -> str:
        """The folder or file that it was loaded from."""
        return self.source.where

    def read(self, name: str) -> bytes:
        """Return the content of one of its files; what is returned has been hashed.

        Raises:
            VoiceError: The voice has no such file, or its hash is wrong.
        """
        if name not in self.manifest.files:
            raise VoiceError(f"{self.where}: has no {name}; it holds {', '.join(self.manifest.files)}")
        entry = self.manifest.files[name]
        data = self.source.read(name, entry.num_bytes)
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise VoiceError(
                f"{self.where}: {name} does not have the hash that {MANIFEST_NAME} says; get the voice anew"
            )
        return data


def load_voice(name: str | Path, verify: bool = True) -> Voice:
    """Open a built-in voice by its name, or a folder or a .voice file by its path.

    With `verify` every file is hashed now; without, each when it is read.

    Raises:
        VoiceError: There is no such voice, it is damaged or unsafe, of another format version, or its symbols are not
            those of this version's front end.
    """
    source = _source(name)
    manifest = parse_manifest(source.read(MANIFEST_NAME, _MAX_MANIFEST_BYTES), source.where)
    _check_sizes(manifest, source)
    _check_frontend(manifest, source.where)
    voice = Voice(manifest, source)
    for file_name in manifest.files if verify else ():
        voice.read(file_name)
    return voice


def is_voice(name: str | Path) -> bool:
    """Say whether a name or a path stands for a voice, sound or not, and not for some other model."""
    path = Path(name)
    return str(name) in list_voices() or path.suffix == ZIP_SUFFIX or (path / MANIFEST_NAME).is_file()


def list_voices() -> list[str]:
    """Return the names of the built-in voices."""
    folder = resources.files("sonorant") / "voices"
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if (entry / MANIFEST_NAME).is_file())


def _source(name: str | Path) -> Source:
    path = Path(name)
    if str(name) in list_voices():
        path = Path(str(resources.files("sonorant") / "voices" / str(name)))
    if path.is_dir():
        return FolderSource(path)
    if path.is_file():
        return ZipSource(path)
    built_in = list_voices()
    close = difflib.get_close_matches(str(name), built_in, 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    known = ", ".join(built_in) or "none"
    raise VoiceError(f"{name}: no such voice{hint}; built in: {known}, or give a folder or a .voice file")


def _check_sizes(manifest: VoiceManifest, source: Source) -> None:
    missing = [name for name in manifest.graphs if name not in manifest.files]
    if missing:
        raise VoiceError(f"{source.where}: {MANIFEST_NAME} lists no {', '.join(missing)}, so it cannot speak")
    for name, entry in manifest.files.items():
        size = source.size(name)
        if size != entry.num_bytes:
            raise VoiceError(f"{source.where}: {name} holds {size} bytes, {MANIFEST_NAME} says {entry.num_bytes}")


def _check_frontend(manifest: VoiceManifest, where: str) -> None:
    version = manifest.frontend.version
    if version != FRONTEND_VERSION:
        action = "upgrade sonorant" if version > FRONTEND_VERSION else "train or pack the voice anew"
        raise VoiceError(f"{where}: front end version {version}, this version has {FRONTEND_VERSION}; {action}")
    ours = symbol_table(manifest.frontend.symbols).symbols
    if manifest.symbols != ours:
        changed = sorted(set(manifest.symbols) ^ set(ours))
        what = f"they differ in {' '.join(changed[:8])}" if changed else "their order differs"
        raise VoiceError(
            f"{where}: its symbols are not those of {manifest.frontend.symbols} in this version "
            f"({len(manifest.symbols)} and {len(ours)}; {what}); train or pack the voice anew"
        )
