"""Time a training step of Tacotron 2's decoder against a plain decoder, which goes cell by cell as one writes it down.

Both have the full size, the same weights, inputs and dropout, and must agree before they are timed.

Run: OMP_NUM_THREADS=1 python tools/bench_tacotron2_decoder.py [--batch 4 --symbols 100 --frames 400]
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from sonorant.config.models import Tacotron2Config
from sonorant.models.tacotron2_decoder import Decoder, DecoderMasks, DecoderOutput


def plain_forward(
    decoder: Decoder, memory: Tensor, keys: Tensor, valid: Tensor, frames: Tensor, masks: DecoderMasks
) -> DecoderOutput:
    """Compute what `Decoder.forward` computes, one step after the other, and leave its gradients to autograd."""
    squeezed = decoder.prenet(frames, masks.prenet)
    alignment = decoder.attention.initial_alignment(memory)
    cumulative = torch.zeros_like(alignment)
    context = memory.new_zeros(memory.shape[0], memory.shape[2])
    attention_hidden = attention_cell = memory.new_zeros(len(memory), decoder.attention_rnn.hidden_size)
    decoder_hidden = decoder_cell = memory.new_zeros(len(memory), decoder.decoder_rnn.hidden_size)
    said, stops, alignments = [], [], []
    for step in range(len(frames)):
        attention_hidden, attention_cell = decoder.attention_rnn(
            torch.cat([squeezed[step], context], 1), (attention_hidden, attention_cell)
        )
        if masks.attention_hidden is not None:
            attention_hidden = attention_hidden * masks.attention_hidden[step]
        alignment = decoder.attention(
            decoder.attention.query(attention_hidden), keys, valid, alignment, cumulative
        )
        cumulative = cumulative + alignment
        context = torch.bmm(alignment.unsqueeze(1), memory).squeeze(1)
        decoder_hidden, decoder_cell = decoder.decoder_rnn(
            torch.cat([attention_hidden, context], 1), (decoder_hidden, decoder_cell)
        )
        if masks.decoder_hidden is not None:
            decoder_hidden = decoder_hidden * masks.decoder_hidden[step]
        spoken = torch.cat([decoder_hidden, context], 1)
        said.append(decoder.mel_projection(spoken))
        stops.append(decoder.stop_projection(spoken).squeeze(1))
        alignments.append(alignment)
    return DecoderOutput(torch.stack(said), torch.stack(stops), torch.stack(alignments))


Forward = Callable[[Tensor, Tensor, Tensor, Tensor, DecoderMasks], DecoderOutput]


class _Case:
    """A decoder of the full size and what it is given."""

    def __init__(self, batch: int, symbols: int, frames: int) -> None:
        torch.manual_seed(0)
        config, n_mels = Tacotron2Config(), 80
        self.decoder = Decoder(config, n_mels)
        self.plain = partial(plain_forward, self.decoder)
        self.memory = torch.randn(batch, symbols, config.encoder_channels)
        self.valid = torch.ones(batch, symbols, dtype=torch.bool)
        self.frames = torch.randn(frames, batch, n_mels)
        self.masks = self.decoder.draw_masks(frames, batch)

    def gradient(self, forward: Forward) -> Tensor:
        """Run a training step up to the gradients; return those of the weight that the steps share most."""
        self.decoder.zero_grad()
        keys = self.decoder.attention.keys(self.memory)
        output = forward(self.memory, keys, self.valid, self.frames, self.masks)
        (output.frames.square().mean() + output.stop_logits.square().mean()).backward()
        weight = self.decoder.attention_rnn.weight_hh
        assert weight.grad is not None
        return weight.grad.clone()

    def seconds(self, forward: Forward) -> float:
        start = time.perf_counter()
        self.gradient(forward)
        return time.perf_counter() - start


def main() -> None:
    """Print both times and their ratio, after making sure that both compute the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=2, help="of each, in turn; the best counts")
    arguments = parser.parse_args()
    short = _Case(arguments.batch, arguments.symbols, frames=10)
    torch.testing.assert_close(short.gradient(short.decoder), short.gradient(short.plain), atol=1e-5, rtol=1e-4)
    case = _Case(arguments.batch, arguments.symbols, arguments.frames)
    times = [(case.seconds(case.decoder), case.seconds(case.plain)) for _ in range(arguments.repeats)]
    reordered, plain = (min(column) for column in zip(*times, strict=True))
    print(
        f"full-size decoder, batch {arguments.batch}, {arguments.symbols} symbols, {arguments.frames} frames, "
        f"{torch.get_num_threads()} thread(s), forward and backward"
    )
    print(f"reordered {reordered:.2f} s, cell by cell {plain:.2f} s: {plain / reordered:.1f} times faster")


if __name__ == "__main__":
    main()
