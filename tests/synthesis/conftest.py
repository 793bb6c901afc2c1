"""The tiny voices, for every test of this folder."""

from tests.tiny_voice import tiny_filter_voice, tiny_flow_voice, tiny_voice

__all__ = ["tiny_filter_voice", "tiny_flow_voice", "tiny_voice"]
