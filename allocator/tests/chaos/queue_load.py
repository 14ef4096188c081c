# SPDX-License-Identifier: Apache-2.0
"""Tenants who wait: for few nodes, with deadlines and priorities."""

from allocator.tests.chaos import ledger
from allocator.tests.chaos import load
from allocator.tests.functional import seeds

AWAITED = 'awaited'

# Nodes of the class, the first of which have the trait, and who wants them.
NODES = 5
WITH_TRAIT = 2
TENANTS = 4

# Allocations that a tenant has at once, at most.
HELD = 4

# Seconds that one waits, chosen by chance.
PATIENCE = (2, 5, 20, 120)

URL = '/allocator/v1/allocations'
VERSION = {'OpenStack-API-Version': 'allocator latest'}


class WaitingTenant(load.Actor):
    """Waits, changes its mind, and gives back what it has got."""

    def __init__(self, *args):
        super().__init__(*args)
        self._held = []

    def _act(self):
        self._random.choices(
            [self._create, self._show, self._patch, self._delete],
            [8, 4, 1, 5])[0]()

    def _send(self, operation, method, record, expected, body=None,
              repeated=()):
        path = URL if method == 'POST' else '%s/%s' % (URL, record.uuid)
        return self._insist(operation, method, path, expected, body, repeated,
                            headers=VERSION)

    def _create(self):
        if len(self._held) >= HELD:
            return
        record = self._ledger.open(self._new_uuid(), AWAITED)
        body = {'uuid': record.uuid, 'resource_class': AWAITED,
                'wait_timeout': self._random.choice(PATIENCE),
                'priority': self._random.choice([-1, 0, 0, 1])}
        if self._random.random() < 0.4:
            body['traits'] = [load.TRAIT]
        self._held.append(record)
        if self._send('wait', 'POST', record, [201], body, [409]):
            record.created = ledger.DONE

    def _show(self):
        if self._held:
            record = self._random.choice(self._held)
            self._send('show', 'GET', record,
                       [200] if record.must_exist else [200, 404])

    def _patch(self):
        """Change the place of one that waits; who does may be passed over."""
        if self._held:
            record = self._random.choice(self._held)
            record.is_touched = True
            self._send('patch', 'PATCH', record,
                       [200, 409] if record.must_exist else [200, 404, 409],
                       [{'op': 'add', 'path': '/priority',
                         'value': self._random.choice([-1, 0, 1])}])

    def _delete(self):
        if not self._held:
            return
        record = self._held.pop(self._random.randrange(len(self._held)))
        expected = [204] if record.must_exist else [204, 404]
        record.deleted = ledger.MAYBE
        if self._send('leave', 'DELETE', record, expected, repeated=[404]):
            record.deleted = ledger.DONE


def seeded_actors(cluster_, shared):
    """Make load.seeded_actors(), and those who wait."""
    seeds.add_nodes(cluster_.engine, WITH_TRAIT, [load.TRAIT],
                    resource_class=AWAITED)
    seeds.add_nodes(cluster_.engine, NODES - WITH_TRAIT,
                    resource_class=AWAITED)
    return [*load.seeded_actors(cluster_, shared),
            *(WaitingTenant('waiting tenant %d' % number, *shared())
              for number in range(TENANTS))]
