# SPDX-License-Identifier: Apache-2.0
"""What came with which version of the API.

A request is made in the newest version that both sides know, unless the user
has pinned one.
"""

from collections.abc import Iterable

from keystoneauth1 import adapter
from keystoneauth1 import discover
from openstack import exceptions
from openstack import utils

OLDEST = '1.0'
#: From here on an allocation may wait for a node.
WAITING = '1.1'
#: From here on a request says what a node must and must not be.
CONSTRAINTS = '1.2'
NEWEST = CONSTRAINTS

#: What an allocation shows, in the order in which people read it, and the
#: version that each came with.
FIELDS: dict[str, str] = {
    'uuid': OLDEST,
    'name': OLDEST,
    'state': OLDEST,
    'node_uuid': OLDEST,
    'backend': OLDEST,
    'last_error': OLDEST,
    'waiting': WAITING,
    'reason': WAITING,
    'queue_position': WAITING,
    'deadline': WAITING,
    'wait_timeout': WAITING,
    'priority': WAITING,
    'resource_class': OLDEST,
    'traits': OLDEST,
    'forbidden_traits': CONSTRAINTS,
    'any_traits': CONSTRAINTS,
    'preferred_traits': CONSTRAINTS,
    'properties': CONSTRAINTS,
    'candidate_nodes': OLDEST,
    'excluded_nodes': CONSTRAINTS,
    'owner': OLDEST,
    'extra': OLDEST,
    'created_at': OLDEST,
    'updated_at': OLDEST,
}


def _number(version: str) -> tuple[float, ...]:
    return tuple(discover.normalize_version_number(version))


def negotiated(session: adapter.Adapter) -> str:
    """Tell in which version requests are made.

    :param session: adapter of the service
    :returns: the pinned version, else the newest that both sides know
    """
    pinned = session.default_microversion
    if pinned and 'latest' not in pinned:
        return str(pinned)
    return utils.maximum_supported_microversion(session, NEWEST) or OLDEST


def has(version: str, needed: str) -> bool:
    """Tell whether a version has what came with another one."""
    return _number(version) >= _number(needed)


def fields(version: str) -> list[str]:
    """List what a version shows of an allocation."""
    return [name for name, since in FIELDS.items() if has(version, since)]


def require(session: adapter.Adapter, names: Iterable[str]) -> None:
    """Refuse attributes that the version of the requests does not have.

    :param session: adapter of the service
    :param names: names of attributes of an allocation
    :raises: openstack.exceptions.NotSupported
    """
    newer = {name: FIELDS[name] for name in names
             if FIELDS.get(name, OLDEST) != OLDEST}
    if not newer:
        return
    version = negotiated(session)
    for name, needed in newer.items():
        if not has(version, needed):
            raise_too_old(name, needed, version)


def raise_too_old(what: str, needed: str, version: str) -> None:
    """Say that a version does not have something.

    :raises: openstack.exceptions.NotSupported
    """
    raise exceptions.NotSupported(
        '%s needs version %s of the allocator API, and requests are made in '
        'version %s: this service knows no newer one, or it was pinned' % (
            what, needed, version))
