"""Secrets that a site's file names by path."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from pydantic import SecretStr

from imagegw.config.section import Section
from imagegw.config.site import Settings
from imagegw.errors import ConfigurationInvalid, Problem

_FERNET_KEY_BYTES = 32


class Login(Section):
    """A user and a password, as a location's `loginFile` has them."""

    username: str
    password: SecretStr


def read_login(path: Path) -> Login:
    """The login in ``path``: one line `user:password`; the password may hold colons.

    Raises:
        ConfigurationInvalid: the file cannot be read or holds something else.
    """
    lines = read_lines(path)
    username, colon, password = lines[0].partition(":") if len(lines) == 1 else ("", "", "")
    if not username or not colon or not password:
        raise _wrong_file(path, "one line user:password", f"{len(lines)} lines, or another form")
    return Login(username=username, password=SecretStr(password))


def read_secret_keys(path: Path) -> tuple[SecretStr, ...]:
    """The Fernet keys in ``path``, one a line; the first encrypts, all decrypt.

    Raises:
        ConfigurationInvalid: the file cannot be read, or a line is no key.
    """
    lines = read_lines(path)
    wrong = [number for number, line in enumerate(lines, start=1) if not _is_fernet_key(line)]
    if wrong or not lines:
        found = "no line" if not lines else "another form in line " + ", ".join(map(str, wrong))
        raise _wrong_file(path, "Fernet keys (32 bytes in URL-safe base64), one a line", found)
    return tuple(SecretStr(line) for line in lines)


def secret_keys(settings: Settings) -> tuple[SecretStr, ...]:
    """The keys that logins are kept with; none if the file names none.

    Raises:
        ConfigurationInvalid: the file of keys cannot be read.
    """
    if settings.secret_keys_file is None:
        return ()
    return read_secret_keys(Path(settings.secret_keys_file))


def read_lines(path: Path) -> list[str]:
    """The lines of the file that are neither blank nor comments (`#`), without blanks around them."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def unreadable(path: Path, error: OSError | UnicodeDecodeError) -> ConfigurationInvalid:
    """The error to raise when ``path`` could not be read."""
    reason = error.strerror if isinstance(error, OSError) else "bytes that are not UTF-8"
    return _wrong_file(path, "a readable text file", str(reason).lower())


def _wrong_file(path: Path, expected: str, found: str) -> ConfigurationInvalid:
    return ConfigurationInvalid.of(str(path), [Problem(path=str(path), expected=expected, found=found)])


def _is_fernet_key(line: str) -> bool:
    try:
        return len(base64.b64decode(line, altchars=b"-_", validate=True)) == _FERNET_KEY_BYTES
    except (binascii.Error, ValueError):
        return False
