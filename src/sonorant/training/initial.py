"""The first weights of a network that goes on from a trained one whose symbols or speakers are others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sonorant.config import FastPitchConfig, Tacotron2Config
from sonorant.errors import VoiceError
from sonorant.features.store import FeatureStore
from sonorant.text.symbols import PHONES, symbol_table
from sonorant.voice.trained import TrainedModel

PHONE_MARK = "@"
"""What a table that holds letters as well writes before a phone."""


SYMBOLS, SPEAKERS = "embedding.weight", "speaker_embedding.weight"
"""What the acoustic models call their embeddings."""

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Carried:
    """What became of the rows of an embedding: the names that were known and those that begin as the mean."""

    known: tuple[str, ...]
    new: tuple[str, ...]


def carry_rows(rows: Tensor, old: Sequence[str], new: Sequence[str]) -> tuple[Tensor, Carried]:
    """Give every new name the row of the same old name, or the mean of all old rows.

    Shape:
        rows: (len(old), C) -> (len(new), C)

    Example:
        >>> rows, carried = carry_rows(torch.tensor([[1.0], [3.0]]), ["ada", "bob"], ["bob", "eve"])
        >>> rows.flatten().tolist(), carried.new
        ([3.0, 2.0], ('eve',))
    """
    places = {name: index for index, name in enumerate(old)}
    mean = rows.mean(0)
    carried = torch.stack([rows[places[name]] if name in places else mean for name in new])
    return carried, Carried(tuple(n for n in new if n in places), tuple(n for n in new if n not in places))


def carry_symbols(rows: Tensor, old: Sequence[str], new: Sequence[str]) -> tuple[Tensor, Carried]:
    """Carry the rows of a symbol embedding from one table to another; the padding has no part in the mean.

    Shape:
        rows: (len(old), C) -> (len(new), C)
    """
    old, new = _spoken(old), _spoken(new)
    inside, carried = carry_rows(rows[1:], old[1:], new[1:])
    return torch.cat([rows[:1], inside]), carried


def first_weights(model: TrainedModel, store: FeatureStore, embeds_speakers: bool) -> tuple[Weights, list[str]]:
    """Return a model's weights as the network of a corpus wants them, and tell what became of symbols and speakers.

    Args:
        model: What to begin with.
        store: The features of the corpus.
        embeds_speakers: Whether the network has an embedding of the speaker.
    """
    weights, notes = dict(model.weights), list[str]()
    if model.frontend is None:
        return weights, notes
    table = symbol_table(store.config.frontend.symbols)
    if model.symbols != table.symbols:
        rows, carried = carry_symbols(weights[SYMBOLS], model.symbols, table.symbols)
        weights[SYMBOLS] = rows
        notes.append(f"symbols: {len(carried.known)} of {table.name} are known, {len(carried.new)} begin as the mean")
    if embeds_speakers:
        notes += _embed_speakers(weights, model, store.speakers)
    else:
        notes.append(f"speaker {store.speakers[0]}: takes the place of {model.speakers[0]}")
    return weights, notes


def _embed_speakers(weights: dict[str, Tensor], model: TrainedModel, speakers: Sequence[str]) -> list[str]:
    """Put the rows of the corpus's speakers among the weights; where there were none they are 0, and change nothing."""
    if SPEAKERS not in weights:
        weights[SPEAKERS] = torch.zeros(len(speakers), _speaker_channels(model))
        return [f"speaker {name}: begins as {model.speakers[0]}" for name in speakers]
    weights[SPEAKERS], carried = carry_rows(weights[SPEAKERS], model.speakers, speakers)
    known = [f"speaker {name}: known, goes on" for name in carried.known]
    return known + [f"speaker {name}: new, begins as the mean of {', '.join(model.speakers)}" for name in carried.new]


def load_weights(network: nn.Module, weights: Weights) -> None:
    """Fill a network with weights; where weight norm was folded they get it again.

    Raises:
        VoiceError: They are not those of the network.
    """
    weights = dict(weights)
    for name, module in network.named_modules():
        folded = f"{name}.weight"
        if parametrize.is_parametrized(module, "weight") and folded in weights:
            weight_norm = module.parametrizations["weight"][0]
            magnitude, direction = weight_norm.right_inverse(weights.pop(folded))
            weights |= {
                f"{name}.parametrizations.weight.original0": magnitude,
                f"{name}.parametrizations.weight.original1": direction,
            }
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise VoiceError(f"the weights to begin with do not fit: {' '.join(str(error).split())}") from None


def _speaker_channels(model: TrainedModel) -> int:
    config = model.config
    assert isinstance(config, FastPitchConfig | Tacotron2Config), "a vocoder knows no speakers"
    return config.channels if isinstance(config, FastPitchConfig) else config.encoder_channels


def _spoken(symbols: Sequence[str]) -> list[str]:
    """Write phones alike whatever the table: B is a letter where phones are marked, and a phone where not."""
    if any(symbol.startswith(PHONE_MARK) for symbol in symbols):
        return list(symbols)
    return [f"{PHONE_MARK}{symbol}" if symbol in PHONES else symbol for symbol in symbols]
