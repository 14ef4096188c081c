# SPDX-License-Identifier: Apache-2.0
"""How the public clients are run against the service under test."""

import json
import os
import subprocess

import fixtures
from keystoneauth1 import noauth
from keystoneauth1 import session as ks_session
import openstack
import requests

from allocator.tests import microversions
from allocator.tests.functional import processes

#: Versions that are pinned: the oldest and the newest, and each that changed
#: something about allocations.
VERSIONS = ('1.1', '1.52', '1.57', '1.58', '1.60', '1.79', '1.91', '1.98',
            microversions.NEWEST, 'latest')
ALLOCATION_VERSIONS = VERSIONS[1:]

#: Seconds that a command may take; a 409 is repeated for 21 seconds.
TIMEOUT = 120


class OpenStackCommand(fixtures.Fixture):
    """The command "openstack baremetal".

    :param endpoint: URL of the service, which is asked without
        authentication; None where the variables say all
    :param variables: dict of environment variables that begin with OS_
    """

    def __init__(self, endpoint=None, variables=None):
        self._variables = variables or {'OS_AUTH_TYPE': 'none',
                                        'OS_ENDPOINT': endpoint}

    def _setUp(self):
        home = self.useFixture(fixtures.TempDir()).path
        self.environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith('OS_')
        } | self._variables | {
            # Versions are remembered there by host and port.
            'XDG_CACHE_HOME': home, 'HOME': home, 'no_proxy': '127.0.0.1'}

    def run(self, *arguments, version=None):
        """Run a command.

        :param arguments: what follows "openstack baremetal"
        :param version: microversion to pin, or None
        :returns: subprocess.CompletedProcess
        """
        pinned = ['--os-baremetal-api-version', version] if version else []
        return subprocess.run(
            [processes.script('openstack'), *pinned, 'baremetal',
             *map(str, arguments)], env=self.environment, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)

    def do(self, *arguments, version=None):
        """Run a command that must succeed.

        :returns: what it writes
        """
        done = self.run(*arguments, version=version)
        assert done.returncode == 0, '%s: %s%s' % (
            arguments, done.stdout, done.stderr)
        return done.stdout

    def get(self, *arguments, version=None):
        """Run a command that writes JSON.

        :returns: dict, or list of dicts; older clients write titles, such as
            "Allocation UUID", where newer ones write "allocation_uuid"
        """
        found = json.loads(self.do(*arguments, '-f', 'json',
                                   version=version))
        return ([_named(row) for row in found] if isinstance(found, list)
                else _named(found))

    def refuse(self, *arguments, version=None):
        """Run a command that must fail.

        :returns: what it complains about
        """
        done = self.run(*arguments, version=version)
        assert done.returncode != 0, '%s: %s' % (arguments, done.stdout)
        return done.stderr


def _named(row):
    return {title.lower().replace(' ', '_'): value
            for title, value in row.items()}


def _http_session():
    session = requests.Session()
    # A proxy is none of this machine's services.
    session.trust_env = False
    return session


def auth_session(endpoint):
    """Make a keystoneauth session without authentication."""
    return ks_session.Session(auth=noauth.NoAuth(endpoint=endpoint),
                              session=_http_session())


def connect(endpoint, version=None):
    """Make an openstacksdk connection.

    :param endpoint: URL of the service
    :param version: microversion to pin, or None
    :returns: openstack.connection.Connection
    """
    options = {'baremetal_default_microversion': version} if version else {}
    return openstack.connect(
        load_yaml_config=False, load_envvars=False, auth_type='none',
        auth={'endpoint': endpoint}, baremetal_endpoint_override=endpoint,
        # A refusal is final; the client would repeat it for 15 seconds.
        baremetal_status_code_retries=0, **options)
