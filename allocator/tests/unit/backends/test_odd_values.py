# SPDX-License-Identifier: Apache-2.0
"""What a backend may say that no row can hold, and looks that fail."""

import dataclasses
import json
import math

from oslo_utils import timeutils

from allocator.backends import facts
from allocator.backends import registry
from allocator.db import allocations
from allocator.db import backends
from allocator.db import mirrored_nodes
from allocator.tests.unit.backends import mirroring

NAN = {'a': math.nan, 'b': [math.inf, {'c': -math.inf}], 'd': 1.5}
CLEAN = {'a': None, 'b': [None, {'c': None}], 'd': 1.5}


class OddValueTests(mirroring.MirrorTestCase):

    def check_others(self):
        """See that a change of another node is known at the next look."""
        other, = self.store().enrol()
        self.look()
        self.assertEqual(2, self.node(other).free)

    def test_numbers_that_no_json_has_are_null(self):
        uuid, = self.store().enrol(extra=NAN, properties=NAN)
        self.look()
        self.assertEqual((CLEAN, CLEAN), (self.node(uuid).extra,
                                          self.node(uuid).properties))
        self.check_others()

    def test_so_are_those_of_an_allocation_made_there(self):
        self.store().enrol()
        made = self.store().allocate('metal', extra=NAN)
        self.store()._decide()
        self.look()
        self.assertEqual(CLEAN, allocations.get(made['uuid']).extra)
        self.check_others()

    def test_what_is_no_character_is_left_out(self):
        uuid, = self.store().enrol(
            name='n\0\ud800', extra={'k\0': ['\udfff\U0001f600x']},
            properties={'cpus': '8\0\ud800'})
        made = self.store().allocate('metal', name='a\0\ud800',
                                     extra={'\ud800k': '\0'})
        self.store()._decide()
        self.look()
        self.assertEqual(
            ('n', {'k': ['\U0001f600x']}, {'cpus': '8'}),
            (self.node(uuid).name, self.node(uuid).extra,
             self.node(uuid).properties))
        found = allocations.get(made['uuid'])
        self.assertEqual(('a', {'k': ''}), (found.name, found.extra))
        self.check_others()

    def test_documents_that_are_none_are_empty(self):
        self.assertEqual([{}] * 4, [facts.document(value) for value in (
            None, 'text', [1], 5)])

    def test_a_node_that_cannot_be_read_is_left_out(self):
        odd, = self.store().enrol(provision_state='active')
        self.look()
        self.store().change_node(odd, traits=[1, 'CUSTOM_A'])
        self.check_others()
        self.look(full=True)
        self.assertEqual('active', self.node(odd).provision_state)
        self.assertIsNone(backends.get_row('east').failing_since)
        self.store().change_node(odd, traits=[], provision_state='available')
        self.look()
        self.assertEqual(2, self.node(odd).free)

    def test_what_is_no_node_is_left_out(self):
        """In whatever list it stands."""
        service = self.services['east']
        handle = service.handle

        def odd(method, path, query, body):
            status, said = handle(method, path, query, body)
            if path == '/v1/nodes/detail':
                said = json.loads(said)
                now = timeutils.utcnow().isoformat() + '+00:00'
                said['nodes'][:0] = [
                    None, 'text', {}, {'updated_at': now},
                    {'uuid': None, 'updated_at': now},
                    {'uuid': ['x'], 'updated_at': now}]
                said = json.dumps(said).encode()
            return status, said

        service.handle = odd
        self.addCleanup(setattr, service, 'handle', handle)
        first, = self.store().enrol()
        self.look(full=True)
        self.store().change_node(first, extra={'a': 1})
        self.check_others()
        self.look()
        self.assertEqual({'a': 1}, self.node(first).extra)
        row = backends.get_row('east')
        self.assertIsNone(row.failing_since, row.last_error)

    def test_a_node_that_cannot_be_written_is_left_out(self):
        self.look()
        found = [facts.of_node(registry.get('east').get_node(uuid))
                 for uuid in self.store().enrol(3)]
        found[1] = dataclasses.replace(found[1], columns=found[1].columns | {
            'extra': NAN})
        outcome = mirrored_nodes.apply(self.mirrors['east'].hold, found, {})
        self.assertEqual((2, [found[1].uuid]), (
            outcome.written, [uuid for uuid, _error in outcome.unwritten]))


class FailedLookTests(mirroring.MirrorTestCase):

    def break_(self):
        """Have the answers be such that no look comes to an end."""
        service = self.services['east']
        handle = service.handle

        def broken(method, path, query, body):
            if path == '/v1/nodes/detail':
                return 200, json.dumps({'nodes': [{'name': 'x'}],
                                        'next': 'y'}).encode()
            return handle(method, path, query, body)

        service.handle = broken
        self.addCleanup(setattr, service, 'handle', handle)
        return lambda: setattr(service, 'handle', handle)

    def test_whatever_made_it_fail_is_told(self):
        self.look()
        self.break_()
        self.look()
        row = backends.get_row('east')
        self.assertIsNotNone(row.failing_since)
        self.assertIn('KeyError', row.last_error)

    def test_requests_are_decided_all_the_same(self):
        self.look()
        self.break_()
        self.assertEqual('error', self.settle(self.allocate()).state)

    def test_a_first_look_that_failed_is_tried_again_soon(self):
        uuid, = self.store().enrol()
        mend = self.break_()
        self.look()
        self.assertIsNotNone(backends.get_row('east').failing_since)
        mend()
        looking = self.mirrors['east']
        looking._next_sweep -= self.options['east']._options['poll_interval']
        looking._step()
        row = backends.get_row('east')
        self.assertEqual((None, True), (row.failing_since,
                                        row.swept_at is not None))
        self.assertEqual(2, self.node(uuid).free)
