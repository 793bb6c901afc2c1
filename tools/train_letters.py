"""Train the letter-to-sound model on CMUdict and print its accuracy on the held-out words.

    python tools/train_letters.py            # about 10 minutes on one core; writes src/sonorant/text/data/letters.npz
    python tools/train_letters.py --evaluate # only the accuracy of the file that is there

Letters and phones are aligned by expectation maximisation (align_letters.py), so that each letter makes a chunk of no,
one or two phones. The model (sonorant.text.letters describes it) learns to name each letter's chunk from the whole word
and the chunks before. It learns from the first pronunciation of every word that `is_held_out` leaves; words with a
chunk that fewer than MIN_CHUNK_COUNT words have, and the few that need more than two phones for a letter ("mr"), are
left out of training, but not out of the held-out words.
"""

import argparse
import math
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from align_letters import align
from torch import Tensor, nn

from sonorant.text.letters import LETTERS, LetterToSound, is_held_out, score
from sonorant.text.lexicon import Lexicon
from sonorant.text.symbols import PHONES

TARGET = Path(__file__).resolve().parents[1] / "src/sonorant/text/data/letters.npz"
MIN_CHUNK_COUNT = 5
BATCH = 192
PEAK_LEARNING_RATE = 2.5e-3
WARM_UP_SHARE = 0.05
DROPOUT = 0.1
FORGET = 0.1  # share of the chunks before that the decoder is not told, so that one mistake does not lead to the next

Example = tuple[list[int], list[int]]


class Tagger(nn.Module):
    """A bidirectional GRU over the letters and a GRU over the chunks.

    Shape:
        letters (n, B), before (n, B) -> logits (n, B, chunks)
    """

    def __init__(self, num_chunks: int, embedding: int = 64, encoder: int = 160, decoder: int = 256) -> None:
        super().__init__()
        self.letters = nn.Embedding(len(LETTERS), embedding)
        self.chunks = nn.Embedding(num_chunks + 1, embedding)  # the last one stands before the first letter
        self.encoder = nn.GRU(embedding, encoder, num_layers=2, bidirectional=True, dropout=DROPOUT)
        self.decoder = nn.GRU(2 * encoder + embedding, decoder)
        self.output = nn.Linear(decoder + 2 * encoder, num_chunks)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, letters: Tensor, before: Tensor) -> Tensor:
        encoded = self.dropout(self.encoder(self.letters(letters))[0])
        decoded = self.decoder(torch.cat([encoded, self.chunks(before)], dim=-1))[0]
        return self.output(torch.cat([self.dropout(decoded), encoded], dim=-1))


def aligned_words(lexicon: Lexicon) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """Return the training words with their chunk for each letter, and the chunks there are."""
    words = [word for word in lexicon.words() if not is_held_out(word)]
    plain = sorted({phone.rstrip("012") for phone in PHONES})
    numbers = {phone: plain.index(phone.rstrip("012")) for phone in PHONES}
    spoken = [lexicon.lookup(word)[0] for word in words]
    pairs = [([LETTERS.index(c) for c in w], [numbers[p] for p in v]) for w, v in zip(words, spoken, strict=True)]
    cut = []
    for word, phones, sizes in zip(words, spoken, align(pairs, len(LETTERS), len(plain)), strict=True):
        if sizes is not None:
            ends = np.cumsum(sizes)
            cut.append((word, [" ".join(phones[end - size : end]) for end, size in zip(ends, sizes, strict=True)]))
    counts = Counter(chunk for _, chunks in cut for chunk in set(chunks))
    common = sorted(chunk for chunk, count in counts.items() if count >= MIN_CHUNK_COUNT)
    return [entry for entry in cut if set(entry[1]) <= set(common)], common


def batches(examples: Sequence[Example], generator: random.Random) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield shuffled batches of words of one length, so that nothing is padded. Shape: (n, B), (n, B)."""
    by_length = defaultdict(list)
    for example in examples:
        by_length[len(example[0])].append(example)
    cuts = []
    for members in by_length.values():
        generator.shuffle(members)
        cuts += [members[start : start + BATCH] for start in range(0, len(members), BATCH)]
    generator.shuffle(cuts)
    for members in cuts:
        yield torch.tensor([letters for letters, _ in members]).T, torch.tensor([chunks for _, chunks in members]).T


def loss_of(model: Tagger, letters: Tensor, chunks: Tensor, num_chunks: int) -> Tensor:
    before = torch.cat([torch.full_like(chunks[:1], num_chunks), chunks[:-1]])
    forgotten = torch.rand(before.shape) < FORGET
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(letters, before.masked_fill(forgotten, num_chunks))
    return nn.functional.cross_entropy(logits.float().flatten(0, 1), chunks.flatten())


def train(examples: Sequence[Example], num_chunks: int, epochs: int, seed: int) -> Tagger:
    """Train with AdamW, a short warm-up and a cosine to zero."""
    torch.manual_seed(seed)
    generator = random.Random(seed)
    model = Tagger(num_chunks)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=0.01)
    total = epochs * sum(1 for _ in batches(examples, generator))
    step = 0
    for epoch in range(epochs):
        started, losses = time.process_time(), []
        for letters, chunks in batches(examples, generator):
            warmed = min(1.0, step / (WARM_UP_SHARE * total))
            optimizer.param_groups[0]["lr"] = PEAK_LEARNING_RATE * warmed * 0.5 * (1 + math.cos(math.pi * step / total))
            loss = loss_of(model, letters, chunks, num_chunks)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
            step += 1
        spent = time.process_time() - started
        print(f"epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}, {spent:.0f} s of CPU", flush=True)
    return model


def save(model: Tagger, chunks: Sequence[str], path: Path) -> None:
    weights = {name: value.detach().numpy().astype(np.float16) for name, value in model.state_dict().items()}
    np.savez_compressed(path, chunk_names=np.array(chunks), **weights)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the letter-to-sound model.")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument(
        "--evaluate", action="store_true", help="train nothing; print the accuracy of the file in --out"
    )
    options = parser.parse_args()
    lexicon = Lexicon()
    if not options.evaluate:
        words, chunks = aligned_words(lexicon)
        print(f"{len(words)} words to learn from, {len(chunks)} chunks", flush=True)
        numbers = {chunk: number for number, chunk in enumerate(chunks)}
        examples = [
            ([LETTERS.index(letter) for letter in word], [numbers[chunk] for chunk in cut]) for word, cut in words
        ]
        save(train(examples, len(chunks), options.epochs, options.seed), chunks, options.out)
    held_out = [word for word in lexicon.words() if is_held_out(word)]
    print(score(LetterToSound(options.out), lexicon, held_out))


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
