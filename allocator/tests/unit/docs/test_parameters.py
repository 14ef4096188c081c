# SPDX-License-Identifier: Apache-2.0
"""The API reference has the parameters and versions that the code has."""

import inspect
import json
import re

import testtools

from allocator.api import listing
from allocator.api.controllers.v1 import allocation
from allocator.api.controllers.v1.nodes import lists as node_listing
from allocator.api.controllers.v1.nodes import update as node_update
from allocator.api.types import allocation as allocation_types
from allocator.api.types import allocation_candidate as candidate_types
from allocator.api.types import chassis as chassis_types
from allocator.api.types import node as node_types
from allocator.api.versions import baremetal
from allocator.api.versions import own
from allocator.api.versions import table
from allocator.api.views import allocation as allocation_view
from allocator.api.views import backend as backend_view
from allocator.api.views import node as node_view
from allocator.common import provisioning
from allocator.tests.unit.docs import api_ref
from allocator.tests.unit.docs import checkout

VERBS = baremetal.RESOURCES['provision_verb'].inputs

JSON_TYPES = {'string': str, 'array': list, 'object': dict, 'boolean': bool,
              'integer': int, 'number': float}

# The row of the table of microversions by the path, without its variables.
RESOURCES = {
    '/v1/allocation_candidates': 'allocation_candidate',
    '/v1/allocations': 'allocation',
    '/v1/nodes/allocation': 'node_allocation',
    '/v1/nodes': 'node',
    '/v1/nodes/detail': 'node',
    '/v1/nodes/states': 'node_states',
    '/v1/nodes/states/provision': 'provision',
    '/v1/nodes/states/power': 'power',
    '/v1/nodes/traits': 'node_traits',
    '/v1/nodes/vifs': 'node_vif',
    '/v1/nodes/vmedia': 'node_vmedia',
    '/v1/nodes/firmware': 'node_firmware',
    '/v1/backends': 'backend',
    '/v1/chassis': 'chassis',
    '/v1/drivers': 'driver',
    '/v1/conductors': 'conductor',
    '/v1/shards': 'shard',
}
# What a row shows, where another row lists it.
SHOWS = {'node_allocation': 'allocation'}

# What a body may have by the documented method.
BODIES = {
    'POST /allocator/v1/allocation_candidates':
        candidate_types.AllocationCandidates,
    'POST /allocator/v1/allocations': allocation_types.AllocationCreate,
    'POST /v1/allocations': allocation_types.AllocationCreate,
    'POST /v1/chassis': chassis_types.ChassisCreate,
    'POST /v1/nodes': node_types.NodeCreate,
    'PUT /v1/nodes/{node}/maintenance': node_types.Maintenance,
    'PUT /v1/nodes/{node}/states/power': node_types.Power,
    'PUT /v1/nodes/{node}/states/provision': node_types.Provision,
    'PUT /v1/nodes/{node}/traits': node_types.Traits,
}
# The parameters of lists.
QUERIES = {
    'GET /allocator/v1/allocations': (*listing.PARAMETERS,
                                      *allocation.FILTERS),
    'GET /v1/allocations': (*listing.PARAMETERS, *allocation.FILTERS),
    'GET /v1/chassis': (*listing.PARAMETERS, 'detail'),
    'GET /v1/nodes': (*listing.PARAMETERS, *node_listing.FILTERS),
}
COLLECTIONS = ('allocations', 'backends', 'chassis', 'conductors', 'drivers',
               'nodes')
# Answers that another method describes.
AS = {
    'GET /v1/chassis/detail': 'GET /v1/chassis/{chassis}',
    'GET /v1/nodes/detail': 'GET /v1/nodes/{node}',
    'PATCH /v1/nodes/{node}': 'GET /v1/nodes/{node}',
    'POST /v1/nodes': 'GET /v1/nodes/{node}',
}
# Attributes that are described by a rule or in words.
DESCRIBED = {
    'GET /allocator/v1/nodes': 'name',
    'GET /allocator/v1/nodes/{node}': '[a-z_]+',
    'GET /v1/': '[a-z]+s|chassis',
    'GET /v1/drivers/{driver}': '(default|enabled)_[a-z]+_interfaces?|'
                                'name|hosts|properties|type|links',
    'GET /v1/nodes/{node}/validate': '[a-z]+',
}
# The fields of an answer by the row of the table.
FIELDS = {
    'allocation': allocation_view.FIELDS,
    'backend': backend_view.FIELDS,
    'node': (*node_view.FIELDS, 'states'),
    'node_states': node_view.STATES,
}


def resource_of(method):
    """Find the row of the table of microversions for a documented method."""
    path = re.sub(r'/{\w+}', '', method.name.partition(' ')[2])
    return RESOURCES.get(path.removeprefix(own.API.prefix).rstrip('/'))


def api_of(name):
    """Find the API of a documented method by its name."""
    return own.API if ' /allocator' in name else baremetal.API


def row_of(method):
    """Find what the table says of a documented method.

    :returns: versions.table.Resource, empty where the table says nothing
    """
    return api_of(method.name).resources.get(resource_of(method),
                                             table.Resource())


def attributes(kind):
    """List the attributes of a WSME type."""
    return {attribute.name for attribute in kind._wsme_attributes}


def since(parameter):
    """Read the minor version of a described parameter, 0 without one."""
    return int(parameter.get('min_version', '1.0').partition('.')[2])


class TestParameters(testtools.TestCase):

    def setUp(self):
        super().setUp()
        self.methods = {method.name: method for method in api_ref.methods()}

    def test_each_type_is_known(self):
        for name, parameter in api_ref.load('parameters.yaml').items():
            self.assertIn(parameter['type'], [*JSON_TYPES, 'any'], name)
            self.assertTrue(parameter['description'].strip(), name)

    def test_each_optional_input_tells_its_default(self):
        for name, parameter in api_ref.load('parameters.yaml').items():
            if parameter['in'] == 'body' and name.startswith('req_'):
                if not parameter['required']:
                    self.assertRegex(parameter['description'],
                                     'default|Required, unless', name)

    def test_each_parameter_is_used(self):
        used = set(re.findall(r'   - \S+: (\w+)', api_ref.text()))
        self.assertEqual(
            set(), set(api_ref.load('parameters.yaml')).difference(used))

    def test_methods_came_with_the_version_of_the_table(self):
        for name, method in self.methods.items():
            verb = name.partition(' ')[0]
            row = row_of(method)
            self.assertEqual(max(row.since, row.methods.get(verb, 0)),
                             method.since or 0, name)

    def test_bodies_are_complete(self):
        for name, kind in BODIES.items():
            method = self.methods[name]
            self.assertEqual(attributes(kind) - row_of(method).absent, {
                parameter for parameter, described in method.request.items()
                if described['in'] == 'body'}, name)

    def test_inputs_came_with_the_version_of_the_table(self):
        for name in BODIES:
            method = self.methods[name]
            later = row_of(method).inputs
            for parameter, described in method.request.items():
                self.assertEqual(later.get(parameter, 0),
                                 since(described), (name, parameter))

    def test_query_parameters_are_complete(self):
        for name, parameters in QUERIES.items():
            method = self.methods[name]
            self.assertEqual(set(parameters) - row_of(method).absent, {
                parameter for parameter, described in method.request.items()
                if described['in'] == 'query'}, name)

    def test_query_parameters_came_with_the_version_of_the_table(self):
        for name, method in self.methods.items():
            if not name.startswith('GET'):
                continue
            later = row_of(method).filters
            for parameter, described in method.request.items():
                if described['in'] == 'query':
                    self.assertEqual(later.get(parameter, 0),
                                     since(described), (name, parameter))

    def test_fields_came_with_the_version_of_the_table(self):
        for name, method in self.methods.items():
            resource = resource_of(method)
            resource = SHOWS.get(resource, resource)
            for field in FIELDS.get(resource, ()):
                if field in method.response:
                    row = api_of(name).resources[resource]
                    self.assertNotIn(field, row.absent)
                    self.assertEqual(row.fields.get(field, 0),
                                     since(method.response[field]),
                                     (name, field))

    def test_what_a_patch_of_a_node_changes(self):
        """The reference says: all of the POST but uuid."""
        self.assertEqual(
            attributes(node_types.NodeCreate).difference({'uuid'}),
            set(node_update.PATCHABLE))

    def test_verbs_are_those_of_the_table(self):
        source = (checkout.API_REF / 'node-states.inc').read_text()
        rows = re.findall(r'\n   \* - (``.*)\n     - (.*)\n     -(.*)\n'
                          r'     - 1\.(\d+)', source)
        drawn = {}
        for verbs, before, after, minor in rows:
            verb, *synonyms = re.findall('``(.*?)``', verbs)
            self.assertEqual(int(minor), VERBS.get(verb, baremetal.MIN))
            for synonym in synonyms:
                self.assertEqual(verb, provisioning.SYNONYMS[synonym])
                self.assertIn('from 1.%d on' % VERBS[synonym], verbs)
            drawn[verb] = {state: after.strip(' `')
                           for state in re.findall('``(.*?)``', before)}
        self.assertEqual(provisioning.TRANSITIONS, drawn)

    def test_fields_that_cannot_be_sorted_by_are_named(self):
        for name in ('GET /v1/allocations', 'GET /allocator/v1/allocations'):
            described = inspect.cleandoc(
                self.methods[name].request['sort_key']['description'])
            unsortable = set(allocation_view.FIELDS).difference(
                allocation.SORTABLE)
            self.assertEqual(
                unsortable - row_of(self.methods[name]).absent,
                set(re.findall('``(.*?)``', described)))

    def test_answers_have_the_described_attributes(self):
        for name, method in self.methods.items():
            shown = [sample for sample in method.samples
                     if sample.endswith('-response.json')]
            described = self.methods[AS.get(name, name)].response
            if not shown:
                self.assertEqual({}, described, name)
                continue
            answer = _flatten(json.loads(
                (api_ref.SAMPLES / shown[0]).read_text()), described)
            for attribute in set(answer).difference(described):
                self.assertRegex(attribute, '^(%s)$' % DESCRIBED.get(
                    name, '(?!)'), name)
            for attribute, parameter in described.items():
                if attribute not in answer:
                    self.assertFalse(parameter['required'],
                                     (name, attribute))
                elif answer[attribute] is not None:
                    self.assertIsInstance(
                        answer[attribute], JSON_TYPES[parameter['type']],
                        (name, attribute))


def _flatten(answer, described):
    """Put the attributes of a list's first item beside those of the list.

    :param described: dict of the described attributes; those of a list are
        left out where it describes the items alone
    """
    found = dict(answer)
    for key, value in answer.items():
        if key in COLLECTIONS and value and 'links' in value[0]:
            found |= value[0]
            if key not in described:
                found.pop(key)
    return found
