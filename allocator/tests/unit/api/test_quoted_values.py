# SPDX-License-Identifier: Apache-2.0
"""Errors name what a client sent, and quote nothing that is stored."""

import json

from wsme import types as wsme_types

from allocator.api import request
from allocator.api.types import node as node_types
from allocator.common import exception
from allocator.tests.unit.api import inventory

SECRET = 's3cret'
HELD = {'password': SECRET, 'list': [SECRET], 'text': SECRET,
        'deep': {'password': SECRET}}

# Operations that find no place in HELD, by what is said of them.
MISPLACED = [
    ('replace', '/nope', 'replace'), ('replace', '/nope/x', 'replace'),
    ('replace', '/list/1', 'replace'), ('replace', '/list/-', 'replace'),
    ('replace', '/list/x', 'replace'), ('replace', '/text/x', 'replace'),
    ('replace', '/text/0', 'replace'), ('replace', '/deep/x/y', 'replace'),
    ('remove', '/nope', 'remove'), ('remove', '/nope/x', 'remove'),
    ('remove', '/list/1', 'remove'), ('remove', '/list/-', 'remove'),
    ('remove', '/text/x', 'remove'), ('remove', '/deep/x', 'remove'),
    ('add', '/nope/x', 'put'), ('add', '/list/2', 'put'),
    ('add', '/list/x', 'put'), ('add', '/text/x', 'put'),
    ('add', '/text/0', 'put'), ('add', '/deep/x/y', 'put'),
    ('add', '/list/' + '1' * 5000, 'put'),
    ('remove', '/list/' + '1' * 30, 'remove'),
    ('test', '/password', 'op must be'), ('move', '/x', 'op must be'),
    ('copy', '/x', 'op must be'),
]


class QuotedValuesTest(inventory.InventoryTestCase):

    def setUp(self):
        super().setUp()
        self.node = self.create_available(
            resource_class='metal', owner='own', lessee='tenant',
            **{name: HELD for name in ('driver_info', 'instance_info',
                                       'extra', 'properties',
                                       'network_data')})

    def assert_refused(self, url, attribute):
        before = self.api.get(url).body
        for op, below, word in MISPLACED:
            path = '/%s%s' % (attribute, below)
            operation = {'op': op, 'path': path, 'value': 'my-' + SECRET,
                         'from': '/%s/password' % attribute}
            if op not in ('test', 'move', 'copy'):
                del operation['from']
            answer = self.api.patch(url, [operation])
            self.assertEqual(400, answer.status, (operation, answer))
            self.assertNotIn(SECRET, json.dumps(answer.body), operation)
            self.assertIn(path[:200], answer.fault)
            self.assertIn(word, answer.fault)
            # The whole sentence is ours.
            self.assertRegex(answer.fault, "^Couldn't apply the patch at "
                                           "path '/%s/" % attribute)
            for theirs in ('member', 'sequence', 'pointer', 'document',
                           'object \''):
                self.assertNotIn(theirs, answer.fault)
        self.assertEqual(before, self.api.get(url).body)

    def test_a_patch_that_fails_does_not_quote_the_node(self):
        for attribute in ('driver_info', 'instance_info', 'extra',
                          'properties', 'network_data'):
            self.assert_refused('/v1/nodes/' + self.node['uuid'], attribute)

    def test_nor_the_password_that_a_lessee_may_not_read(self):
        self.api.act_as('reader', 'member', 'manager', project='tenant')
        url = '/v1/nodes/' + self.node['uuid']
        for op, path, value in (
                ('replace', '/instance_info/nope/x', 1),
                ('remove', '/instance_info/nope/x', None),
                ('add', '/instance_info/nope/x', 1)):
            answer = self.api.patch(url, [
                {'op': op, 'path': path, 'value': value}])
            self.assertEqual(400, answer.status)
            self.assertNotIn(SECRET, json.dumps(answer.body))
            self.assertIn(path, answer.fault)

    def test_nor_an_allocation_or_a_chassis(self):
        _node, allocation = self.create_allocated(self.node, extra=HELD)
        self.assert_refused('/v1/allocations/' + allocation['uuid'], 'extra')
        chassis = self.api.post('/v1/chassis', {'extra': HELD}).body
        self.assert_refused('/v1/chassis/' + chassis['uuid'], 'extra')

    def test_nor_does_a_patch_quote_the_value_that_was_sent(self):
        url = '/v1/nodes/' + self.node['uuid']
        for item in (
                {'op': 'add', 'path': '/nope', 'value': SECRET},
                {'op': 'add', 'path': 'extra', 'value': SECRET},
                {'op': 'add', 'path': '/extra/~', 'value': SECRET},
                {'op': 'add', 'path': '/traits', 'value': [SECRET]},
                {'op': 'add', 'path': '/extra', 'value': SECRET},
                {'op': 'add', 'path': '/retired', 'value': {'a': SECRET}},
                {'op': 'add', 'path': '/driver_info', 'value': [SECRET]},
                {'op': 'nope', 'path': '/extra', 'value': SECRET},
                {'path': ['/extra'], 'value': SECRET},
                {'op': 'add', 'path': '/extra', 'value': 1, 'x': SECRET},
                [SECRET], SECRET):
            answer = self.api.patch(url, [item])
            self.assertEqual(400, answer.status, item)
            self.assertNotIn(SECRET, json.dumps(answer.body), item)

    def test_no_library_tells_what_is_wrong_with_a_body(self):
        for raw, reason in (
                (b'{"a": }', 'malformed at line 1, column 7'),
                (b'{\n"a" 1}', 'malformed at line 2, column 5'),
                (b'{} x', 'malformed at line 1, column 4'),
                (b'{"a": 1' + b'0' * 5000 + b'}', 'a number is too large'),
                (b'{"a": 1e999}', 'a number is too large'),
                (b'{"a": 1, "a": 2}', 'the name "a" occurs twice'),
                (b'{"a": NaN}', 'NaN is no number')):
            answer = self.api.post('/v1/nodes', raw=raw)
            self.assertEqual(400, answer.status)
            self.assertIn(reason, answer.fault)
            self.assertNotIn('Expecting', answer.fault)
            self.assertNotIn('sys.', answer.fault)

    def test_no_library_tells_what_is_missing(self):
        for kind in (node_types.Provision, node_types.Traits,
                     node_types.Power):
            (needed,) = [attribute.name for attribute
                         in wsme_types.list_attributes(kind)
                         if attribute.mandatory]
            error = self.assertRaises(exception.Invalid, request.typed,
                                      kind, {})
            self.assertEqual('Invalid input for %s: it is needed.' % needed,
                             str(error))
