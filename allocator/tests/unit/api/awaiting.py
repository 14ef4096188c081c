# SPDX-License-Identifier: Apache-2.0
"""Allocations that wait, as their clients have them."""

import datetime

import sqlalchemy as sa

from allocator.db import models
from allocator.db import session
from allocator.tests.unit.api import allocating

_waiter = models.Waiter.__table__


def pass_time(seconds):
    """Have the deadlines come nearer."""
    with session.writer() as connection:
        for row in connection.execute(sa.select(_waiter)).all():
            connection.execute(sa.update(_waiter).where(
                _waiter.c.allocation_id == row.allocation_id).values(
                deadline=row.deadline - datetime.timedelta(seconds=seconds)))


class WaitingTestCase(allocating.AllocationTestCase):

    url = allocating.OWN_URL

    def wait(self, seconds=60, **values):
        """Create an allocation that waits."""
        return self.create(wait_timeout=seconds, **values)

    def count_waiters(self):
        with session.reader() as connection:
            return connection.execute(sa.select(
                sa.func.count()).select_from(_waiter)).scalar()

    def is_active(self, created):
        return self.show(created['uuid'])['state'] == 'active'
