# SPDX-License-Identifier: Apache-2.0
"""Expiry: those whose deadline is over are told why they got no node."""

import time

from oslo_log import log

from allocator.common import states
from allocator.conductor import alone
from allocator.conductor import ringing
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


class Expiry(ringing.RingLoop):
    """Fails the allocations that have waited for long enough.

    A thread of its own does it: to count the nodes for each of them takes
    time, and a freed node shall not wait meanwhile.

    :param given_back: function to be called with the class of a node that
        somebody's deadline has freed
    """

    purpose = 'Telling those whose deadline is over'

    def __init__(self, given_back=lambda resource_class: None):
        super().__init__()
        self._given_back = given_back
        self._next = 0.0

    def ring(self):
        """Say that there may be a new deadline; never blocks."""
        self._bell.set()

    def walk(self):
        """Fail all that are over."""
        seconds = deadlines.next_in()
        if seconds is not None and seconds <= 0:
            seconds = LOOK if self._walk() else deadlines.next_in()
        self._next = time.monotonic() + (
            CONF.conductor.sweep_interval if seconds is None
            else max(seconds, AGAIN))

    def _pause(self):
        return max(0.0, self._next - time.monotonic())

    def _walk(self):
        """Fail those that are over.

        :returns: whether some have to wait for a look at a backend
        """
        last, put_off = None, False
        while not self._stopping and (
                over := deadlines.list_over(BATCH, last)):
            last = over[-1]
            rows, broken = deadlines.read([row.allocation_id for row in over])
            for id_ in broken:
                outcomes.report(claims.Batch(
                    failed=alone.give_up(id_, alone.BROKEN)))
            if not rows:
                continue
            # Whatever has become free there is found first.
            if not backends.names() or backends.want_looks(
                    max(row.created_at for row in rows)):
                self._fail(rows)
            else:
                put_off = True
        return put_off

    def _fail(self, rows):
        given_back = set()
        for failure in deadlines.fail({row.id: _reason(row) for row in rows}):
            row = failure.allocation
            outcomes.report_timeout(row, failure.reason)
            if row.state == states.CONFIRMING:
                given_back.add(row.resource_class)
        for resource_class in given_back:
            self._given_back(resource_class)


def _reason(row):
    """Say why no node suited an allocation; nothing keeps it from failing."""
    try:
        return reasons.at_deadline(suitability.requirement_of(row))
    except claims.OUTAGES:
        raise
    except Exception as exc:
        LOG.warning('What kept nodes from allocation %(uuid)s could not be '
                    'counted: %(error)s', {'uuid': row.uuid, 'error': exc})
        return UNCOUNTED % row.wait_timeout
