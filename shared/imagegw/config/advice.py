"""What is legal in a site's file, and should be known before it is relied on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from imagegw.config.durations import format_duration

if TYPE_CHECKING:
    from imagegw.config.site import Settings

SHORT_EXPIRATION = timedelta(days=7)
"""A queued job holds the id of its image for days, and expiry cannot see that."""


def advise(settings: Settings) -> tuple[str, ...]:
    """One sentence for each thing in ``settings`` that may not be what the site means, gravest first."""
    return (*_about_security(settings), *_about_images(settings), *_about_older_keys(settings))


def _about_security(settings: Settings) -> Iterator[str]:
    for name, platform in settings.platforms.items():
        if platform.policy_file is not None:
            yield (
                f"Platforms.{name}.policy_file: SIGNATURES ARE NOT ENFORCED. The gateway does not read "
                f"{platform.policy_file}; images without a valid signature are delivered like any other"
            )
        if platform.anonymous:
            calls = ", ".join(platform.anonymous)
            yield f"Platforms.{name}.anonymous: {calls} are answered to anybody who reaches the gateway"
    for name, location in settings.locations.items():
        if location.insecure:
            yield f'Locations["{name}"].insecure: the certificate of this registry is not checked'
    if settings.tokens and "token" not in settings.authentication:
        yield "Tokens: none of them is accepted, since Authentication does not name the method token"


def _about_images(settings: Settings) -> Iterator[str]:
    if settings.image_expiration_timeout < SHORT_EXPIRATION:
        timeout = format_duration(settings.image_expiration_timeout)
        yield (
            f"ImageExpirationTimeout: {timeout} is under seven days; "
            "jobs that wait longer in the queue lose their image"
        )
    if settings.pull_deadline <= settings.stall_timeout:
        yield "StallTimeout: it is not shorter than PullDeadline; a stalled step is not tried again in time"


def _about_older_keys(settings: Settings) -> Iterator[str]:
    if settings.pull_update_time is not None:
        if settings.pull_update_time != settings.pull_update_timeout:
            yield "PullUpdateTime: this old name is not read, since PullUpdateTimeout is there too"
        else:
            yield "PullUpdateTime: this is the old name of PullUpdateTimeout"
    if settings.worker_threads is not None:
        yield "WorkerThreads: it means nothing now; Slots says how many steps a process holds"
    for name, platform in settings.platforms.items():
        if platform.use_external:
            yield f"Platforms.{name}.use_external: it means nothing now; there is one way to convert"
