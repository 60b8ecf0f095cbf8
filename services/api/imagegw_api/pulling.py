"""Pulls made, joined and cancelled; in a thread, by the same guarded updates as every service's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import SecretStr

from imagegw.config import Settings
from imagegw.domain import admission, pulls
from imagegw.domain.acl import Acl
from imagegw.domain.records import Pull
from imagegw.domain.reference import normalise_typed_tag, parse_reference
from imagegw.errors import Cancelled, PlatformUnknown, RequestInvalid
from imagegw.logins import Logins
from imagegw.mongo import queries
from imagegw.pipeline.desk import Desk
from imagegw.pipeline.following import end_pull
from imagegw.retry import failure_of
from imagegw_api.auth.caller import Caller


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A pull as it was asked for, checked as far as it can be without a registry."""

    caller: Caller
    platform: str
    tag: str
    wish: Acl | None = None
    logins: Mapping[str, SecretStr] = field(default_factory=dict)
    idempotency: str | None = None
    kind: Literal["docker"] = "docker"


def check_platform(settings: Settings, platform: str) -> None:
    """Return if the gateway serves that platform.

    Raises:
        PlatformUnknown: it does not.
    """
    if platform not in settings.platforms:
        raise PlatformUnknown(f"the gateway serves no platform {platform[:100]!r}")


def check_reference(settings: Settings, text: str) -> str:
    """The reference as it is remembered.

    Raises:
        ReferenceInvalid: it is none.
    """
    parse_reference(text, locations=settings.locations, default_location=settings.default_location)
    return normalise_typed_tag(text)


class Pulling:
    """What a process does to pulls."""

    def __init__(self, settings: Settings, desk: Desk, logins: Logins) -> None:
        self._settings = settings
        self._desk = desk
        self._logins = logins
        self._limits = admission.Limits(live=settings.live_pulls, live_per_user=settings.live_pulls_per_user)

    def start(self, ask: Ask) -> Pull:
        """A new attempt, or the requester's live one, which this ask then joins.

        Raises:
            RequestInvalid: a login was given, and the site cannot keep any.
            DatabaseAway: the attempt may have been made; asked again, it is found.
        """
        while True:
            pull = self._new(ask)
            if ask.logins:
                self._keep_logins(pull, ask)
            if self._desk.insert(pull):
                return pull
            if ask.logins:
                self._logins.forget(pull.id)
            found = self._find(ask)
            if found is not None:
                is_repeat = ask.idempotency is not None and found.idempotency == ask.idempotency
                return found if is_repeat else self.join(found, ask)

    def join(self, pull: Pull, ask: Ask) -> Pull:
        """The requester asks for what they have under way: what they wish and log in with now is what counts."""
        if ask.logins:
            self._keep_logins(pull, ask)
        if ask.wish is None or ask.wish == pull.wish:
            return pull
        outcome = self._desk.change(
            Pull, pull.id, lambda current: pulls.replace_wish(current, ask.wish, self._desk.now())
        )
        return pull if outcome.record is None else outcome.record

    def cancel(self, pull: Pull) -> None:
        """End a live pull as FAILURE with code `cancelled`; one that has ended stays as it is."""
        end_pull(self._desk, pull.id, failure_of(Cancelled(f"the pull of {pull.tag} was cancelled")))

    def _new(self, ask: Ask) -> Pull:
        now = self._desk.now()
        pull = Pull(
            id=self._desk.new_id(),
            platform=ask.platform,
            type=ask.kind,
            tag=ask.tag,
            uid=ask.caller.uid,
            gid=ask.caller.gid,
            user=ask.caller.user,
            wish=ask.wish,
            live=True,
            created=now,
            deadline=now + self._settings.pull_deadline,
            idempotency=ask.idempotency,
        )
        return pulls.begin(pull, now) if self._has_room(ask.caller.uid) else pull

    def _has_room(self, uid: int) -> bool:
        count = self._desk.database.pulls.count
        waiting, admitted = count(queries.waiting()), count(queries.admitted())
        return admission.has_room(waiting, admitted, count(queries.admitted(uid)), self._limits)

    def _keep_logins(self, pull: Pull, ask: Ask) -> None:
        if not self._logins.can_keep:
            raise RequestInvalid("the gateway cannot keep a login: the site has no SecretKeysFile")
        self._logins.keep(pull.id, ask.logins, pull.deadline)

    def _find(self, ask: Ask) -> Pull | None:
        """What stands in the way of a new attempt: the live one, or the one of the same idempotency key."""
        key = queries.attempts(ask.platform, ask.kind, ask.tag, ask.caller.uid)
        live = list(self._desk.find(Pull, {**key, "live": True}, limit=1))
        if live or ask.idempotency is None:
            return live[0] if live else None
        same = list(self._desk.find(Pull, {"idempotency": ask.idempotency}, limit=1))
        if same and (same[0].platform, same[0].tag) != (ask.platform, ask.tag):
            raise RequestInvalid("this idempotency key was used for another pull")
        return same[0] if same else None
