"""The exception tree of the package.

SonorantError
├── UserError              one line on stderr, exit code 2, no traceback
│   ├── ConfigError        a recipe or an override
│   ├── CorpusError        recordings, transcripts, prepared features
│   ├── TextError          text that cannot be spoken
│   ├── VoiceError         a voice, or a checkpoint to make one from
│   └── RequestError       a call of the command line, the Python API or the service
└── TrainingDiverged       exit code 3: the step, the quantity, the last good checkpoint

A message reads "where: what is wrong, what was found, what is allowed, what to do".
Inside `models/` and `audio/` a wrong argument is a plain `ValueError`.
"""


class SonorantError(Exception):
    """The root of every error that the package raises on purpose."""


class UserError(SonorantError):
    """Something a user can put right; the message says how."""


class ConfigError(UserError):
    """A recipe or an override is wrong."""


class CorpusError(UserError):
    """Recordings, transcripts or prepared features are wrong."""


class TextError(UserError):
    """A text cannot be spoken."""


class VoiceError(UserError):
    """A voice, or a checkpoint to make one from, is wrong."""


class RequestError(UserError):
    """A call of the command line, the Python API or the service is wrong."""


class TrainingDiverged(SonorantError):
    """A loss or a gradient is not finite; the message names the step, the quantity and the last good checkpoint."""
