# SPDX-License-Identifier: Apache-2.0
"""The requests whose answers are the samples of the API reference.

``python -m allocator.tests.unit.docs.samples`` writes the samples anew.
"""

import itertools
import json
import re
from unittest import mock

from allocator.db import backends
from allocator.tests import fixtures
from allocator.tests import microversions
from allocator.tests.backends import configured
from allocator.tests.unit.docs import api_ref

BASE = 'http://127.0.0.1:6385'
REQUEST_ID = 'req-2b2ab7a0-1c8c-4d2b-8a0c-5e9a6d3c7f11'
MOMENT = '2026-01-31T12:00:00.123456+00:00'
# What api-ref/source/conf.py puts the newest version in the place of.
NEWEST = '"|newest|"'

NODE_1 = '5344a3e2-978a-444e-990a-cbf47c62ef88'
NODE_2 = '31ee1aeb-ab0c-4a57-9fd3-fc14a1b7a3d2'
INSTANCE_2 = '4c8cb3ce-d4a3-47a9-9af0-0f4f5d6a5d0c'

# What the service would draw by lot.
UUIDS = ('3bacbe4e-1a4d-44c4-a3a5-9f2a3d0f7f02',
         '0d5c7f0a-8d5e-4b6c-9a3e-7ff0c57e3d13')

# What depends on the speed of the machine.
_LAG = re.compile(r'(?<="lag": )[\d.e-]+')
_REQUEST_ID = re.compile('req-[0-9a-f-]{36}')
_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00')


class Recorder:
    """Sends requests and keeps them, and their answers, as samples.

    :ivar found: dict of texts by the name of the sample
    """

    def __init__(self, api):
        self._api = api
        self.found = {}

    def send(self, name, method, path, body=None):
        """Send a request; its sample is NAME-request, NAME-response."""
        if path.startswith('/allocator'):
            version = None
        else:
            version = microversions.NEWEST
        answer = self._api.request(method, path, body, version=version)
        if body is not None:
            self._keep(name + '-request.json', body)
        if answer.body is not None:
            self._keep(name + '-response.json', answer.body)
        return answer

    def _keep(self, name, document):
        text = _TIME.sub(MOMENT, json.dumps(document, indent=4))
        text = _REQUEST_ID.sub(REQUEST_ID, text) + '\n'
        text = _LAG.sub('0.412', text)
        self.found[name] = text.replace('"%s"' % microversions.NEWEST,
                                        NEWEST)


def _discover(recorder, api):
    recorder.send('root', 'GET', '/')
    recorder.send('v1', 'GET', '/v1/')
    recorder.send('error', 'GET', '/v1/allocations/unknown')


def _allocate(recorder, api):
    fixtures.add_node(('CUSTOM_SSD', 'HW_CPU_X86_VMX'), uuid=NODE_1,
                      name='node-1', resource_class='baremetal')
    fixtures.add_node(uuid=NODE_2, name='node-2', resource_class='baremetal',
                      provision_state='active', instance_uuid=INSTANCE_2)
    recorder.send('allocation-create', 'POST', '/v1/allocations', {
        'name': 'web-1', 'resource_class': 'baremetal',
        'traits': ['CUSTOM_SSD']})
    api.match()
    recorder.send('allocation-show', 'GET', '/v1/allocations/web-1')
    api.post('/v1/allocations', {
        'name': 'gpu-1', 'resource_class': 'baremetal',
        'traits': ['CUSTOM_GPU']})
    api.match()
    recorder.send('allocation-show-error', 'GET', '/v1/allocations/gpu-1')
    recorder.send('allocations-list', 'GET', '/v1/allocations')
    recorder.send('allocations-list-fields', 'GET',
                  '/v1/allocations?fields=name,state&limit=1'
                  '&resource_class=baremetal')
    recorder.send('node-allocation', 'GET', '/v1/nodes/node-1/allocation')
    recorder.send('allocation-backfill', 'POST', '/v1/allocations', {
        'name': 'db-1', 'node': 'node-2'})
    recorder.send('allocation-update', 'PATCH', '/v1/allocations/web-1', [
        {'op': 'replace', 'path': '/name', 'value': 'web-2'},
        {'op': 'add', 'path': '/extra/contact', 'value': 'web team'}])


def _allocate_by_the_own_api(recorder, api):
    own = '/allocator/v1'
    recorder.send('own-root', 'GET', '/allocator')
    recorder.send('own-v1', 'GET', own + '/')
    recorder.send('own-error', 'GET', own + '/allocations/unknown')
    fixtures.add_node(('CUSTOM_SSD', 'HW_CPU_X86_VMX'), uuid=NODE_1,
                      name='node-1', resource_class='baremetal')
    fixtures.add_node(uuid=NODE_2, name='node-2', resource_class='baremetal',
                      provision_state='active', instance_uuid=INSTANCE_2)
    recorder.send('own-allocation-create', 'POST', own + '/allocations', {
        'name': 'web-1', 'resource_class': 'baremetal',
        'traits': ['CUSTOM_SSD']})
    api.match()
    recorder.send('own-allocation-show', 'GET', own + '/allocations/web-1')
    recorder.send('own-allocations-list', 'GET',
                  own + '/allocations?state=active&limit=1')
    recorder.send('own-allocation-backfill', 'POST', own + '/allocations', {
        'name': 'db-1', 'node': 'node-2'})
    recorder.send('own-allocation-update', 'PATCH',
                  own + '/allocations/web-1', [
                      {'op': 'replace', 'path': '/name', 'value': 'web-2'}])
    recorder.send('own-nodes-list', 'GET', own + '/nodes')
    recorder.send('own-node-show', 'GET', own + '/nodes/node-1')


def _constrain(recorder, api):
    own = '/allocator/v1'
    for name, uuid, traits, memory in (
            ('node-1', NODE_1, ['CUSTOM_SSD'], 393216),
            ('node-2', NODE_2, ['CUSTOM_GPU', 'CUSTOM_SSD'], 131072)):
        fixtures.add_node(
            traits, uuid=uuid, name=name, resource_class='baremetal',
            properties={'cpu_arch': 'x86_64', 'memory_mb': memory,
                        'capabilities': 'boot_mode:uefi'})
    recorder.send(
        'own-allocation-candidates', 'POST', own + '/allocation_candidates',
        {'resource_class': 'baremetal', 'forbidden_traits': ['CUSTOM_GPU'],
         'properties': {'memory_mb': {'>=': 262144}}, 'limit': 10})
    recorder.send('own-allocation-constrained', 'POST', own + '/allocations', {
        'name': 'db-1', 'resource_class': 'baremetal',
        'forbidden_traits': ['CUSTOM_GPU'],
        'any_traits': [['CUSTOM_SSD', 'CUSTOM_NVME']],
        'preferred_traits': [{'trait': 'CUSTOM_NVME', 'weight': 10}],
        'excluded_nodes': ['node-2'],
        'properties': {'memory_mb': {'>=': 262144},
                       'cpu_arch': {'in': ['x86_64']},
                       'capabilities:boot_mode': {'=': 'uefi'}}})


def _look_at_backends(recorder, api):
    api.useFixture(configured.Backend('east', None))
    api.configuration.set('enabled_backends', ['east'])
    for name in ('east', 'west'):
        backends.ensure(name)
    held = backends.hold('east', 'test', 60)
    backends.note_url(held, 'https://east.example.com/baremetal')
    backends.note_look(held, backends.now(), True)
    recorder.send('own-backends-list', 'GET', '/allocator/v1/backends')
    recorder.send('own-backend-show', 'GET', '/allocator/v1/backends/east')


def _keep_nodes(recorder, api):
    recorder.send('node-create', 'POST', '/v1/nodes', {
        'name': 'node-1', 'driver': 'fake-hardware', 'uuid': NODE_1,
        'resource_class': 'baremetal', 'shard': 'rack-1',
        'properties': {'cpu_arch': 'x86_64', 'memory_mb': 65536}})
    node = '/v1/nodes/node-1'
    recorder.send('node-traits-set', 'PUT', node + '/traits', {
        'traits': ['HW_CPU_X86_VMX', 'CUSTOM_SSD']})
    api.put(node + '/traits/CUSTOM_GPU')
    recorder.send('node-traits', 'GET', node + '/traits')
    api.put(node + '/states/provision', {'target': 'manage'})
    recorder.send('node-provision', 'PUT', node + '/states/provision', {
        'target': 'provide'})
    recorder.send('node-power', 'PUT', node + '/states/power', {
        'target': 'power off'})
    recorder.send('node-states', 'GET', node + '/states')
    recorder.send('node-validate', 'GET', node + '/validate')
    api.post('/v1/allocations', {'name': 'web-1',
                                 'resource_class': 'baremetal'})
    api.match()
    recorder.send('node-show', 'GET', node)
    recorder.send('node-update', 'PATCH', node, [
        {'op': 'add', 'path': '/description', 'value': 'by the window'},
        {'op': 'replace', 'path': '/properties/memory_mb', 'value': 131072}])
    recorder.send('node-maintenance', 'PUT', node + '/maintenance', {
        'reason': 'new disk'})
    api.delete(node + '/maintenance')
    recorder.send('nodes-detail', 'GET', '/v1/nodes/detail')
    api.post('/v1/nodes', {'name': 'node-2', 'driver': 'fake-hardware',
                           'uuid': NODE_2})
    recorder.send('nodes-list', 'GET', '/v1/nodes')
    recorder.send('shards-list', 'GET', '/v1/shards')
    recorder.send('node-vif-attach', 'POST', node + '/vifs', {
        'id': '8c1e3f5a-2b7d-4f0e-a7c9-1d5b3e9f7a60'})
    recorder.send('node-vifs', 'GET', node + '/vifs')
    recorder.send('node-vmedia-attach', 'POST', node + '/vmedia', {
        'device_type': 'cdrom', 'image_url': 'https://example.com/cd.iso'})
    recorder.send('node-firmware', 'GET', node + '/firmware')


def _keep_chassis(recorder, api):
    recorder.send('chassis-create', 'POST', '/v1/chassis', {
        'description': 'rack 1'})
    chassis = '/v1/chassis/' + UUIDS[0]
    recorder.send('chassis-list', 'GET', '/v1/chassis')
    recorder.send('chassis-detail', 'GET', '/v1/chassis/detail')
    recorder.send('chassis-show', 'GET', chassis)
    recorder.send('chassis-update', 'PATCH', chassis, [
        {'op': 'replace', 'path': '/description', 'value': 'rack 2'}])
    recorder.send('drivers-list', 'GET', '/v1/drivers')
    recorder.send('driver-show', 'GET', '/v1/drivers/fake-hardware')
    recorder.send('conductors-list', 'GET', '/v1/conductors')
    recorder.send('conductor-show', 'GET', '/v1/conductors/test')


def _wait(recorder, api):
    own = '/allocator/v1'
    fixtures.add_node(uuid=NODE_1, name='node-1', resource_class='baremetal',
                      maintenance=True)
    recorder.send('own-allocation-wait', 'POST', own + '/allocations', {
        'name': 'web-1', 'resource_class': 'baremetal',
        'wait_timeout': 7200, 'priority': -10})
    api.serve()
    recorder.send('own-allocation-waiting', 'GET', own + '/allocations/web-1'
                  '?fields=name,state,waiting,reason,queue_position')


SCENARIOS = (_discover, _allocate, _allocate_by_the_own_api, _constrain,
             _wait, _look_at_backends, _keep_nodes, _keep_chassis)


def record(api, scenario):
    """Play a scenario.

    :param api: fixtures.Api, freshly set up
    :param scenario: one of SCENARIOS
    :returns: dict of texts by the name of the sample
    """
    api.configuration.set('public_endpoint', BASE, group='api')
    recorder = Recorder(api)
    drawn = itertools.cycle(UUIDS)
    with mock.patch('oslo_utils.uuidutils.generate_uuid', autospec=True,
                    side_effect=lambda: next(drawn)):
        scenario(recorder, api)
    return recorder.found


def write():
    """Write all samples."""
    for scenario in SCENARIOS:
        with fixtures.Api() as api:
            for name, document in record(api, scenario).items():
                (api_ref.SAMPLES / name).write_text(document)


if __name__ == '__main__':
    write()
