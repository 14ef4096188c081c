# SPDX-License-Identifier: Apache-2.0
"""Backends in the own API."""

import datetime

import fixtures as base_fixtures
import sqlalchemy as sa

from allocator.api import app
from allocator.backends import mirror
from allocator.conf import CONF
from allocator.db import backend_status
from allocator.db import backend_writes
from allocator.db import backends
from allocator.db import types
from allocator.tests import fixtures
from allocator.tests.unit.backends import mirroring

URL = '/allocator/v1/backends'


class ShownTests(mirroring.MirrorTestCase):

    names = ('east', 'west')

    def setUp(self):
        super().setUp()
        self.api = fixtures.Api()
        # On the configuration and database of the mirror.
        self.api.application = app.setup_app()

    def show(self, name='east'):
        answer = self.api.get('%s/%s' % (URL, name))
        self.assertEqual(200, answer.status, answer)
        return answer.body

    def test_each_is_shown_as_it_is(self):
        self.store().enrol(3)
        self.look()
        self.allocate()
        self.loop.walk()
        found = self.show()
        self.assertEqual(
            ('east', 'up', 3, 2, 0, 1, None), tuple(found[name] for name in (
                'name', 'status', 'nodes', 'free', 'missing', 'open_writes',
                'last_error')))
        self.assertGreaterEqual(found['lag'], 0)
        for name in ('status_since', 'last_look', 'last_full_look',
                     'oldest_open', 'created_at'):
            self.assertRegex(found[name], r'^\d{4}-.*\+00:00$')
        self.assertEqual(
            [{'rel': 'self', 'href': 'http://localhost%s/east' % URL}],
            found['links'])
        self.assertNotIn('id', found)

    def test_the_list_has_all_by_name(self):
        self.look()
        answer = self.api.get(URL)
        self.assertEqual(['backends'], list(answer.body))
        self.assertEqual(['east', 'west'], [
            found['name'] for found in answer.body['backends']])
        for found in answer.body['backends']:
            self.assertEqual(set(self.show()), set(found))

    def test_only_the_fields_that_are_asked_for(self):
        self.look()
        answer = self.api.get(URL + '?fields=name,STATUS')
        self.assertEqual(
            [['name', 'status', 'links']] * 2,
            [list(found) for found in answer.body['backends']])
        self.assertEqual(['links'], list(self.show('east?fields=links')))
        for query in ('fields=id', 'limit=1', 'detail=true'):
            for path in (URL, URL + '/east'):
                self.assertEqual(
                    400, self.api.get('%s?%s' % (path, query)).status)

    def test_one_that_was_never_looked_at_is_stale(self):
        backends.ensure('east')
        found = self.show()
        self.assertEqual(
            ('stale', found['created_at'], None, None),
            tuple(found[name] for name in ('status', 'status_since',
                                           'last_look', 'lag')))

    def test_one_that_may_give_nothing_is_drained(self):
        self.look()
        self.options['east'].set('allocate', False)
        self.look('east')
        self.assertEqual('drained', self.show()['status'])
        self.assertEqual('up', self.show('west')['status'])

    def test_one_that_leaves_writes_unanswered_is_silent(self):
        self.look()
        for _ in range(backends.UNANSWERED):
            backend_writes.note_answer(backends.get_row('east').id, False)
        self.assertEqual('silent', self.show()['status'])

    def test_one_that_is_not_configured_any_more_is_removed(self):
        self.store().enrol()
        self.look()
        CONF.set_override('enabled_backends', ['west'])
        found = self.show()
        self.assertEqual(('removed', None, 1), (
            found['status'], found['status_since'], found['nodes']))

    def test_the_last_error_is_told(self):
        self.look()
        held = backends.hold('east', self.mirrors['east']._holder, 10)
        backends.note_failure(held, 'no route')
        self.assertEqual('no route', self.show()['last_error'])

    def test_unknown_ones_are_not_found(self):
        answer = self.api.get(URL + '/north')
        self.assertEqual(404, answer.status)
        self.assertEqual('allocator.backend.not_found',
                         answer.body['errors'][0]['code'])

    def test_the_bare_metal_api_has_none(self):
        self.assertNotEqual(200, self.api.get('/v1/backends').status)


class SinceTests(mirroring.MirrorTestCase):
    """Since when a backend is as it is, by a clock that tests move."""

    def setUp(self):
        super().setUp()
        self.now = datetime.datetime(2026, 1, 31, 12)
        self.useFixture(base_fixtures.MockPatchObject(
            types, 'utcnow', lambda: sa.literal(self.now)))
        backends.ensure('east')

    def pass_(self, seconds):
        """Let some time pass.

        :returns: the time then
        """
        self.now += datetime.timedelta(seconds=seconds)
        return self.now

    def status(self):
        found = backend_status.get('east')
        return found['status'], found['status_since']

    def answer(self, is_answered, count=1):
        for _ in range(count):
            backend_writes.note_answer(backends.get_row('east').id,
                                       is_answered)

    def drain(self, drained):
        self.options['east'].set('allocate', not drained)
        self.look()

    def test_up_since_the_first_look(self):
        self.assertEqual(('stale', self.now), self.status())
        first = self.pass_(10)
        self.look()
        self.pass_(100)
        self.look()
        self.assertEqual(('up', first), self.status())

    def test_stale_since_the_last_look_was_too_old(self):
        self.look()
        too_old = self.now + datetime.timedelta(seconds=120)
        self.pass_(500)
        self.assertEqual(('stale', too_old), self.status())
        again = self.pass_(10)
        self.look()
        self.pass_(60)
        self.look()
        self.assertEqual(('up', again), self.status())

    def test_silent_since_the_third_write_without_an_answer(self):
        self.store().enrol()
        self.look()
        # A write that is open tells when it answers again.
        self.allocate()
        self.loop.walk()
        self.pass_(10)
        self.answer(False, backends.UNANSWERED - 1)
        third = self.pass_(10)
        self.answer(False)
        self.pass_(10)
        self.answer(False, 5)
        self.look()
        self.assertEqual(('silent', third), self.status())
        answered = self.pass_(10)
        self.answer(True)
        self.pass_(10)
        # Less than silence changes nothing.
        self.answer(False)
        self.answer(True, 2)
        self.look()
        self.assertEqual(('up', answered), self.status())

    def test_drained_since_nothing_is_handed_out(self):
        self.look()
        drained = self.pass_(10)
        self.drain(True)
        self.pass_(10)
        self.look()
        self.assertEqual(('drained', drained), self.status())
        again = self.pass_(10)
        self.drain(False)
        self.pass_(10)
        self.look()
        self.assertEqual(('up', again), self.status())

    def test_what_was_hidden_by_something_worse_began_when_that_ended(self):
        self.drain(True)
        self.answer(False, backends.UNANSWERED)
        self.pass_(500)
        self.assertEqual('silent', self.status()[0])
        answered = self.pass_(10)
        self.answer(True)
        self.assertEqual(('stale', answered), self.status())
        looked = self.pass_(10)
        self.look()
        self.assertEqual(('drained', looked), self.status())

    def test_another_process_tells_the_same(self):
        first = self.pass_(10)
        self.look()
        self.pass_(30)
        self.mirrors['east'] = mirror.Mirror('east')
        self.look()
        backends.forget()
        self.assertEqual(('up', first), self.status())
