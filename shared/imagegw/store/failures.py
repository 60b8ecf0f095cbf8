"""The file system's errors in the gateway's words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from imagegw.errors import StoreFailed, StoreFull


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Within it, or in a function that it decorates, an ``OSError`` becomes ``StoreFull`` or ``StoreFailed``.

    *doing* goes on after "the store could not". Only the store's own calls belong inside, never a caller's
    code: the errors of network libraries are ``OSError``s too.
    """
    try:
        yield
    except OSError as error:
        sentence = f"the store could not {doing}: {error.strerror or error}"
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StoreFull(sentence) from error
        raise StoreFailed(sentence) from error
