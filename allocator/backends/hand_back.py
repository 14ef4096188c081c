# SPDX-License-Identifier: Apache-2.0
"""Hands a backend its allocations back, for who goes on without this service.

What clients have given them here, name and extra, is written into the
backend's own allocations, in the place of the mark of this service and of the
names of its attempts. An allocation without a name here keeps one that
somebody else has given it there.
"""

from concurrent import futures
import dataclasses

from allocator.backends import exception
from allocator.backends import marks
from allocator.conf import CONF
from allocator.db import hand_backs

WRITTEN = 'written'
UNCHANGED = 'is as it should be'
NAMELESS = 'without name'
MISSING = 'not there'
FAILED = 'failed'


@dataclasses.dataclass(frozen=True)
class Result:
    """What has become of one allocation.

    :ivar uuid: its UUID
    :ivar name: its name here, or None
    :ivar outcome: WRITTEN, UNCHANGED, NAMELESS (all but its name), MISSING or
        FAILED
    :ivar reason: what the backend said, or None
    """

    uuid: str
    name: str | None
    outcome: str
    reason: str | None = None


def hand_back(client, backend_id):
    """Write names and extra into a backend's allocations.

    Done again, it changes only what has changed since, or has failed.

    :param client: client.Client of the backend
    :param backend_id: id of the backend
    :returns: iterator of Result, one for each allocation
    :raises allocator.backends.exception.BackendError: its allocations cannot
        be listed
    """
    theirs = {found['uuid']: found for found in client.list_allocations()}
    waiting = list(hand_backs.list_all(backend_id))
    with futures.ThreadPoolExecutor(
            CONF[client.name].max_requests) as pool:
        while waiting:
            nameless = []
            for row, result in pool.map(
                    lambda row: (row, _hand_back(client, row, theirs)),
                    waiting):
                if result.outcome == NAMELESS:
                    nameless.append((row, result))
                else:
                    yield result
            if len(nameless) == len(waiting):
                yield from (result for _row, result in nameless)
                return
            # Who had the name may have got another one in this round.
            waiting = [row for row, _result in nameless]


def _hand_back(client, row, theirs):
    found = theirs.get(row.uuid)
    if found is None:
        return Result(row.uuid, row.name, MISSING)
    changes = {}
    name = row.name or marks.given_name(found)
    if name != found['name']:
        changes['name'] = name
    if row.extra != (found['extra'] or {}):
        changes['extra'] = row.extra
    if not changes:
        return Result(row.uuid, row.name, UNCHANGED)
    try:
        return _write(client, row, found, changes)
    except exception.NotFound:
        return Result(row.uuid, row.name, MISSING)
    except exception.BackendError as exc:
        return Result(row.uuid, row.name, FAILED, exc.reason)


def _write(client, row, found, changes):
    """Change an allocation there; without its name if that is refused."""
    try:
        found.update(client.change_allocation(row.uuid, **changes))
    except exception.NotFound:
        raise
    except exception.Refused as exc:
        if 'name' not in changes:
            raise
        reason = exc.reason
    else:
        return Result(row.uuid, row.name, WRITTEN)
    others = {key: value for key, value in changes.items() if key != 'name'}
    if marks.given_name(found) != found['name']:
        others['name'] = None
    if others:
        found.update(client.change_allocation(row.uuid, **others))
    return Result(row.uuid, row.name, NAMELESS, reason)
