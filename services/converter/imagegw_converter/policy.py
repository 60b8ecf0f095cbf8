"""What of an entry's attributes reaches the image file: the site's policy, applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from imagegw_converter.tar.entry import Kind

if TYPE_CHECKING:
    from imagegw.domain.conversion import Policy
    from imagegw_converter.tar.entry import Entry

_SETUID_SETGID = 0o6000
_ANY_EXECUTE = 0o111
_ALL_READ = 0o444
_OTHERS_READ = 0o004
_OWNER_WRITE = 0o200
_LAST_TIME = (1 << 32) - 1
_XATTRS_OF_SQUASHFS = (b"user.", b"trusted.", b"security.")


class Attributes(NamedTuple):
    """What an entry's header in the image says, besides its kind and content."""

    mode: int
    uid: int
    gid: int
    mtime: int
    xattrs: tuple[tuple[bytes, bytes], ...]


IMPLIED_DIRECTORY = Attributes(mode=0o755, uid=0, gid=0, mtime=0, xattrs=())
"""A directory that no layer describes."""


def is_dropped(policy: Policy, entry: Entry) -> bool:
    """Say whether the policy keeps an entry out of the image."""
    is_device = entry.kind is Kind.CHARACTER_DEVICE or entry.kind is Kind.BLOCK_DEVICE
    if is_device and policy.devices == "drop":
        return True
    return is_dropped_path(policy, entry.path)


def is_dropped_path(policy: Policy, path: bytes) -> bool:
    """Say whether the policy keeps everything at a path out of the image."""
    return policy.dev_content == "drop" and path.startswith(b"dev/")


def apply(policy: Policy, entry: Entry) -> Attributes:
    """Give the attributes that an entry has in the image.

    Times are clamped to what squashfs holds, 32 bits without a sign.
    """
    keep_ids = policy.ownership == "keep"
    return Attributes(
        mode=_mode(policy, entry),
        uid=entry.uid if keep_ids else 0,
        gid=entry.gid if keep_ids else 0,
        mtime=min(max(entry.mtime, 0), _LAST_TIME),
        xattrs=_xattrs(entry) if policy.xattrs == "keep" else (),
    )


def _xattrs(entry: Entry) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(pair for pair in entry.xattrs if pair[0].startswith(_XATTRS_OF_SQUASHFS))


def _mode(policy: Policy, entry: Entry) -> int:
    mode = entry.mode
    is_directory = entry.kind is Kind.DIRECTORY
    if entry.kind is Kind.SYMLINK:
        return 0o777  # what the kernel shows for one, whatever a layer says
    if policy.setuid == "drop" and not is_directory:
        mode &= ~_SETUID_SETGID
    if policy.modes == "keep":
        return mode
    if is_directory:
        return mode | _ALL_READ | _ANY_EXECUTE | _OWNER_WRITE
    if policy.restricted_files == "closed" and not mode & _OTHERS_READ:
        return mode
    return mode | _ALL_READ | (_ANY_EXECUTE if mode & _ANY_EXECUTE else 0)
