# SPDX-License-Identifier: Apache-2.0
"""The mark of this service on allocations that it makes at a backend.

By it ours are told from those that others have made there. It is all that
their ``extra`` holds, nothing of the client's. Their name says the attempt,
too: a backend deletes by name or UUID whatever bears it at that moment, and a
request of an earlier attempt that arrives late must not hit a later one.
"""

import hashlib
import re

from allocator.common import exception
from allocator.conf import CONF
from allocator.db import conductors
from allocator.db import installation
from allocator.db import known_conductors

KEY = 'allocator'


def make(attempt):
    """Make the mark of an attempt.

    :param attempt: its number
    :returns: dict for ``extra``
    """
    return {KEY: {'installation': _written(), 'attempt': attempt}}


def name(uuid, attempt):
    """Name the allocation of an attempt at a backend.

    :param uuid: its UUID
    :param attempt: number of the attempt
    """
    return '%s-%s-%d' % (KEY, uuid, attempt)


def has_own_name(allocation):
    """Tell whether an allocation bears the name that it was given by us.

    :param allocation: dict
    """
    attempt = attempt_of(allocation)
    return attempt is not None and (
        allocation.get('name') == name(allocation['uuid'], attempt))


def given_name(allocation):
    """Tell what somebody has named an allocation.

    The name of an attempt is nobody's, whatever has become of the mark: it is
    gone once an allocation is handed back, and that of a service whose
    database has moved is another one.

    :param allocation: dict
    :returns: its name, or None
    """
    name = allocation.get('name')
    if name and re.fullmatch('%s-%s-[0-9]+' % (
            KEY, re.escape(allocation['uuid'])), name):
        return None
    return name


def ident_of(allocation):
    """Tell by what an allocation is to be deleted.

    :param allocation: dict
    :returns: its name if that is of one attempt, else its UUID
    """
    return allocation['name' if has_own_name(allocation) else 'uuid']


def attempt_of(allocation):
    """Read the mark on an allocation of the Bare Metal API.

    :param allocation: dict
    :returns: number of the attempt; None if it is not ours
    """
    extra = allocation.get('extra')
    mark = extra.get(KEY) if isinstance(extra, dict) else None
    if not isinstance(mark, dict):
        return None
    if mark.get('installation') not in _known():
        return None
    return mark.get('attempt')


def _written():
    """Tell what names this installation on what it makes."""
    if CONF.conductor.installation_id:
        return CONF.conductor.installation_id
    known = installation.get()
    if known.has_older_marks and not _all_know():
        # An older conductor would take what it finds for somebody else's.
        return _older()
    return known.uuid


def _all_know():
    """Tell whether no conductor is older than marks of an installation.

    That they do is remembered for a second.
    """
    try:
        known_conductors.require(conductors.INSTALLATION)
    except exception.ConductorsTooOld:
        return False
    except exception.NoConductor:
        # Not even this one has said so yet.
        return True
    return True


def _known():
    """Tell what has named this installation on what it has made.

    :returns: list of names
    """
    if CONF.conductor.installation_id:
        return [CONF.conductor.installation_id]
    known = installation.get()
    return [known.uuid, _older()] if known.has_older_marks else [known.uuid]


def _older():
    """Tell what releases without an installation in the database wrote.

    It is another one for each address of the database.
    """
    return hashlib.sha256(CONF.database.connection.rpartition(
        '@')[2].encode()).hexdigest()[:16]
