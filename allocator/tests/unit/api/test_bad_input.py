# SPDX-License-Identifier: Apache-2.0
"""Wrong requests: each gets a 4xx that names what is wrong, and changes
nothing."""

import json
from urllib import parse

import hypothesis
from hypothesis import strategies
from oslo_utils import uuidutils

from allocator.tests import fixtures
from allocator.tests.unit.api import allocating

URL = allocating.URL
UUID = uuidutils.generate_uuid()

ATTRIBUTES = ('uuid', 'name', 'resource_class', 'traits', 'candidate_nodes',
              'extra', 'owner', 'node')
NO_STRINGS = (1, 0, 1.5, True, False, [], {}, [None], ['x'], {'a': 1})
UNSTORABLE = ('\x00', 'a\x00', '\ud800', 'a\udfff')

#: Values that each attribute refuses.
REFUSED = {
    'uuid': (*NO_STRINGS, *UNSTORABLE, '', ' ', 'x', UUID + '\n', UUID[:-1],
             UUID + '0', 'é' * 36, '😀', 'x' * 100000),
    'name': (*NO_STRINGS, *UNSTORABLE, '', ' ', 'a b', 'a/b', 'a\n', '\n',
             'é', '😀', '%20', '.', '..', UUID, UUID.upper(),
             UUID.replace('-', ''), 'x' * 256, 'x' * 100000),
    'resource_class': (*NO_STRINGS, *UNSTORABLE, '', 'x' * 81,
                       'x' * 100000),
    'traits': (1, 'CUSTOM_A', {}, True, [None], [1], [[]], [''],
               ['custom_a'], ['CUSTOM_'], ['CUSTOM_a'], ['CUSTOM_A\n'],
               ['CUSTOM_A\x00'], ['CUSTOM_\ud800'], ['CUSTOM_😀'], [' '],
               ['NO_STANDARD_TRAIT'], ['CUSTOM_' + 'A' * 249],
               ['CUSTOM_%d' % n for n in range(51)]),
    'candidate_nodes': (1, 'x', {}, True, [None], [1], [[]], [''], ['x'],
                        [UUID], ['node', 'x'], ['\x00'], ['\ud800'],
                        ['😀'], ['x' * 256], ['node '], ['NODE'],
                        ['n%d' % n for n in range(10001)]),
    'extra': (1, 1.5, True, [], 'x', ''),
    'owner': (*NO_STRINGS, *UNSTORABLE, '', 'x' * 256, 'x' * 100000),
    'node': (*NO_STRINGS, *UNSTORABLE, '', ' ', 'x', UUID, 'x' * 256, '😀',
             'node ', 'NODE', 'node\n'),
}

#: Values that look bad and are not.
TAKEN = {
    'name': ('a', 'A', '0', '-', '~', '_', '...', 'a.json', 'x' * 255,
             'traits', 'null', '0x1f', UUID + 'x'),
    'resource_class': (' ', 'a b', 'é', '😀', '%', '/', 'x' * 80,
                       '😀' * 80, "'; DROP TABLE nodes --"),
    'traits': ([], ['CUSTOM_A'] * 60, ['HW_CPU_X86_VMX'],
               ['CUSTOM_' + 'A' * 248], ['CUSTOM__']),
    'candidate_nodes': ([], ['node', 'node']),
    'extra': ({}, {'': ''}, {'\x00': '\x00'}, {'\ud800': '\udfff'},
              {'😀': '😀' * 20000}, {'a': [None, True, 1.5, {'b': []}]}),
    'owner': (' ', 'é', '😀' * 255, 'x' * 255),
}

#: Values that the own API's attributes refuse.
OWN_REFUSED = {
    'forbidden_traits': REFUSED['traits'],
    'any_traits': (1, 'CUSTOM_A', {}, True, ['CUSTOM_A'], [None], [1], [[]],
                   [['CUSTOM_A'], []], [[None]], [['custom_a']],
                   [['CUSTOM_A\n']], [['CUSTOM_\ud800']], [{}],
                   [['CUSTOM_%d' % n] for n in range(51)],
                   [['CUSTOM_%d' % n for n in range(51)]]),
    'preferred_traits': (
        1, 'CUSTOM_A', {}, True, ['CUSTOM_A'], [None], [[]], [{}],
        [{'trait': 'CUSTOM_A'}], [{'weight': 1}],
        [{'trait': 'CUSTOM_A', 'weight': 1, 'more': 1}],
        *([{'trait': 'CUSTOM_A', 'weight': weight}] for weight in (
            0, -1, 101, 1.5, 1.0, True, '1', None, [], 10 ** 30)),
        *([{'trait': trait, 'weight': 1}] for trait in (
            None, 1, '', 'custom_a', 'CUSTOM_A\n', 'CUSTOM_\ud800', [])),
        [{'trait': 'CUSTOM_A', 'weight': 1},
         {'trait': 'CUSTOM_A', 'weight': 2}],
        [{'trait': 'CUSTOM_%d' % n, 'weight': 1} for n in range(51)]),
    'excluded_nodes': (*REFUSED['candidate_nodes'][:-1],
                       ['n%d' % n for n in range(101)]),
    'properties': (
        1, 'cpus', [], True, {'cpus': 1}, {'cpus': None}, {'cpus': []},
        {'cpus': {}}, {'cpus': {'>': 1}}, {'cpus': {'': 1}},
        {'cpus': {'\ud800': 1}}, {'cpus': {'like': 'x'}},
        *({'cpus': {'=': value}} for value in (
            None, [], {}, [1], '', ' ', '\x00', '\ud800', 'x' * 256)),
        *({'cpus': {operator: value}} for operator in ('>=', '<=')
          for value in ('many', True, 'true', [1], None, '')),
        *({'cpus': {operator: value}} for operator in ('in', 'not in')
          for value in (1, 'x', [], {}, None, [None], [[]], [''],
                        list(range(101)))),
        *({name: {'=': 1}} for name in (
            '', 'vendor', 'CPUS', 'cpus ', 'capabilities', 'capabilities:',
            'capabilities: a', 'capabilities:a,b', 'capabilities:a:b',
            'capability:a', 'capabilities:\x00', 'capabilities:\ud800',
            'capabilities:' + 'x' * 255, '\ud800', 'x' * 100000)),
        {'capabilities:%d' % n: {'=': 1} for n in range(21)}),
}

#: And such as look bad and are not.
OWN_TAKEN = {
    'forbidden_traits': TAKEN['traits'],
    'any_traits': ([], [['CUSTOM_A']], [['CUSTOM_A'], ['CUSTOM_A']]),
    'preferred_traits': ([], [{'trait': 'CUSTOM_A', 'weight': 100}]),
    'excluded_nodes': ([], ['node', 'node']),
    'properties': (
        {}, {'cpus': {'=': 1.5}}, {'cpus': {'>=': '8'}},
        {'cpus': {'=': True}}, {'cpus': {'=': 'é😀'}},
        {'cpus': {'=': 'x' * 255}}, {'cpus': {'>=': -1e300}},
        {'cpus': {'!=': 1, '>=': 0, '<=': 9, 'in': [2], 'not in': [3]}},
        {'capabilities:boot mode': {'in': ['uefi', 1, False]}},
        {'capabilities:' + 'x' * 242: {'=': 1}},
        {'capabilities:é😀': {'not in': list(range(100))}}),
}

strings = strategies.text(
    alphabet=strategies.characters(codec=None), max_size=300)
json_values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers()
    | strategies.floats() | strings,
    lambda inner: strategies.lists(inner, max_size=4)
    | strategies.dictionaries(strings, inner, max_size=4), max_leaves=12)

lightly = hypothesis.settings(
    max_examples=40, deadline=None, database=None,
    suppress_health_check=list(hypothesis.HealthCheck))


class BadInputTestCase(allocating.AllocationTestCase):

    def setUp(self):
        super().setUp()
        fixtures.add_node(name='node')

    def assert_answered(self, answer, before):
        """Check an answer to arbitrary input: no 5xx, no half-done work."""
        self.assertLess(answer.status, 500, answer)
        if answer.status >= 400:
            self.assertTrue(answer.fault)
            self.assertEqual(before, self.rows())


class AttributeTests(BadInputTestCase):

    refused = REFUSED
    taken = TAKEN

    def test_each_attribute_refuses_what_it_is_not(self):
        for name, bad in self.refused.items():
            for value in bad:
                answer = self.api.post(
                    self.url, {'resource_class': 'x'} | {name: value})
                words = () if name == 'node' or '_nodes' in name else (name,)
                self.refuse(400, answer, *words)
        self.assertEqual([], self.rows())

    def test_each_attribute_takes_what_it_is(self):
        for name, good in self.taken.items():
            for value in good:
                uuid = self.create(**{name: value})['uuid']
                if not name.endswith(('traits', 'nodes')):
                    self.assertEqual(value, self.show(uuid)[name])

    def test_unknown_attributes_are_named(self):
        for name in ('colour', 'state', 'node_uuid', 'last_error', 'links',
                     'created_at', 'id', '__class__', 'validate', '\ud800',
                     '', 'Name'):
            self.refuse(400, self.api.post(
                self.url, {'resource_class': 'x', name: 'x'}), name)
        self.assertEqual([], self.rows())

    def test_a_resource_class_is_needed(self):
        for body in ({}, {'name': 'x'}, {'resource_class': None},
                     {'node': None}):
            self.refuse(400, self.api.post(self.url, body), 'resource_class')

    def test_a_refusal_is_short_whatever_was_sent(self):
        for body in ({'x' * 200000: 1}, {'candidate_nodes': [
                'n%d' % n for n in range(9999)]}):
            answer = self.api.post(self.url, {'resource_class': 'x'} | body)
            self.assertLess(len(self.refuse(400, answer)), 2100)


class OwnAttributeTests(AttributeTests):
    """The same through the own API."""

    url = allocating.OWN_URL
    refused = REFUSED | OWN_REFUSED
    taken = TAKEN | OWN_TAKEN


class UrlTests(BadInputTestCase):

    def test_paths_that_are_no_names_are_404(self):
        self.create(name='one')
        for name in ('x', 'x' * 5000, 'é', '😀', '%0A', 'node', '.', '..',
                     'one%20', '%F0%9F%98%80', UUID, UUID.upper(),
                     UUID.replace('-', ''), "'--", '_route', '__class__',
                     'get', '.json', '%25', 'a%2Fb'):
            for suffix in ('', '?fields=uuid'):
                self.refuse(404, self.api.get(
                    '%s/%s%s' % (URL, parse.quote(name, safe='%'), suffix)))

    def test_paths_that_are_no_text_are_400(self):
        for path in ('/%00', '/%ff', URL + '/%00', URL + '/a%00b',
                     URL + '/%ed%a0%80', '/v1/%c0%80', '/v1/nodes/%fe'):
            for method in ('GET', 'DELETE', 'PATCH', 'POST'):
                self.refuse(400, self.api.request(method, path), 'path')

    def test_queries_that_are_no_text_are_400(self):
        for query in ('state=%00', 'state=%ff', 'owner=a%00b', '%ff=1',
                      'marker=%00', 'fields=%00', 'node=%00', 'limit=%00',
                      'sort_key=%00', '&'.join(
                          'a%d=1' % n for n in range(200))):
            self.refuse(400, self.api.get(URL + '?' + query))

    def test_parameters_are_refused_where_there_are_none(self):
        uuid = self.create()['uuid']
        before = self.rows()
        for method, path in (('GET', '/'), ('GET', '/v1'), ('POST', URL),
                             ('PATCH', URL + '/' + uuid),
                             ('DELETE', URL + '/' + uuid),
                             ('GET', URL + '/' + uuid),
                             ('DELETE', '/v1/nodes/node/allocation'),
                             ('GET', '/v1/nodes/node/allocation')):
            self.refuse(400, self.api.request(
                method, path + '?colour=red'), 'colour')
        self.assertEqual(before, self.rows())

    def test_a_body_is_no_business_of_get(self):
        uuid = self.create()['uuid']
        for path in (URL, URL + '/' + uuid, '/v1', '/'):
            for raw in (b'{', b'\xff', b'{"name": "x"}', b'x' * 2000000):
                answer = self.api.request('GET', path, raw=raw)
                self.assertEqual(200, answer.status)


class FuzzTests(BadInputTestCase):

    attributes = ATTRIBUTES

    @lightly
    @hypothesis.given(strategies.data())
    def test_any_values_of_a_body(self, data):
        body = data.draw(strategies.dictionaries(
            strategies.sampled_from(self.attributes), json_values,
            min_size=1))
        before = self.rows()
        answer = self.api.post(self.url, {'resource_class': 'x'} | body)
        self.assert_answered(answer, before)

    @lightly
    @hypothesis.given(json_values)
    def test_any_json(self, body):
        before = self.rows()
        self.assert_answered(
            self.api.post(self.url, raw=json.dumps(body).encode()), before)

    @lightly
    @hypothesis.given(strategies.binary(max_size=50))
    def test_any_bytes(self, raw):
        self.refuse(400, self.api.post(self.url, raw=raw))
        self.assertEqual([], self.rows())

    @lightly
    @hypothesis.given(json_values)
    def test_any_extra_is_given_back(self, value):
        extra = {'value': value}
        answer = self.api.post(self.url, {'resource_class': 'x',
                                          'extra': extra})
        hypothesis.assume(answer.status == 201)
        self.assertEqual(extra, self.show(answer.body['uuid'])['extra'])

    @lightly
    @hypothesis.given(
        strategies.sampled_from(('node', 'state', 'resource_class', 'owner',
                                 'fields', 'limit', 'marker', 'sort_key',
                                 'sort_dir')), strings)
    def test_any_parameter(self, name, value):
        text = parse.quote(value.encode(errors='surrogatepass'))
        self.assert_answered(
            self.api.get('%s?%s=%s' % (self.url, name, text)), self.rows())

    @lightly
    @hypothesis.given(strings)
    def test_any_path(self, name):
        text = parse.quote(name.encode(errors='surrogatepass'))
        for method in ('GET', 'PATCH', 'DELETE'):
            self.assert_answered(self.api.request(
                method, '%s/x%s' % (self.url, text)), self.rows())

    @lightly
    @hypothesis.given(strategies.lists(strategies.fixed_dictionaries(
        {'op': strategies.sampled_from(('add', 'replace', 'remove')),
         'path': strategies.sampled_from(
             ('/name', '/extra', '/extra/a', '/extra/a/0', '/extra/a/-',
              '/extra/a/b', '/extra/', '/name/0', '')) | strings,
         'value': json_values}), max_size=4))
    def test_any_patch(self, body):
        uuid = self.create(extra={'a': [1, {'b': 2}]})['uuid']
        before = self.rows()
        answer = self.api.patch('%s/%s' % (self.url, uuid), body)
        self.assert_answered(answer, before)
        self.show(uuid)
        self.api.delete('%s/%s' % (self.url, uuid))

    @lightly
    @hypothesis.given(strategies.text(
        alphabet=strategies.characters(max_codepoint=255), max_size=40))
    def test_any_version(self, version):
        answer = self.api.get('/v1', headers={
            'OpenStack-API-Version': 'baremetal ' + version,
            'X-OpenStack-Ironic-API-Version': version})
        self.assertIn(answer.status, (200, 400, 406))


class OwnFuzzTests(FuzzTests):
    """The same through the own API."""

    url = allocating.OWN_URL
    attributes = (*ATTRIBUTES, *OWN_REFUSED)

    @lightly
    @hypothesis.given(strategies.text(
        alphabet=strategies.characters(max_codepoint=255), max_size=40))
    def test_any_version(self, version):
        answer = self.api.get('/allocator/v1', headers={
            'OpenStack-API-Version': 'allocator ' + version})
        self.assertIn(answer.status, (200, 400, 406))
