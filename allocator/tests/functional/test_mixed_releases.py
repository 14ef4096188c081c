# SPDX-License-Identifier: Apache-2.0
"""Processes of the old release beside those of this one, in an upgrade."""

import signal
import uuid

import sqlalchemy as sa
import testtools

from allocator.db import conductors
from allocator.db import models
from allocator.db import profiles
from allocator.tests.functional import databases
from allocator.tests.functional import mixed
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting
from allocator.tests.functional.db import schema

_profile = models.Profile.__table__

OPTIONS = {'conductor': {'sweep_interval': 0.5}}

# Seconds until the conductors that live have beaten, or changed a profile.
SOON = 20

PROPERTIES = {'cpus': '8', 'memory_mb': 16384, 'vendor': 'acme'}


class Mixed:
    """What the tests do with the service ``self.service``."""

    def open_database(self):
        """Have allocator.db of this process use the service's database."""
        self.useFixture(schema.Open(self.kind, tables=False,
                                    database=self.service.database))

    def add_node(self, client, traits=(), **body):
        """Have an API make a node that is available, with traits.

        :returns: its UUID
        """
        answer = client.post('/v1/nodes', {
            'driver': 'fake-hardware', 'resource_class': 'baremetal',
            'properties': PROPERTIES, **body})
        self.assertEqual(201, answer.status_code, answer.text)
        found = answer.json()['uuid']
        for verb in ('manage', 'provide'):
            answer = client.request(
                'PUT', '/v1/nodes/%s/states/provision' % found,
                json={'target': verb})
            self.assertEqual(202, answer.status_code, answer.text)
            self.wait_for_state(client, found, {
                'manage': 'manageable', 'provide': 'available'}[verb])
        self.set_traits(client, found, traits)
        return found

    def wait_for_state(self, client, node, state):
        waiting.until(lambda: client.get('/v1/nodes/' + node).json()[
            'provision_state'] == state, SOON, 'node is ' + state)

    def set_traits(self, client, node, traits):
        answer = client.request('PUT', '/v1/nodes/%s/traits' % node,
                                json={'traits': list(traits)})
        self.assertEqual(204, answer.status_code, answer.text)

    def traits(self, client, node):
        return sorted(client.get('/v1/nodes/%s/traits' % node).json()[
            'traits'])

    def allocated(self, client, node, **body):
        """Allocate, and expect a certain node for it."""
        found = client.settled(client.allocate(
            **{'resource_class': 'baremetal', **body})['uuid'])
        self.assertEqual(('active', node), (found['state'],
                                            found['node_uuid']), found)
        return found

    def refused(self, client, **body):
        """Allocate, and expect to get nothing."""
        found = client.settled(client.allocate(
            **{'resource_class': 'baremetal', **body})['uuid'])
        self.assertEqual('error', found['state'], found)

    def freeze(self, *processes):
        """Have conductors stand still that count as alive all the same."""
        for process in processes:
            process.send_all(signal.SIGSTOP)
            self.addCleanup(self.thaw, process)

    def thaw(self, process):
        if process.is_running:
            process.send_all(signal.SIGCONT)

    def has_profile(self, node, traits, properties):
        """Tell whether a node has the profile of what it is."""
        row = self.service.nodes()[node]
        with self.service.engine.connect() as connection:
            digest = connection.execute(sa.select(_profile.c.digest).where(
                _profile.c.id == row.profile_id)).scalar()
        return digest == profiles.digest(profiles.wanted(traits, properties))

    def wait_for_profile(self, node, traits, properties=None):
        waiting.until(
            lambda: self.has_profile(node, traits, properties or PROPERTIES),
            SOON, 'the node has its profile')


@testcase.per_database(*databases.SERVERS)
class UpgradeTests(Mixed):
    """What the old release has made, taken over by this one."""

    def setUp(self):
        super().setUp()
        self.service = self.useFixture(mixed.MixedService(self.kind,
                                                          options=OPTIONS))
        self.old = self.service.old_client

    def fill(self):
        """Have the old release make nodes and allocations of all states.

        :returns: dict of what they are called
        """
        found = {'taken': self.add_node(self.old, ['CUSTOM_A'])}
        found['active'] = self.allocated(self.old, found['taken'],
                                         traits=['CUSTOM_A'])['uuid']
        failed = self.old.allocate(resource_class='none')
        self.old.settled(failed['uuid'])
        found['free'] = self.add_node(
            self.old, ['CUSTOM_A', 'CUSTOM_B'], name='free',
            extra={'x': [1, None, '\U0001f600']})
        found['bare'] = self.add_node(self.old, properties={}, name='bare')
        # Nobody decides on this one before the upgrade.
        self.freeze(self.service.old_conductor)
        found['pending'] = self.old.allocate(
            resource_class='baremetal', traits=['CUSTOM_B'])['uuid']
        return found

    def answers(self, client):
        """Ask for everything, in the version of the old release."""
        found = {}
        for path in ('/v1/allocations', '/v1/nodes/detail'):
            answer = client.get(path, headers={
                'X-OpenStack-Ironic-API-Version': mixed.OLD_VERSION})
            key = path.split('/')[2]
            found[key] = answer.json()[key]
            for item in found[key]:
                # Where each API is, and which conductor is shown.
                for name in ('links', 'ports', 'portgroups', 'volume',
                             'states', 'conductor'):
                    item.pop(name, None)
        return found

    def test_an_upgrade_with_data_keeps_all_and_serves_what_is_pending(self):
        made = self.fill()
        before = self.answers(self.old)
        self.assertEqual({'active', 'error', 'allocating'},
                         {a['state'] for a in before['allocations']})
        self.service.upgrade()
        self.assertEqual(before, self.answers(self.old))
        # The old conductor stands still, so the new ones do it all.
        self.service.run_only(
            self.service.old_api, self.service.old_conductor,
            self.service.new_api, *self.service.new_conductors)
        new = self.service.new_client
        settled = new.settled(made['pending'])
        self.assertEqual(('active', made['free']),
                         (settled['state'], settled['node_uuid']))
        after = self.answers(new)
        self.assertEqual(after, self.answers(self.old))
        self.assertEqual(self.untouched(before, made),
                         self.untouched(after, made))
        self.wait_for_profile(made['taken'], ['CUSTOM_A'])
        self.wait_for_profile(made['free'], ['CUSTOM_A', 'CUSTOM_B'])
        waiting.until(lambda: self.has_profile(made['bare'], [], {}), SOON,
                      'the bare node has its profile')
        self.allocated(new, made['bare'])

    def untouched(self, answers, made):
        """Leave out what the pending allocation's claim has changed."""
        return {key: [item for item in answers[key]
                      if item['uuid'] not in (made['pending'], made['free'])]
                for key in answers}


@testcase.per_database(*databases.SERVERS)
class MixedTests(Mixed):
    """Both releases at work on the new schema."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = mixed.MixedService(cls.kind, options=OPTIONS)
        cls.service.setUp()
        cls.addClassCleanup(cls.service.cleanUp)
        cls.service.upgrade()

    def setUp(self):
        super().setUp()
        self.service.run_all()
        self.old, self.new = self.service.old_client, self.service.new_client
        self.open_database()
        self.addCleanup(self.service.wipe)
        self.addOnException(lambda _exc_info: self.addDetail(
            'logs', testtools.content.text_content(self.service.logs())))

    def all_know(self):
        return conductors.all_know(conductors.PROFILES)

    def version_of(self, host):
        return {row.hostname: conductors.version_of(row)
                for row, is_alive in conductors.list_all()
                if is_alive}.get(host)

    def test_the_old_conductor_alone_serves_what_the_new_api_has_made(self):
        self.freeze(*self.service.new_conductors)
        plain = self.add_node(self.new)
        special = self.add_node(self.new, ['CUSTOM_A', 'CUSTOM_B'])
        self.allocated(self.new, special, traits=['CUSTOM_B'])
        self.set_traits(self.new, plain, ['CUSTOM_C'])
        self.allocated(self.new, plain, traits=['CUSTOM_C'])

    def test_new_conductors_serve_what_the_old_release_has_made(self):
        self.freeze(self.service.old_conductor)
        node = self.add_node(self.old, ['CUSTOM_A'])
        self.assertIsNone(self.service.nodes()[node].profile_id)
        self.allocated(self.old, node, traits=['CUSTOM_A'])
        self.assertTrue(self.has_profile(node, ['CUSTOM_A'], PROPERTIES))

    def test_both_serve_at_once(self):
        nodes = {self.add_node(client, ['CUSTOM_A'])
                 for client in (self.old, self.new) * 3}
        bodies = [{'resource_class': 'baremetal', 'traits': ['CUSTOM_A']}] * 3
        for client in (self.old, self.new):
            client.allocate_all(bodies)
        settled = self.new.all_settled()
        self.assertEqual({'active'}, {a['state'] for a in settled})
        self.assertEqual(nodes, {a['node_uuid'] for a in settled})
        self.assertEqual(settled, self.new.all_settled())

    def test_what_new_ones_know_begins_when_the_old_one_has_stopped(self):
        self.assertFalse(self.all_know())
        self.service.run_only(self.service.old_api, self.service.new_api,
                              *self.service.new_conductors)
        self.assertTrue(self.all_know())
        self.service.run_all()
        self.assertFalse(self.all_know())

    def test_constraints_wait_until_the_old_one_has_stopped(self):
        node = self.add_node(self.new, ['CUSTOM_A'])

        def ask():
            return self.new.post(
                '/allocator/v1/allocations',
                {'resource_class': 'baremetal', 'any_traits': [['CUSTOM_A']]},
                headers={'OpenStack-API-Version': 'allocator latest'})

        refused = ask()
        self.assertEqual(503, refused.status_code, refused.text)
        self.assertIn('older release', refused.text)
        self.assertEqual([], self.new.allocations())
        self.service.run_only(self.service.old_api, self.service.new_api,
                              *self.service.new_conductors)
        made = ask()
        self.assertEqual(201, made.status_code, made.text)
        self.assertEqual(node, self.new.settled(
            made.json()['uuid'])['node_uuid'])

    def test_nobody_waits_until_the_old_one_has_stopped(self):
        def wait():
            return self.new.request(
                'POST', '/allocator/v1/allocations',
                json={'resource_class': 'baremetal', 'wait_timeout': 600},
                headers={'OpenStack-API-Version': 'allocator latest'})

        refused = wait()
        self.assertEqual(503, refused.status_code, refused.text)
        self.assertEqual([], self.new.allocations())
        self.service.run_only(self.service.old_api, self.service.new_api,
                              *self.service.new_conductors)
        made = wait()
        self.assertEqual(201, made.status_code, made.text)
        uuid_ = made.json()['uuid']
        # It is none of the business of an old one that comes back.
        self.service.run_all()
        self.assertEqual('allocating', self.new.allocation(uuid_)['state'])
        node = self.add_node(self.new)
        self.assertEqual(node, self.new.settled(uuid_)['node_uuid'])

    def test_an_old_one_under_the_name_of_a_new_one_counts_as_old(self):
        first, second = self.service.new_conductors
        self.service.run_only(self.service.old_api, self.service.new_api,
                              first, second)
        # Killed, it leaves its row with its version.
        first.kill()
        host = 'conductor-0'
        self.assertEqual(conductors.VERSION, self.version_of(host))
        successor = self.service.old_process(
            'successor', 'allocator-conductor', {'DEFAULT': {'host': host}})
        successor.start()
        self.addCleanup(successor.stop)
        waiting.until(lambda: self.version_of(host) == 1, SOON,
                      'the old release beats in the row')
        self.assertFalse(self.all_know())
        self.assertEqual(conductors.VERSION, self.version_of('conductor-1'))
        self.assertEqual(0, successor.stop())
        waiting.until(self.all_know, SOON, 'the new ones are among themselves')

    def test_a_trait_that_the_old_api_took_away_is_not_promised(self):
        self.freeze(self.service.old_conductor)
        node = self.add_node(self.new, ['CUSTOM_A'])
        self.assertTrue(self.has_profile(node, ['CUSTOM_A'], PROPERTIES))
        # As many as before: the profile alone would say that it suits.
        self.set_traits(self.old, node, ['CUSTOM_B'])
        self.refused(self.new, traits=['CUSTOM_A'])
        self.refused(self.new, traits=['CUSTOM_A'], candidate_nodes=[node])
        self.assertEqual(['CUSTOM_B'], self.traits(self.new, node))
        self.allocated(self.new, node, traits=['CUSTOM_B'])

    def test_a_trait_that_the_old_api_added_is_found(self):
        self.freeze(self.service.old_conductor)
        node = self.add_node(self.new, ['CUSTOM_A'])
        for number in range(3):
            trait = 'CUSTOM_NEW_%d' % number
            self.set_traits(self.old, node, ['CUSTOM_A', trait])
            found = self.allocated(self.new, node, traits=[trait])
            self.assertEqual(204, self.new.delete(
                '/v1/allocations/' + found['uuid']).status_code)

    def test_going_back_and_forward_again(self):
        node = self.add_node(self.new, ['CUSTOM_A'])
        self.service.run_only(self.service.old_api,
                              self.service.old_conductor)
        # What the new release made is served by the old one alone, which
        # changes it past the profile.
        found = self.allocated(self.old, node, traits=['CUSTOM_A'])
        answer = self.old.delete('/v1/allocations/' + found['uuid'])
        self.assertEqual(204, answer.status_code)
        self.set_traits(self.old, node, ['CUSTOM_B'])
        other = self.add_node(self.old, ['CUSTOM_C'],
                              name='n-' + uuid.uuid4().hex)
        self.allocated(self.old, other, traits=['CUSTOM_C'])
        self.assertFalse(self.has_profile(node, ['CUSTOM_B'], PROPERTIES))
        self.service.run_only(self.service.new_api,
                              *self.service.new_conductors)
        self.wait_for_profile(node, ['CUSTOM_B'])
        self.wait_for_profile(other, ['CUSTOM_C'])
        self.refused(self.new, traits=['CUSTOM_A'])
        self.allocated(self.new, node, traits=['CUSTOM_B'])
