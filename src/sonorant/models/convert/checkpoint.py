"""Published checkpoint files, read safely, and the strict passage of each of their tensors to its place in ours."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from sonorant.config.settings import Settings
from sonorant.errors import VoiceError

NETWORK_KEYS = ("state_dict", "model")
"""Where checkpoints keep their network; one that has neither is a bare state dict."""

PARALLEL_PREFIX = "module."
"""What DistributedDataParallel writes before every name."""

NAMED_IN_MESSAGES = 5

SettingsType = TypeVar("SettingsType", bound=Settings)

Namer = Callable[[str], str | None]
"""Our name of one of their tensors; None where there is no such tensor."""


def load_checkpoint(path: Path) -> Mapping[str, Any]:
    """Read a file of `torch.save`; only tensors and plain data are unpickled, so that no file can run anything.

    Raises:
        VoiceError: The file is missing or damaged, holds whole objects, or is not a checkpoint.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise VoiceError(f"{path}: cannot be read: {error.strerror}") from None
    with file:
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged or hostile pickle can raise anything
            raise VoiceError(_refusal(path, error)) from None
    if not isinstance(content, Mapping):
        raise VoiceError(f"{path}: not a checkpoint: found a {type(content).__name__} instead of a mapping")
    return content


def _refusal(path: Path, error: Exception) -> str:
    said = " ".join(str(error).split())
    if foreign := re.search(r"Unsupported (?:global: GLOBAL|class) (\S+)", said):
        reason = (
            f"it holds a {foreign[1]}, whose code would have to run; where it comes from, save the network's "
            "state_dict() alone with torch.save, and import that"
        )
    else:
        reason = f"{type(error).__name__}: {said}".partition(". ")[0]
    return f"{path}: damaged, or not a checkpoint of tensors and plain data: {reason}"


def network_tensors(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint's network, without the prefix of parallel training.

    Raises:
        VoiceError: There is no network in it, or something in it is not a plain tensor.
    """
    held = next((content[key] for key in NETWORK_KEYS if key in content), content)
    if not isinstance(held, Mapping) or not any(isinstance(value, Tensor) for value in held.values()):
        raise VoiceError(f"{path}: no network in it; it holds {listed([str(key) for key in content])}")
    strange = [str(name) for name, value in held.items() if not _is_plain(value)]
    if strange:
        raise VoiceError(f"{path}: not plain tensors: {listed(strange)}")
    return {str(name).removeprefix(PARALLEL_PREFIX): value for name, value in held.items()}


def renamed_strictly(theirs: Mapping[str, Any], name_of: Namer, network: nn.Module, path: Path) -> dict[str, Tensor]:
    """Rename and reshape every tensor, or say all that does not match.

    Args:
        theirs: Their tensors by their names.
        name_of: The map of the names.
        network: Ours; only the names and the shapes of its tensors count, so it may be on the meta device.
        path: What an error names as its place.

    Returns:
        What `network.load_state_dict` takes strictly, in float32.

    Raises:
        VoiceError: A tensor is unknown, misshapen, not finite or missing; the message names the first few of each.
    """
    wanted = network.state_dict()
    state: dict[str, Tensor] = {}
    unknown, unfit = [], []
    for name, value in theirs.items():
        ours = name_of(str(name))
        if ours not in wanted or ours in state:
            unknown.append(str(name))
        elif not _fits(value, wanted[ours]):
            unfit.append(str(name))
        else:
            state[ours] = value.detach().to(wanted[ours].dtype).reshape(wanted[ours].shape)
    missing = [name for name in wanted if name not in state] if not unfit else []
    problems = [("unknown", unknown), ("not finite numbers of the right shape", unfit), ("missing", missing)]
    if any(names for _, names in problems):
        said = "; ".join(f"{problem}: {listed(names)}" for problem, names in problems if names)
        raise VoiceError(f"{path}: tensors do not match the settings: {said}")
    return state


def _is_plain(value: Any) -> bool:
    """Tell whether a value is a tensor with a number in memory for each element: none that a small file blows up."""
    if not isinstance(value, Tensor) or value.layout != torch.strided:
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _fits(value: Any, wanted: Tensor) -> bool:
    """Tell whether a tensor is ours but for dimensions of 1: our layers are two-dimensional, theirs may not be."""
    if not _is_plain(value):
        return False
    if value.is_floating_point() != wanted.is_floating_point() or value.is_complex():
        return False
    same_shape = [n for n in value.shape if n != 1] == [n for n in wanted.shape if n != 1]
    return same_shape and bool(value.isfinite().all())


def renamed(theirs: str, names: Iterable[tuple[str, str]]) -> str | None:
    r"""Return our name of a layer or tensor by the first of the patterns (theirs -> ours) that matches all of it.

    Example:
        >>> renamed("ups.2", [(r"ups\.(\d+)", r"stages.\1.upsample")])
        'stages.2.upsample'
    """
    for pattern, ours in names:
        if match := re.fullmatch(pattern, theirs):
            return match.expand(ours)
    return None


def shape_of(tensors: Mapping[str, Tensor], name: str, num_dims: int, path: Path) -> torch.Size:
    """Return the shape of a tensor from which sizes are read off.

    Raises:
        VoiceError: There is no such tensor, or it has another number of dimensions.
    """
    if name not in tensors:
        raise VoiceError(f"{path}: tensors are missing: {name}")
    shape = tensors[name].shape
    if len(shape) != num_dims:
        raise VoiceError(f"{path}: {name} has the shape {tuple(shape)}; it needs {num_dims} dimensions")
    return shape


def count_numbered(tensors: Mapping[str, Tensor], pattern: str) -> int:
    r"""Count the layers that a pattern numbers.

    Example:
        >>> count_numbered(dict.fromkeys(["a.0.w", "a.0.b", "a.1.w"], torch.zeros(1)), r"a\.(\d+)\..*")
        2
    """
    return len({match[1] for name in tensors if (match := re.fullmatch(pattern, name))})


def settings_mapping(content: Mapping[str, Any], name: str, advice: str, path: Path) -> Mapping[str, Any]:
    """Return the settings that a checkpoint keeps under a name.

    Raises:
        VoiceError: There are none.
    """
    value = content.get(name)
    if not isinstance(value, Mapping):
        raise VoiceError(f"{path}: holds no settings ({name}); {advice}")
    return value


def renamed_settings(
    sources: Iterable[tuple[Mapping[str, Any], Mapping[str, str]]], path: Path
) -> list[dict[str, Any]]:
    """Take out of each mapping the settings that its names list (theirs -> ours), under our names.

    Raises:
        VoiceError: Some are missing; the message names them all.
    """
    sources = list(sources)
    missing = sorted({name for theirs, names in sources for name in names.keys() - theirs.keys()})
    if missing:
        raise VoiceError(f"{path}: settings are missing: {', '.join(missing)}")
    return [{ours: theirs[name] for name, ours in names.items()} for theirs, names in sources]


def checked(kind: type[SettingsType], values: Mapping[str, Any], path: Path) -> SettingsType:
    """Make settings of values out of a file.

    Raises:
        VoiceError: They are no such settings.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        raise VoiceError(f"{path}: wrong settings: {'; '.join(problems)}") from None


def listed(names: list[str]) -> str:
    """Name the first few."""
    more = len(names) - NAMED_IN_MESSAGES
    return ", ".join(names[:NAMED_IN_MESSAGES]) + (f" and {more} more" if more > 0 else "")
