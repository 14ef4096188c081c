# SPDX-License-Identifier: Apache-2.0
"""Expiry: those whose deadline is over are told why they got no node."""

import time

from oslo_log import log

from allocator.conf import CONF
from allocator.db import backends
from allocator.db import claims
from allocator.db import deadlines
from allocator.db import reasons
from allocator.db import suitability
from allocator.telemetry import outcomes

LOG = log.getLogger(__name__)

# Allocations of one transaction.
BATCH = 500

# Seconds until it is looked again whether a backend has been looked at.
LOOK = 0.2


# Seconds until one is looked at again that somebody has locked.
AGAIN = 0.05

UNCOUNTED = ('No suitable node in %d seconds. What kept the nodes away could '
             'not be counted; the log of the conductors says why.')


class Expiry:
    """Fails the allocations that have waited for long enough."""

    def __init__(self):
        self._next = 0.0

    def pause(self, longest):
        """Tell for how long no deadline will be over.

        :param longest: seconds at most: others may come
        """
        return min(longest, max(0.0, self._next - time.monotonic()))

    def walk(self):
        """Fail all that are over."""
        seconds = deadlines.next_in()
        if seconds is not None and seconds <= 0:
            seconds = LOOK if self._walk() else deadlines.next_in()
        self._next = time.monotonic() + (
            CONF.conductor.sweep_interval if seconds is None
            else max(seconds, AGAIN))

    def _walk(self):
        """Fail those that are over.

        :returns: whether some have to wait for a look at a backend
        """
        last, put_off = None, False
        while rows := deadlines.list_over(BATCH, last):
            last = rows[-1]
            # Whatever has become free there is found first.
            if not backends.names() or backends.want_looks(
                    max(row.created_at for row in rows)):
                self._fail(rows)
            else:
                put_off = True
        return put_off

    def _fail(self, rows):
        for failure in deadlines.fail({row.id: _reason(row) for row in rows}):
            outcomes.report_timeout(failure.allocation, failure.reason)


def _reason(row):
    """Say why no node suited an allocation; nothing keeps it from failing."""
    try:
        return reasons.of(suitability.requirement_of(row))
    except claims.OUTAGES:
        raise
    except Exception as exc:
        LOG.warning('What kept nodes from allocation %(uuid)s could not be '
                    'counted: %(error)s', {'uuid': row.uuid, 'error': exc})
        return UNCOUNTED % row.wait_timeout
