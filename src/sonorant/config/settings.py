"""What all settings have in common: frozen, typed, no unknown keys."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A frozen section of a recipe or of a voice; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
