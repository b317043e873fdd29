"""What every table of the configuration file has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table of the file: unknown keys are errors, types are not guessed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True,
        validate_by_name=True, validate_by_alias=True,
        hide_input_in_errors=True, allow_inf_nan=False,
    )  # fmt: skip
