"""What all records are: frozen, with nothing in them that the model does not know."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class Model(BaseModel):
    """Base of all records: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Record(Model):
    """Anything read from a connection: the vendor's id, kept as text, and its time of change (UTC)."""

    external_id: Annotated[str, Field(min_length=1)]
    modified_at: dt.datetime | None = None
