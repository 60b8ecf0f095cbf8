"""A site's `Conversion`, `ImageLimits` and `ConverterOptions` as the converter's options."""

from __future__ import annotations

from imagegw.config.site import Settings
from imagegw.domain.conversion import ConversionOptions, Limits, Policy
from imagegw.domain.mksquashfs_options import with_converter_options


def conversion_options(settings: Settings) -> ConversionOptions:
    """The options that images of this site are made with.

    Raises:
        ConfigurationInvalid: `ConverterOptions` holds an argument that means nothing here.
    """
    limits = settings.image_limits
    base = ConversionOptions(
        format=settings.default_format,
        compressor=settings.conversion.compressor,
        level=settings.conversion.level,
        block_bytes=settings.conversion.block_bytes,
        policy=Policy(**settings.conversion.policy.model_dump()),
        limits=Limits(
            uncompressed_bytes=limits.size_bytes,
            entries=limits.entries,
            path_depth=limits.depth,
            ratio=limits.ratio,
            ratio_free_bytes=limits.ratio_free_bytes,
            duration_s=limits.duration.total_seconds(),
            reserve_bytes=limits.reserve_bytes,
        ),
        writer=settings.conversion.writer,
        processors=settings.conversion.processors,
        memory_bytes=settings.conversion.memory_bytes,
    )
    return with_converter_options(base, {str(name): words for name, words in settings.converter_options.items()})
