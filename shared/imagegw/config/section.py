"""What every section of the site's file has in common."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """Frozen, strict about types, and closed: an unknown key is an error, unless it is known to mean nothing.

    Fields are named in the file's own spelling by their aliases. Values that may be secret are ``SecretStr``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    means_nothing: ClassVar[frozenset[str]] = frozenset()
    """Keys that sites' files have, and that neither the older gateway nor this one reads."""

    @model_validator(mode="before")
    @classmethod
    def _drop_what_means_nothing(cls, raw: object) -> object:
        if not isinstance(raw, dict):
            return raw
        return {key: value for key, value in raw.items() if key not in cls.means_nothing}
