"""The graphs that each kind of model is packed as: the one table that export and both runtimes read."""

from collections.abc import Mapping
from dataclasses import dataclass

VOCODER_NAME = "vocoder.onnx"
PITCH_NAME = "vocoder_pitch.onnx"
VOCODER_NAMES = VOCODER_NAME, PITCH_NAME


@dataclass(frozen=True)
class Graph:
    """One method of a network as a file of a voice.

    Attributes:
        file: Its name in the voice.
        method: The network's method that it computes.
        inputs: Name -> axes whose size is free, in the order of the method's arguments.
        outputs: Names, in the order of what the method returns.
    """

    file: str
    method: str
    inputs: Mapping[str, tuple[int, ...]]
    outputs: tuple[str, ...]


_STATE = ("attention_hidden", "attention_cell", "decoder_hidden", "decoder_cell", "context")
_TACOTRON2_STATE = {**dict.fromkeys(_STATE, (0,)), "alignment": (0, 1), "cumulative": (0, 1)}
"""What a decoder step of Tacotron 2 is given by the one before."""

ENCODER = Graph(
    "acoustic_encoder.onnx",
    "encode",
    {"symbols": (0, 1), "symbol_lengths": (0,), "speaker_ids": (0,), "pitch_scale": (0,), "pitch_offset": (0,)},
    ("encodings", "log_durations"),
)
DECODER = Graph("acoustic_decoder.onnx", "decode", {"frames": (0, 1), "mel_lengths": (0,)}, ("mel",))
MEMORY = Graph(
    "acoustic_encoder.onnx",
    "encode",
    {"symbols": (0, 1), "symbol_lengths": (0,), "speaker_ids": (0,)},
    ("memory", "processed_memory"),
)
STEP = Graph(
    "acoustic_step.onnx",
    "step",
    {
        "memory": (0, 1),
        "processed_memory": (0, 1),
        "valid": (0, 1),
        "frame": (0,),
        "prenet_masks": (0,),
        **_TACOTRON2_STATE,
    },
    ("frames", "stop_logits", *(f"next_{name}" for name in _TACOTRON2_STATE)),
)
POSTNET = Graph("acoustic_postnet.onnx", "postnet", {"mel": (0, 2), "mel_lengths": (0,)}, ("mel_postnet",))
HIFIGAN = Graph(VOCODER_NAME, "forward", {"mel": (0, 2)}, ("waveform",))
WAVEGLOW = Graph(VOCODER_NAME, "infer", {"mel": (0, 2), "noise": (0, 2)}, ("waveform",))
PITCH = Graph(PITCH_NAME, "pitch", {"mel": (0, 2)}, ("pitch_hz",))
SOURCE_FILTER = Graph(VOCODER_NAME, "forward", {"mel": (0, 2), "pitch_hz": (0, 1), "excitation": (0, 2)}, ("waveform",))

GRAPHS: dict[str, tuple[Graph, ...]] = {
    "fastpitch": (ENCODER, DECODER),
    "tacotron2": (MEMORY, STEP, POSTNET),
    "hifigan": (HIFIGAN,),
    "waveglow": (WAVEGLOW,),
    "source_filter": (PITCH, SOURCE_FILTER),
}
"""Kind of model -> its graphs."""
