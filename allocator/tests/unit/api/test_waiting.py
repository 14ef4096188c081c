# SPDX-License-Identifier: Apache-2.0
"""Allocations that wait: what clients ask for, and what they see."""

import datetime

import fixtures as base_fixtures
import sqlalchemy as sa

from allocator.conductor import expiry
from allocator.conf import CONF
from allocator.db import census
from allocator.db import conductors
from allocator.db import known_conductors
from allocator.db import models
from allocator.db import reasons
from allocator.db import session
from allocator.tests import fixtures
from allocator.tests.unit.api import allocating
from allocator.tests.unit.api import awaiting

URL = allocating.OWN_URL

_queue = models.Queue.__table__


class CreateTests(awaiting.WaitingTestCase):

    def test_what_waits_says_so(self):
        created = self.wait(60, priority=-3)
        self.assertEqual(
            ('allocating', 60, -3, True, None),
            tuple(created[name] for name in (
                'state', 'wait_timeout', 'priority', 'waiting', 'reason')))
        self.assertEqual(
            datetime.timedelta(seconds=60),
            datetime.datetime.fromisoformat(created['deadline'])
            - datetime.datetime.fromisoformat(created['created_at']))
        self.assertNotIn('queue_position', created)
        self.api.serve()
        found = self.show(created['uuid'])
        self.assertIn('there is no node of resource class metal',
                      found['reason'])
        self.assertIsNone(found['last_error'])

    def test_what_does_not_wait_says_so(self):
        created = self.create()
        self.assertEqual(
            ('allocating', 0, None, 0, False, None),
            tuple(created[name] for name in (
                'state', 'wait_timeout', 'deadline', 'priority', 'waiting',
                'reason')))
        self.assertEqual(0, self.count_waiters())

    def test_null_is_the_default(self):
        created = self.create(wait_timeout=None, priority=None)
        self.assertEqual((0, 0), (created['wait_timeout'],
                                  created['priority']))

    def test_bad_values(self):
        for name, bad in (
                ('wait_timeout', -1), ('wait_timeout', 1.5),
                ('wait_timeout', True), ('wait_timeout', '60'),
                ('wait_timeout', []), ('wait_timeout', 2592001),
                ('priority', 101), ('priority', -101), ('priority', '1'),
                ('priority', 0.5), ('priority', False)):
            answer = self.api.post(URL, {'resource_class': 'metal',
                                         name: bad})
            self.refuse(400, answer, name)
        self.assertEqual([], self.rows())

    def test_the_longest_time_is_an_option(self):
        self.api.configuration.set('max_wait', 10, group='queue')
        self.wait(10)
        self.refuse(400, self.api.post(URL, {
            'resource_class': 'metal', 'wait_timeout': 11}), '10 seconds')

    def test_no_time_is_longer_than_its_column_holds(self):
        most = 2 ** 31 - 1
        self.assertRaises(ValueError, CONF.set_override, 'max_wait', most + 1,
                          group='queue')
        self.api.configuration.set('max_wait', most, group='queue')
        self.refuse(400, self.api.post(URL, {
            'resource_class': 'metal', 'wait_timeout': most + 1}))
        created = self.wait(most)
        self.assertEqual(most, created['wait_timeout'])
        self.patch(created['uuid'], ('add', '/wait_timeout', most + 1),
                   status=400)

    def test_the_bare_metal_api_does_not_know_it(self):
        for name in ('wait_timeout', 'priority'):
            answer = self.api.post('/v1/allocations', {
                'resource_class': 'metal', name: 1})
            self.refuse(400, answer, name)
        created = self.wait()
        found = self.read('/v1/allocations/' + created['uuid'])
        self.assertEqual('allocating', found['state'])
        self.assertNotIn('waiting', found)
        self.refuse(400, self.api.get('/v1/allocations?waiting=true'))
        self.refuse(400, self.api.get('/v1/allocations?fields=reason'))

    def test_version_1_0_does_not_know_it(self):
        answer = self.api.post(URL, {'resource_class': 'metal',
                                     'wait_timeout': 1}, version='1.0')
        self.refuse(406, answer, 'wait_timeout')
        self.assertNotIn('waiting', self.create(version='1.0'))

    def test_not_before_all_conductors_know_it(self):
        conductors.beat('other')
        with session.writer() as connection:
            connection.execute(sa.update(models.Conductor.__table__).where(
                models.Conductor.hostname == 'other').values(version=2))
        answer = self.api.post(URL, {'resource_class': 'metal',
                                     'wait_timeout': 1})
        self.refuse(503, answer, 'older release')
        self.create()

    def test_what_is_refused_leaves_no_queue(self):
        """Each class that somebody invented got a row."""
        self.refuse(400, self.api.post(URL, {
            'resource_class': 'invented', 'wait_timeout': 60,
            'candidate_nodes': ['unknown']}))
        self.refuse(400, self.api.post(URL, {
            'resource_class': 'invented', 'wait_timeout': 60,
            'excluded_nodes': ['unknown']}))
        with session.writer() as connection:
            connection.execute(sa.delete(models.Conductor.__table__))
        known_conductors.forget()
        self.refuse(503, self.api.post(URL, {
            'resource_class': 'invented', 'wait_timeout': 60}))
        with session.reader() as connection:
            self.assertEqual([], connection.execute(
                sa.select(_queue.c.resource_class)).scalars().all())

    def test_a_deployed_node_is_not_waited_for(self):
        node = fixtures.add_node(provision_state='active')
        answer = self.api.post(URL, {'node': node.uuid, 'wait_timeout': 5})
        self.refuse(400, answer, 'wait_timeout')


class PriorityPolicyTests(awaiting.WaitingTestCase):

    def test_only_some_may_go_before_others(self):
        self.api.act_as('member', 'reader', project='p')
        for priority, status in ((1, 403), (0, 201), (-1, 201)):
            answer = self.api.post(URL, {
                'resource_class': 'metal', 'wait_timeout': 60,
                'priority': priority})
            self.assertEqual(status, answer.status, answer)
        uuid = answer.body['uuid']
        self.patch(uuid, ('replace', '/priority', 1), status=403)
        self.patch(uuid, ('replace', '/priority', -2))
        self.api.act_as('member', 'reader', system=True)
        self.patch(uuid, ('replace', '/priority', 1))
        self.assertEqual(1, self.show(uuid)['priority'])


class ShowTests(awaiting.WaitingTestCase):

    def test_the_place_in_the_queue(self):
        first, second = self.wait(), self.wait()
        before = self.wait(priority=1)
        self.wait(resource_class='other')
        for created, place in ((before, 1), (first, 2), (second, 3)):
            found = self.read('%s/%s?fields=queue_position' % (
                URL, created['uuid']))
            self.assertEqual(place, found['queue_position'])
        listed = self.read(URL + '?fields=uuid,queue_position,reason'
                                 '&resource_class=metal')['allocations']
        self.assertEqual([2, 3, 1], [one['queue_position']
                                     for one in listed])

    def test_who_has_a_node_has_no_place(self):
        fixtures.add_node()
        created = self.wait()
        self.api.serve()
        found = self.read('%s/%s?fields=queue_position,waiting,reason' % (
            URL, created['uuid']))
        self.assertEqual((None, False, None), (
            found['queue_position'], found['waiting'], found['reason']))

    def test_lists_by_who_waits(self):
        waits, other = self.wait(), self.create()
        for word, expected in (('true', waits), ('false', other)):
            for path in ('', '&state=allocating', '&resource_class=metal'):
                listed = self.read('%s?waiting=%s%s' % (URL, word, path))
                self.assertEqual([expected['uuid']], [
                    one['uuid'] for one in listed['allocations']])
        self.refuse(400, self.api.get(URL + '?waiting=perhaps'), 'waiting')

    def test_a_list_shows_what_the_member_shows(self):
        created = self.wait()
        shown = self.show(created['uuid'])
        self.assertEqual([shown], self.read(URL)['allocations'])


class ReasonTests(awaiting.WaitingTestCase):

    def setUp(self):
        super().setUp()
        self.taken = []
        take = census.take

        def note(requirement):
            self.taken.append(requirement)
            return take(requirement)

        self.useFixture(base_fixtures.MockPatchObject(census, 'take', note))

    def test_a_free_node_is_told_of_once_it_is_so(self):
        """Waiters behind the one that gets it are not told for long."""
        first = self.wait()
        node = fixtures.add_node()
        self.assertTrue(self.show(first['uuid'])['reason'].startswith(
            'Suitable nodes that are free: 1. '))
        other = fixtures.add_node()
        self.assertTrue(self.show(first['uuid'])['reason'].startswith(
            'Suitable nodes that are free: 2. '))
        for one in (node, other):
            self.api.put('/v1/nodes/%s/maintenance' % one.uuid)
        for _ in range(2):
            self.assertIn('2 in maintenance', self.show(
                first['uuid'])['reason'])
        self.assertEqual(3, len(self.taken))

    def test_nobody_fails_because_it_is_about_to_be_served(self):
        created = [self.wait() for _ in range(3)]
        # What another process holds, or cannot be claimed, say.
        fixtures.add_node()
        self.assertIn('about to be claimed',
                      self.show(created[0]['uuid'])['reason'])
        awaiting.pass_time(61)
        expiry.Expiry().walk()
        for one in created:
            self.assertTrue(self.show(one['uuid'])['last_error'].startswith(
                'Suitable nodes that were free in the last seconds: 1. They '
                'went to others or could not be claimed;'))
        self.assertEqual(1, len(self.taken))

    def test_a_list_counts_for_some_at_most(self):
        self.useFixture(base_fixtures.MockPatchObject(
            reasons.few, '__defaults__', (3,)))
        created = [self.wait(traits=['CUSTOM_%d' % (number // 2)])
                   for number in range(10)]
        for known in (6, 10):
            told = [one['reason'] is not None
                    for one in self.read(URL)['allocations']]
            self.assertEqual([True] * known + [False] * (10 - known), told)
        self.assertEqual(5, len(self.taken))
        self.assertIn('no node', self.show(created[-1]['uuid'])['reason'])
        # Nothing about nodes that are free is known.
        fixtures.add_node(['CUSTOM_%d' % number for number in range(5)])
        reasons.forget()
        self.read(URL)
        self.assertEqual(5 + 3, len(self.taken))


class PatchTests(awaiting.WaitingTestCase):

    def test_the_deadline_counts_from_the_creation(self):
        created = self.wait(60)
        found = self.patch(created['uuid'],
                           ('replace', '/wait_timeout', 90)).body
        self.assertEqual((90, created['created_at']), (
            found['wait_timeout'], found['created_at']))
        awaiting.pass_time(80)
        self.api.serve()
        self.assertTrue(self.show(created['uuid'])['waiting'])
        awaiting.pass_time(20)
        self.api.serve()
        self.assertEqual('error', self.show(created['uuid'])['state'])

    def test_a_deadline_that_is_over_ends_the_waiting(self):
        created = self.wait(60)
        self.patch(created['uuid'], ('replace', '/wait_timeout', 0))
        self.api.serve()
        self.assertEqual('error', self.show(created['uuid'])['state'])
        self.assertEqual(0, self.count_waiters())

    def test_to_remove_is_to_ask_for_the_default(self):
        created = self.wait(priority=-5)
        found = self.patch(created['uuid'], ('remove', '/priority')).body
        self.assertEqual(0, found['priority'])

    def test_with_the_name_in_one_patch(self):
        created = self.wait()
        found = self.patch(created['uuid'], ('add', '/name', 'me'),
                           ('add', '/priority', -1)).body
        self.assertEqual(('me', -1), (found['name'], found['priority']))

    def test_not_once_it_waits_no_more(self):
        active, _node = self.create_active()
        self.patch(active['uuid'], ('add', '/priority', 1), status=409)
        self.patch(active['uuid'], ('add', '/wait_timeout', 1), status=409)
        self.patch(active['uuid'], ('add', '/extra/a', 1))

    def test_bad_values(self):
        created = self.wait()
        for path, bad in (('/wait_timeout', 2592001), ('/priority', 101),
                          ('/priority', 'x'), ('/priority/x', 1)):
            self.patch(created['uuid'], ('add', path, bad), status=400)
        self.assertEqual(created, self.show(created['uuid'])
                         | {'reason': None})

    def test_the_bare_metal_api_does_not_know_it(self):
        created = self.wait()
        answer = self.api.patch('/v1/allocations/' + created['uuid'], [
            {'op': 'add', 'path': '/priority', 'value': 1}])
        self.refuse(400, answer, 'priority')


class EndTests(awaiting.WaitingTestCase):

    def test_delete_leaves_the_queue(self):
        created = self.wait(candidate_nodes=[fixtures.add_node(
            maintenance=True).uuid])
        self.assertEqual(1, self.count_waiters())
        self.assertEqual(204, self.api.delete(
            '%s/%s' % (URL, created['uuid'])).status)
        self.assertEqual(0, self.count_waiters())

    def test_the_deadline_tells_why(self):
        fixtures.add_node(maintenance=True)
        created = self.wait()
        self.api.serve()
        awaiting.pass_time(61)
        self.api.serve()
        found = self.show(created['uuid'])
        self.assertEqual(('error', False), (found['state'],
                                            found['waiting']))
        self.assertIn('1 in maintenance', found['last_error'])
        self.assertEqual(0, self.count_waiters())
