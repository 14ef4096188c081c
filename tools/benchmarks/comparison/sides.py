# SPDX-License-Identifier: Apache-2.0
"""A side of the comparison: an installation that runs on its own database."""

import contextlib
import dataclasses
import os

from benchmarks import bench as bench_module
from benchmarks import client
from benchmarks import service
from benchmarks.comparison import databases
from benchmarks.comparison import identity

TENANT_API = 'tenant-api'


@dataclasses.dataclass(frozen=True)
class Setting:
    """What both sides have in common.

    :ivar folder: where configuration and logs go
    :ivar database: SQLAlchemy URL; see databases.database()
    :ivar broker: transport URL
    :ivar api_workers: worker processes of the API
    :ivar conductor_workers: worker processes of each conductor
    :ivar options: list of (section, option, value) to set besides
    """

    folder: str
    database: str
    broker: str
    api_workers: int = 2
    conductor_workers: int = 1
    options: tuple = ()


class Side:
    """One installation, running.

    :param keystone: identity.Identity
    :ivar name: what it is called in the results
    :ivar bench: bench.Bench of it
    """

    def __init__(self, name, bench, keystone):
        self.name = name
        self.bench = bench
        self._keystone = keystone
        self._tenant_endpoint = None

    def connect_as_tenant(self):
        """Open a connection as a member of identity.PROJECT.

        The first time it starts an API that asks for tokens, beside the one
        that does not.

        :returns: client.Client
        """
        if self._tenant_endpoint is None:
            self._tenant_endpoint = self._start_tenant_api()
        return client.Client(self._tenant_endpoint,
                             {'X-Auth-Token': identity.TOKEN})

    def _start_tenant_api(self):
        port = service.free_port()
        self.bench.service.start_beside(TENANT_API, 'allocator-api', {
            'DEFAULT': {'auth_strategy': 'keystone'},
            'api': {'port': port, 'api_workers': 1},
            'keystone_authtoken': self._keystone.options()})
        endpoint = 'http://127.0.0.1:%d' % port
        service.wait_for(lambda: service.answers(endpoint),
                         'the API for tenants answers')
        return endpoint


@contextlib.contextmanager
def running(name, installation, setting, scale, fill=None):
    """Have an installation run.

    :param name: what it is called in the results
    :param installation: installation.Installation
    :param setting: Setting
    :param scale: bench.Scale
    :param fill: function of service.Service and sqlalchemy.Engine that makes
        the schema, and fills it before anything starts
    :returns: context of Side
    """
    folder = os.path.join(setting.folder, name)
    os.makedirs(folder, exist_ok=True)
    with contextlib.ExitStack() as stack:
        url, engine = stack.enter_context(
            databases.database(setting.database, folder))
        process = service.Service(
            folder, url, setting.broker, setting.api_workers,
            setting.conductor_workers, setting.options, installation)
        if fill:
            fill(process, engine)
        else:
            process.make_schema()
        stack.callback(process.close)
        process.start()
        keystone = identity.Identity()
        stack.callback(keystone.close)
        yield Side(name, bench_module.Bench(
            process.endpoint, scale, service=process, engine=engine),
            keystone)
