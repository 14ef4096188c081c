# SPDX-License-Identifier: Apache-2.0
"""The installation: all processes that share this database.

Its UUID tells what it has made at a backend from what others have. It is in
the database, for that is what the processes have in common, whatever address
each of them has for it.
"""

import threading

from oslo_db import exception as db_exc
from oslo_utils import uuidutils
import sqlalchemy as sa

from allocator.db import models
from allocator.db import session
from allocator.db import types

_backend = models.Backend.__table__
_installation = models.Installation.__table__

# The id of its row.
ONLY = 1

_lock = threading.Lock()
_known: sa.Row | None = None


def get():
    """Read the row of this installation, made at the first call if need be.

    It never changes, so it is read once in a process.

    :returns: row, with uuid and has_older_marks
    """
    global _known
    with _lock:
        if _known is None:
            _known = _read() or _make()
        return _known


def forget():
    """Remember nothing: for a process that goes on to another database."""
    global _known
    with _lock:
        _known = None


def _make():
    try:
        _insert()
    except db_exc.DBDuplicateEntry:
        # Another process was faster.
        pass
    return _read()


@session.retried
def _read():
    with session.reader() as connection:
        return connection.execute(sa.select(_installation).where(
            _installation.c.id == ONLY)).first()


@session.retried
def _insert():
    """Insert the row, as the migration does: it may have made but the table.

    Backends that are known before there is a row were an earlier release's.
    """
    with session.writer() as connection:
        backend = connection.execute(
            sa.select(_backend.c.id).limit(1)).first()
        connection.execute(sa.insert(_installation).values(
            id=ONLY, uuid=uuidutils.generate_uuid(),
            has_older_marks=backend is not None,
            created_at=types.utcnow()))
