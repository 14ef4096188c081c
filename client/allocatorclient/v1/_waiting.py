# SPDX-License-Identifier: Apache-2.0
"""Watches an allocation until it is decided."""

from collections.abc import Callable
import time
from typing import Any
from typing import TYPE_CHECKING

from keystoneauth1 import exceptions as ksa_exc
from openstack import exceptions

from allocatorclient import microversions
from allocatorclient.v1 import allocation as _allocation

if TYPE_CHECKING:
    from allocatorclient.v1 import _proxy

# Seconds between two looks: the first, and how it grows to the longest.
FIRST = 0.2
GROWTH = 1.5
LONGEST = 2.0

# Seconds for which a service that does not answer is asked again.
PATIENCE = 120.0

# Seconds that one look may take, and those it has even if less is left.
ANSWER = 30.0
SHORTEST = 1.0

# Answers that say "not now", of the service or a proxy before it.
_PASSING = frozenset({429, 500, 502, 503, 504})

Callback = Callable[[_allocation.Allocation], None]


def wait(session: '_proxy.Proxy', allocation: _allocation.Allocation,
         timeout: float | None = None,
         callback: Callback | None = None) -> _allocation.Allocation:
    """Look at an allocation until it is active or has failed.

    A service that is away meanwhile, such as for an upgrade, is asked again
    for two minutes. One that takes a request and does not answer is away, too.

    :param session: proxy of the service
    :param allocation: it is brought up to date
    :param timeout: seconds, None for any time
    :param callback: called with the allocation after each look
    :returns: the allocation
    :raises: openstack.exceptions.ResourceTimeout, NotFoundException,
        HttpException, keystoneauth1.exceptions.ConnectionError
    """
    begun = answered = time.monotonic()
    interval = FIRST
    query: dict[str, Any] = {'fields': ','.join(microversions.fields(
        microversions.negotiated(session)))}
    while True:
        try:
            # What a cache has would stay as it is.
            allocation.fetch(session.within(_allowed(begun, timeout)),
                             skip_cache=True, **query)
        except (ksa_exc.ConnectionError, ksa_exc.HttpServerError,
                exceptions.HttpException) as exc:
            if not _passes(exc) or time.monotonic() - answered > PATIENCE:
                raise
        else:
            answered = time.monotonic()
            if callback:
                callback(allocation)
            if allocation.state != 'allocating':
                return allocation
        interval = _pause(begun, timeout, interval, allocation)


def _allowed(begun: float, timeout: float | None) -> float:
    """Tell how many seconds the next look may take."""
    if timeout is None:
        return ANSWER
    left = begun + timeout - time.monotonic()
    return min(ANSWER, max(SHORTEST, left))


def _passes(exc: Exception) -> bool:
    if isinstance(exc, exceptions.HttpException):
        return exc.status_code in _PASSING
    return True


def _pause(begun: float, timeout: float | None, interval: float,
           allocation: _allocation.Allocation) -> float:
    """Sleep until the next look is due.

    :returns: seconds to sleep the next time
    :raises: openstack.exceptions.ResourceTimeout
    """
    if timeout is not None:
        left = begun + timeout - time.monotonic()
        if left <= 0:
            raise exceptions.ResourceTimeout(
                'Allocation %s is not decided after %g seconds'
                % (allocation.id, timeout))
        interval = min(interval, left)
    time.sleep(interval)
    return min(interval * GROWTH, LONGEST)
