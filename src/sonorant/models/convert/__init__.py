"""Published checkpoints to ours: what each setting, layer and tensor is called on both sides.

Nothing is guessed and nothing is left over: every tensor of a file is used or named as unread, and every tensor of ours
is filled.
"""

from sonorant.models.convert.hifigan import HifiganCheckpoint, hifigan_name, read_hifigan_checkpoint

__all__ = ["HifiganCheckpoint", "hifigan_name", "read_hifigan_checkpoint"]
