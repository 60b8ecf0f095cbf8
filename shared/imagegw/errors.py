"""Every error of the gateway, on one page.

Each error has a stable ``code`` (clients compare it), a ``hint`` (what the reader can do), and is exactly
one of three kinds: *transient* (trying again can help), *permanent* (it cannot), *contract* (the message
itself is wrong: put aside at once, never tried again). The message of an error is one sentence for the user:
it names the thing, what was expected and what was found, and never a secret.

How often and when a transient error is tried again is decided by :mod:`imagegw.retry`, not here; ``attempts``
only bounds it for errors that do not get better by waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


class GatewayError(Exception):
    """Root of the tree; raise one of its leaves."""

    code: ClassVar[str]
    hint: ClassVar[str]

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class TransientError(GatewayError):
    """Trying again can help."""

    attempts: ClassVar[int | None] = None
    """How many attempts a step makes before the error counts as permanent; None: until the deadline."""

    def __init__(self, sentence: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class PermanentError(GatewayError):
    """Trying again cannot help, as long as nobody changes something."""


class ContractError(GatewayError):
    """A message that is not what its contract says."""


# --- requests -----------------------------------------------------------------------------------------------


class RequestInvalid(PermanentError):
    code = "request_invalid"
    hint = "Correct the request; the message says which part is wrong and what was expected."


class ReferenceInvalid(PermanentError):
    code = "reference_invalid"
    hint = "Write it as repository:tag or repository@sha256:<64 hex digits>, for example ubuntu:24.04."


class PlatformUnknown(PermanentError):
    code = "platform_unknown"
    hint = "Ask for one of the platforms that the gateway serves."


class PlatformRemoved(PermanentError):
    code = "platform_removed"
    hint = "The platform has left the gateway's configuration; ask the site's operators."


class NotAuthenticated(PermanentError):
    code = "not_authenticated"
    hint = "Send a valid credential of a method that the gateway accepts."


class NotAllowed(PermanentError):
    code = "not_allowed"
    hint = "Ask an administrator of the platform."


class NotFound(PermanentError):
    code = "not_found"
    hint = "Check the name; what exists and may be seen is listed by `imagegw images` and `imagegw queue`."


class Cancelled(PermanentError):
    code = "cancelled"
    hint = "Pull the image again when it is wanted."


class DeadlineExceeded(PermanentError):
    code = "deadline_exceeded"
    hint = "Pull the image again; if it keeps happening, ask the site's operators."


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One wrong value of a configuration."""

    path: str
    """Where it stands, as `Platforms.mycluster.ssh.key` or `Tokens[2].uid`."""
    expected: str
    found: str
    """What stands there, shortened; never a secret."""

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, found {self.found}"


class ConfigurationInvalid(PermanentError):
    """Names every wrong value at once, in the sentence and, where they were gathered, as ``errors``."""

    code = "configuration_invalid"
    hint = "Correct the configuration file; `imagegw check-config FILE` lists every error at once."

    def __init__(self, sentence: str, *, errors: Sequence[Problem] = ()) -> None:
        super().__init__(sentence)
        self.errors = tuple(errors)

    @classmethod
    def of(cls, source: str, errors: Sequence[Problem]) -> ConfigurationInvalid:
        """The error that lists ``errors``, found in ``source`` (a file's path, mostly)."""
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        listed = "; ".join(str(problem) for problem in errors)
        return cls(f"{source} has {count}: {listed}", errors=errors)


# --- registry -----------------------------------------------------------------------------------------------


class RegistryUnreachable(TransientError):
    code = "registry_unreachable"
    hint = "Check the registry's name and state; the gateway keeps trying until the pull's deadline."


class RegistryFailed(TransientError):
    code = "registry_failed"
    hint = "The registry answers with an error of its own; the gateway keeps trying until the pull's deadline."


class RegistryBusy(TransientError):
    """429, an empty budget, or 503 with ``Retry-After``: the host's gate closes for ``retry_after_s``."""

    code = "registry_busy"
    hint = "The registry limits how often it is asked; the gateway waits as long as the registry demands."


class RegistryMisbehaved(TransientError):
    """An answer that the distribution specification does not allow."""

    code = "registry_misbehaved"
    hint = "The registry, or a proxy before it, answers wrongly; ask its operators."
    attempts = 5


class BlobCorrupt(TransientError):
    """Bytes whose size or digest is not the descriptor's."""

    code = "blob_corrupt"
    hint = "The registry delivers other bytes than the manifest names; push the image again."
    attempts = 3


class RegistryDenied(PermanentError):
    code = "registry_denied"
    hint = "Log in with an account that may read the repository, and check that its name is right."


class RegistryForbidden(PermanentError):
    """The site's configuration does not allow this registry, repository or foreign layer host."""

    code = "registry_forbidden"
    hint = "The site's configuration does not allow this source; ask the site's operators."


class ManifestUnknown(PermanentError):
    code = "manifest_unknown"
    hint = "Check the name and the tag; the registry has no such image."


class ManifestInvalid(PermanentError):
    code = "manifest_invalid"
    hint = "Push the image again with a current tool; its manifest is not what the OCI specification says."


class ManifestTooLarge(PermanentError):
    code = "manifest_too_large"
    hint = "A manifest holds only descriptors; this one is larger than the gateway accepts."


class SchemaOneRefused(PermanentError):
    code = "manifest_schema1"
    hint = "Push the image again with a current tool; Docker's schema 1 has been obsolete since 2017."


class NotAnImage(PermanentError):
    code = "not_an_image"
    hint = "The reference names an artifact of another kind, not a container image."


class NoMatchingPlatform(PermanentError):
    code = "no_matching_architecture"
    hint = "Ask for an image that is built for the platform's architecture."


class ImageTooLarge(PermanentError):
    code = "image_too_large"
    hint = "The image is larger than the site allows; make it smaller or ask the site's operators."


class LoginUnusable(TransientError):
    """A stored login that cannot be read (the key that encrypts it is missing or has changed)."""

    code = "login_unusable"
    hint = "Pull again with a fresh login; if it keeps happening, ask the site's operators."
    attempts = 3


# --- store --------------------------------------------------------------------------------------------------


class BlobMissing(TransientError):
    """A blob that the database counts on has vanished from the store: it is fetched or made again."""

    code = "blob_missing"
    hint = "Something outside the gateway emptied its store; the gateway fetches what is missing again."

    def __init__(self, digest: str) -> None:
        super().__init__(f"the store has no blob {digest}")
        self.digest = digest


class StoreFull(TransientError):
    code = "store_full"
    hint = "The gateway's own disk is full; its operators have to make room."


class StoreFailed(TransientError):
    code = "store_failed"
    hint = "The gateway's own storage does not work; its operators have to look at it."


# --- converter ----------------------------------------------------------------------------------------------


class LayerInvalid(PermanentError):
    """A layer that is no tar stream of its codec: cut, corrupt, or malformed."""

    code = "layer_invalid"
    hint = "Push the image again with a current tool; one of its layers cannot be read."


class LayerRefused(PermanentError):
    """A layer that breaks a rule: the message names layer, entry and rule."""

    code = "layer_refused"
    hint = "The image does what the gateway refuses; build it without that entry."


class ToolMissing(TransientError):
    code = "tool_missing"
    hint = "Install the package that has the program on the converter's host."
    attempts = 5


class WriterFailed(TransientError):
    """The program that writes the image file ended with an error that is not the image's fault."""

    code = "writer_failed"
    hint = "The tool that writes the image file failed; the gateway's operators find its last words in the log."
    attempts = 3


class ResultWrong(TransientError):
    """What was written does not agree with what was sent."""

    code = "result_wrong"
    hint = "The written file failed its check and was thrown away; ask the gateway's operators."
    attempts = 3


# --- platform -----------------------------------------------------------------------------------------------


class PlatformNotServed(PermanentError):
    code = "platform_not_served"
    hint = "The gateway has no way to bring files to this platform; ask its operators."


class PlatformUnreachable(TransientError):
    code = "platform_unreachable"
    hint = "The cluster does not answer; the gateway keeps trying until the pull's deadline."


class PlatformFull(TransientError):
    code = "platform_full"
    hint = "The cluster's image directory is full; its operators have to make room."


class PlatformRefused(TransientError):
    """The image directory is missing, read-only, or not ours to write."""

    code = "platform_refused"
    hint = "The gateway cannot write the cluster's image directory; its operators have to look at it."


class DeliveryWrong(TransientError):
    """What was read back from the platform is not what was sent."""

    code = "delivery_wrong"
    hint = "The file on the cluster was not what was sent and was not given its name; ask the operators."
    attempts = 5


# --- work itself --------------------------------------------------------------------------------------------


class GateClosed(TransientError):
    """The step may not ask before ``not_before``: it puts itself off, which counts as no attempt."""

    code = "gate_closed"
    hint = "The other side asked for a pause; the gateway goes on by itself."

    def __init__(self, sentence: str, *, not_before: datetime) -> None:
        super().__init__(sentence)
        self.not_before = not_before


class WorkerCrashed(PermanentError):
    code = "worker_crashed"
    hint = "This image ended the gateway's workers again and again; ask the site's operators."


class Unexpected(TransientError):
    """Wraps an exception that nobody foresaw."""

    code = "unexpected"
    hint = "This is a fault of the gateway; its operators find the traceback in the log."
    attempts = 5


class DatabaseAway(TransientError):
    code = "database_away"
    hint = "The gateway's database does not answer; it goes on by itself when it is back."


class BrokerAway(TransientError):
    code = "broker_away"
    hint = "The gateway's message broker does not answer; it goes on by itself when it is back."


class StepAborted(Exception):
    """The holder must stop: the service ends, or nobody waits any more. Not a failure."""


class ClaimLost(StepAborted):
    """The claim stands no more: its former holder stops and touches nothing."""


class MessageInvalid(ContractError):
    code = "message_invalid"
    hint = "Compare the message with the published schema."


# --- one machine --------------------------------------------------------------------------------------------


class ServerMissing(PermanentError):
    """A server that `imagegw up` should start is not installed."""

    code = "server_missing"
    hint = "Install it, or name one that runs already in the configuration (MongoDBURI, AmqpURL)."


class ServerNotStarted(PermanentError):
    code = "server_not_started"
    hint = "Its own last words are in the message and in its log; correct the cause and start again."


class DirectoryInUse(PermanentError):
    """Another `imagegw up` runs on the same data directory."""

    code = "directory_in_use"
    hint = "Stop the other `imagegw up`, or give this one a data directory of its own (--data)."
