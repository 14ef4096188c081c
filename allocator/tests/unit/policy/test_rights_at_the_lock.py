# SPDX-License-Identifier: Apache-2.0
"""Rights that end between the check of a policy and the change.

Policies are checked on a row that was read before it is locked. Somebody
else changes it in between here, each time.
"""

import fixtures as base_fixtures
from oslo_utils import uuidutils
from oslotest import base
import sqlalchemy as sa

from allocator.api.controllers.v1.nodes import access
from allocator.db import allocations
from allocator.db import models
from allocator.db import session
from allocator.tests import fixtures

_node = models.Node.__table__
_allocation = models.Allocation.__table__

# Requests that change a node: method, path below it, body.
WRITES = {
    'undeploy': ('PUT', '/states/provision', {'target': 'undeploy'}),
    'power': ('PUT', '/states/power', {'target': 'power on'}),
    'maintenance': ('PUT', '/maintenance', {'reason': 'mine'}),
    'end maintenance': ('DELETE', '/maintenance', None),
    'extra': ('PATCH', '', [
        {'op': 'add', 'path': '/extra/a', 'value': 1}]),
    'instance': ('PATCH', '', [
        {'op': 'add', 'path': '/instance_info/a', 'value': 1}]),
    'description': ('PATCH', '', [
        {'op': 'add', 'path': '/description', 'value': 'mine'}]),
    'lessee': ('PATCH', '', [
        {'op': 'add', 'path': '/lessee', 'value': 'friend'}]),
    'no instance': ('PATCH', '', [
        {'op': 'remove', 'path': '/instance_uuid'}]),
    'traits': ('PUT', '/traits', {'traits': ['CUSTOM_NEW']}),
    'one trait': ('PUT', '/traits/CUSTOM_NEW', None),
    'no traits': ('DELETE', '/traits', None),
    'no trait': ('DELETE', '/traits/CUSTOM_OLD', None),
    'delete': ('DELETE', '', None),
}
OF_A_LESSEE = ('undeploy', 'power', 'maintenance', 'end maintenance',
               'extra', 'instance')
ROLES = ('reader', 'member', 'manager', 'admin')


def content(uuid):
    """Read what a request could change of a node, but for its owners."""
    row = dict(fixtures.get_node(uuid)._mapping)
    return {name: value for name, value in row.items()
            if name not in ('owner', 'lessee', 'updated_at')}


def replace_node(uuid, **columns):
    """Delete a node, and make another one under its UUID."""
    with session.writer() as connection:
        connection.execute(sa.delete(_node).where(_node.c.uuid == uuid))
    fixtures.add_node(uuid=uuid, **columns)


class RightsTestCase(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.api = self.useFixture(fixtures.Api())

    def be(self, project):
        self.api.act_as(*ROLES, project=project)

    def send(self, uuid, write):
        method, path, body = WRITES[write]
        return self.api.request(method, '/v1/nodes/' + uuid + path, body)

    def forestall(self, act, times=1):
        return self.useFixture(fixtures.Interloper(act, times))


class NodeRightsTest(RightsTestCase):

    def add_node(self, write, **columns):
        """Add a node that the request would change."""
        return fixtures.add_node(['CUSTOM_OLD'], **{
            'owner': 'own', 'provision_state': 'active',
            'maintenance': write in ('end maintenance', 'delete',
                                     'no instance'),
            'instance_uuid': uuidutils.generate_uuid()} | columns).uuid

    def test_a_lessee_whose_lease_was_taken_back_changes_nothing(self):
        self.be('tenant')
        for write in OF_A_LESSEE:
            uuid = self.add_node(write, lessee='tenant')
            before = content(uuid)
            with fixtures.Interloper(lambda uuid=uuid: fixtures.change_node(
                    uuid, lessee=None)):
                answer = self.send(uuid, write)
            self.assertEqual(404, answer.status, write)
            self.assertEqual(before, content(uuid), write)

    def test_an_owner_whose_node_was_given_away_changes_nothing(self):
        self.be('own')
        for write in WRITES:
            uuid = self.add_node(write)
            before = content(uuid)
            with fixtures.Interloper(lambda uuid=uuid: fixtures.change_node(
                    uuid, owner='other')):
                answer = self.send(uuid, write)
            self.assertEqual(404, answer.status, write)
            self.assertEqual(before, content(uuid), write)

    def test_who_still_sees_the_node_is_told_403(self):
        self.be('own')
        for write in set(WRITES).difference(OF_A_LESSEE):
            uuid = self.add_node(write)
            before = content(uuid)
            with fixtures.Interloper(lambda uuid=uuid: fixtures.change_node(
                    uuid, owner='other', lessee='own')):
                answer = self.send(uuid, write)
            self.assertEqual(403, answer.status, write)
            self.assertEqual(before, content(uuid), write)

    def test_who_still_has_the_right_is_not_refused(self):
        self.be('own')
        for write in WRITES:
            uuid = self.add_node(write)
            with fixtures.Interloper(lambda uuid=uuid: fixtures.change_node(
                    uuid, lessee='tenant')):
                answer = self.send(uuid, write)
            self.assertLess(answer.status, 300, (write, answer))

    def test_a_node_made_anew_under_the_uuid_is_another_one(self):
        self.be('own')
        for write in WRITES:
            uuid = self.add_node(write)
            # SQLite gives the greatest id once more; the owner tells.
            with fixtures.Interloper(lambda uuid=uuid: replace_node(
                    uuid, owner='other', maintenance=True,
                    instance_uuid=uuidutils.generate_uuid())):
                answer = self.send(uuid, write)
            self.assertEqual(404, answer.status, write)
            row = fixtures.get_node(uuid)
            self.assertEqual(('other', {}, None, True, 'available'), (
                row.owner, row.extra, row.description, row.maintenance,
                row.provision_state))
            self.assertIsNotNone(row.instance_uuid)

    def test_a_node_that_is_deployed_meanwhile_stays_its_owners(self):
        # Only an administrator gives away what is deployed.
        self.api.act_as('reader', 'member', system=True)
        uuid = fixtures.add_node(owner='own').uuid
        self.forestall(lambda: fixtures.change_node(
            uuid, provision_state='active'))
        answer = self.api.patch('/v1/nodes/' + uuid, [
            {'op': 'add', 'path': '/owner', 'value': 'other'}])
        self.assertEqual(403, answer.status)
        self.assertIn('update_owner_provisioned', answer.fault)
        self.assertEqual('own', fixtures.get_node(uuid).owner)

    def test_what_changes_at_each_attempt_is_given_up(self):
        self.be('own')
        uuid = self.add_node('extra')
        lessees = iter(range(100))
        self.forestall(lambda: fixtures.change_node(
            uuid, lessee='tenant-%d' % next(lessees)), times=access.ATTEMPTS)
        self.assertEqual(409, self.send(uuid, 'extra').status)
        self.assertEqual(200, self.send(uuid, 'extra').status)

    def test_a_change_of_the_lessee_is_no_obstacle_to_itself(self):
        self.be('own')
        uuid = self.add_node('lessee')
        self.useFixture(fixtures.LostAcknowledgement())
        answer = self.send(uuid, 'lessee')
        self.assertEqual((200, 'friend'),
                         (answer.status, answer.body['lessee']))

    def test_a_delete_that_was_done_spares_the_next_node(self):
        self.be('own')
        uuid = self.add_node('delete')
        self.useFixture(fixtures.LostAcknowledgement())
        steps = iter((lambda: None, lambda: fixtures.add_node(
            uuid=uuid, id=10 ** 6, owner='other')))
        self.forestall(lambda: next(steps)(), times=2)
        self.assertEqual(204, self.send(uuid, 'delete').status)
        self.assertEqual('other', fixtures.get_node(uuid).owner)


class AllocationRightsTest(RightsTestCase):

    def setUp(self):
        super().setUp()
        self.uuid = self.add('own')
        self.url = '/v1/allocations/' + self.uuid

    def add(self, owner, uuid=None):
        """Put an active allocation of some node into the database."""
        uuid = uuid or uuidutils.generate_uuid()
        node = fixtures.add_node(owner=owner)
        allocations.create({
            'uuid': uuid, 'owner': owner, 'state': 'active', 'traits': [],
            'extra': {'whose': owner}, 'resource_class': 'metal'})
        with session.writer() as connection:
            connection.execute(sa.update(_allocation).where(
                _allocation.c.uuid == uuid).values(node_id=node.id))
        fixtures.change_node(node.uuid, instance_uuid=uuid,
                             allocation_id=allocations.get(uuid).id)
        return uuid

    def replace(self):
        """Another tenant's allocation comes under the same UUID."""
        with session.writer() as connection:
            connection.execute(sa.update(_node).values(
                allocation_id=None, instance_uuid=None))
            connection.execute(sa.delete(_allocation))
        self.add('other', self.uuid)

    def assert_untouched(self):
        row = allocations.get(self.uuid)
        self.assertEqual(('other', {'whose': 'other'}, 'active'),
                         (row.owner, row.extra, row.state))
        self.assertIsNotNone(row.node_uuid)

    def test_a_patch_does_not_meet_another_tenants_allocation(self):
        self.be('own')
        self.forestall(self.replace)
        answer = self.api.patch(self.url, [
            {'op': 'add', 'path': '/extra/a', 'value': 1}])
        self.assertEqual(404, answer.status, answer)
        self.assert_untouched()

    def test_nor_does_its_answer_show_it(self):
        self.be('own')
        real = allocations.update

        def update(*args):
            real(*args)
            self.replace()

        self.useFixture(base_fixtures.MonkeyPatch(
            'allocator.db.allocations.update', update))
        answer = self.api.patch(self.url, [
            {'op': 'add', 'path': '/extra/a', 'value': 1}])
        self.assertEqual(404, answer.status, answer)
        self.assertNotIn('other', str(answer.body))

    def test_a_delete_does_not_meet_another_tenants_allocation(self):
        node = allocations.get(self.uuid).node_uuid
        for url in (self.url, '/v1/nodes/%s/allocation' % node):
            self.replace()
            with session.writer() as connection:
                connection.execute(sa.update(_allocation).values(owner='own'))
                connection.execute(sa.update(_node).values(owner='own'))
            node = allocations.get(self.uuid).node_uuid
            url = '/v1/nodes/%s/allocation' % node if 'nodes' in url else url
            self.be('own')
            with fixtures.Interloper(self.replace):
                answer = self.api.delete(url)
            self.assertEqual(404, answer.status, answer)
            self.assert_untouched()

    def test_a_backfill_of_a_node_given_away_tells_nothing_of_it(self):
        # The refusal told of the new holder's allocation.
        node = fixtures.add_node(owner='own', provision_state='active')
        self.be('own')

        def give_away():
            fixtures.change_node(
                node.uuid, owner='other', instance_uuid=self.uuid,
                allocation_id=allocations.get(self.uuid).id)

        with session.writer() as connection:
            connection.execute(sa.update(_node).values(
                allocation_id=None, instance_uuid=None))
        self.forestall(give_away)
        answer = self.api.post('/v1/allocations', {'node': node.uuid})
        self.assertEqual((400, 'Node %s could not be found.' % node.uuid),
                         (answer.status, answer.fault))
