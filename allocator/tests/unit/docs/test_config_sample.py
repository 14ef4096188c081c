# SPDX-License-Identifier: Apache-2.0
"""The sample configuration shows what the processes know, and as they do."""

import json
import re
import subprocess
import sys
import tempfile

import testtools

from allocator.common import rpc
from allocator.tests.unit.docs import checkout

GENERATOR = checkout.ROOT / 'tools/config/allocator-config-generator.conf'

# As the generator does it, but with values instead of text.
LIST_SAMPLE = '''
import json, sys
from importlib import metadata

namespaces = sys.argv[1].split(',')

def entries(group):
    return [entry for name in namespaces
            for entry in metadata.entry_points(group=group, name=name)]

for entry in entries('oslo.config.opts.defaults'):
    entry.load()()
found = {}
for entry in entries('oslo.config.opts'):
    for group, options in entry.load()():
        name = str(getattr(group, 'name', group) or 'DEFAULT')
        for option in options:
            found[name + '.' + option.dest] = repr(option.default)
print(json.dumps(found))
'''

# Sets up what allocator-api and allocator-conductor do before they serve.
LIST_REGISTERED = '''
import json, sys
from allocator.common import service
service.prepare(['test', '--config-file', sys.argv[1]],
                auth_strategy='keystone')
import oslo_messaging
from allocator.api import app
from allocator.common import rpc
from allocator.conductor import rpcapi
from allocator.conductor import service as conductor
from allocator.conf import CONF
from allocator.conf import backend
from keystoneauth1 import loading
backend.backends(CONF)
for kind in ('password', 'http_basic', 'none'):
    CONF.register_opts(loading.get_auth_plugin_conf_options(kind), 'backend')
app.require_configuration()
app.setup_app()
rpcapi.ConductorAPI()
rpc.get_server(oslo_messaging.Target(topic='test', server='test'),
               [conductor.ConductorService().manager])
found = {}
groups = {'DEFAULT': CONF._opts}
groups.update((name, group._opts) for name, group in CONF._groups.items())
for group, options in groups.items():
    for name, info in options.items():
        found[group + '.' + name] = repr(
            info.get('default', info['opt'].default))
print(json.dumps(found))
'''

# What an operator may choose brings options of its own.
CONFIGURATION = '''
[DEFAULT]
transport_url = rabbit://nobody:nothing@127.0.0.1:1/
enabled_backends = backend
[database]
connection = sqlite://
[healthcheck]
backends = allocator_database,%s
[keystone_authtoken]
auth_type = password
auth_url = http://127.0.0.1:1/v3
username = nobody
password = nothing
www_authenticate_uri = http://127.0.0.1:1/v3
'''

# Backends that exclude each other.
HEALTHCHECKS = ('disable_by_file,disable_by_files_ports', 'enable_by_files')

# Chosen by each command for itself.
OWN_DEFAULTS = {'DEFAULT.auth_strategy'}


def run_code(code, *arguments):
    """Run code in a process in which nothing is registered yet.

    :returns: what it prints as JSON
    """
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code, *arguments],
        capture_output=True, text=True, timeout=300, cwd=checkout.ROOT)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def list_sample():
    """Read what the generator shows.

    :returns: dict of defaults by "group.name"
    """
    return run_code(LIST_SAMPLE, ','.join(re.findall(
        '^namespace = (.+)$', GENERATOR.read_text(), re.MULTILINE)))


def list_registered():
    """Read what the processes register.

    :returns: dict of defaults by "group.name"
    """
    found = {}
    for backends in HEALTHCHECKS:
        with tempfile.NamedTemporaryFile('w', suffix='.conf') as file:
            file.write(CONFIGURATION % backends)
            file.flush()
            found |= run_code(LIST_REGISTERED, file.name)
    return found


class ConfigSampleTests(testtools.TestCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sample = list_sample()
        cls.registered = list_registered()

    def test_options_that_nothing_registers_are_not_offered(self):
        """Once, there was a backdoor_port that opened none."""
        self.assertEqual(set(), set(self.sample).difference(self.registered))

    def test_defaults_are_those_of_the_processes(self):
        """Once, control_exchange, backends and others were the libraries'."""
        self.assertEqual({}, {
            name: (shown, self.registered[name])
            for name, shown in self.sample.items()
            if name in self.registered and shown != self.registered[name]
            and name not in OWN_DEFAULTS})

    def test_defaults_that_the_guide_names_are_in_force(self):
        """Once, they were set in copies of oslo.messaging's options."""
        text = (checkout.DOC / 'admin' / 'tuning.rst').read_text()
        for name, value in rpc.RABBIT_DEFAULTS.items():
            self.assertRegex(text, r'``%s`` to\s+%s\b' % (name, value))
            self.assertEqual(repr(value), self.registered[
                'oslo_messaging_rabbit.' + name])

    def test_own_options_are_offered(self):
        self.assertLessEqual(
            {'DEFAULT.host', 'api.port', 'conductor.workers',
             'database.connection', 'oslo_messaging_rabbit.ssl'},
            set(self.sample))
        self.assertLess(150, len(self.sample))
