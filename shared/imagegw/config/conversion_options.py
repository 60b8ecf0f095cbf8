"""The conversion that a site's configuration asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from imagegw.domain.conversion import ConversionOptions, Limits
from imagegw.domain.mksquashfs_options import with_converter_options
from imagegw.errors import ConfigurationInvalid, Problem

if TYPE_CHECKING:
    from imagegw.config.limits import ImageLimits
    from imagegw.config.site import Settings


def conversion_options(settings: Settings) -> ConversionOptions:
    """Give what `Conversion` and `ImageLimits` say, and what `ConverterOptions` says over them.

    Raises:
        ConfigurationInvalid: a level that the compressor does not have, or an argument that means nothing here.
    """
    chosen = settings.conversion.model_dump(by_alias=False)
    try:
        base = ConversionOptions(**chosen, limits=_limits(settings.image_limits))
    except ValidationError as error:
        problems = [
            Problem(
                path="Conversion", expected=detail["msg"].removeprefix("Value error, "), found=str(chosen["level"])
            )
            for detail in error.errors(include_url=False)
        ]
        raise ConfigurationInvalid.of("Conversion", problems) from error
    return with_converter_options(base, {str(name): words for name, words in settings.converter_options.items()})


def _limits(limits: ImageLimits) -> Limits:
    return Limits(
        uncompressed_bytes=limits.size_bytes,
        entries=limits.entries,
        path_depth=limits.depth,
        ratio=limits.ratio,
        ratio_free_bytes=limits.ratio_free_bytes,
        duration_s=limits.duration.total_seconds(),
        reserve_bytes=limits.reserve_bytes,
    )


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ")
