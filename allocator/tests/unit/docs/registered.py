# SPDX-License-Identifier: Apache-2.0
"""Which options the processes register, asked of a process of its own."""

import json
import subprocess
import sys
import tempfile

from allocator.tests.unit.docs import checkout

# Sets up what allocator-api and allocator-conductor do before they serve.
REGISTER = '''
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
groups = {'DEFAULT': CONF._opts}
groups.update((name, group._opts) for name, group in CONF._groups.items())
'''

LIST_DEFAULTS = REGISTER + '''
print(json.dumps({
    group + '.' + name: repr(info.get('default', info['opt'].default))
    for group, options in groups.items() for name, info in options.items()}))
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


def run_code(code, *arguments):
    """Run code in a process in which nothing is registered yet.

    :returns: what it prints as JSON
    """
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code, *arguments],
        capture_output=True, text=True, timeout=300, cwd=checkout.ROOT)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def run_registered(code, *arguments, healthchecks=HEALTHCHECKS[0]):
    """Run code that goes on from REGISTER.

    :param healthchecks: those of HEALTHCHECKS that are configured
    :returns: what it prints as JSON
    """
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as file:
        file.write(CONFIGURATION % healthchecks)
        file.flush()
        return run_code(code, file.name, *arguments)


def defaults():
    """Read what the processes register.

    :returns: dict of defaults by "group.name"
    """
    found = {}
    for healthchecks in HEALTHCHECKS:
        found |= run_registered(LIST_DEFAULTS, healthchecks=healthchecks)
    return found
