# SPDX-License-Identifier: Apache-2.0
"""The service as openstacksdk finds it: ``conn.allocator``."""

from typing import Any
from typing import TYPE_CHECKING
import urllib.parse

from openstack import config
from openstack import connection
from openstack import service_description

from allocatorclient.v1 import _proxy

SERVICE_TYPE = 'allocator'

# Only for those who check types: older releases know no parameter.
if TYPE_CHECKING:
    _Description = service_description.ServiceDescription[_proxy.Proxy]
else:
    _Description = service_description.ServiceDescription


def own_endpoint(url: str) -> str:
    """Find this API below a service's URL.

    Without a catalogue there is one URL for all: that of the Bare Metal API
    of the same service, below which this one is.

    :param url: e.g. "http://127.0.0.1:6385"
    """
    parts = urllib.parse.urlsplit(url)
    path = parts.path.rstrip('/').removesuffix('/v1')
    if not path.endswith('/allocator'):
        path += '/allocator'
    return urllib.parse.urlunsplit(parts._replace(path=path))


class AllocatorService(_Description):
    """The allocator service."""

    supported_versions = {'1': _proxy.Proxy}
    service_type = SERVICE_TYPE

    def __init__(self, service_type: str = SERVICE_TYPE,
                 *arguments: Any, **options: Any) -> None:
        super().__init__(service_type, *arguments, **options)

    def _make_proxy(self, instance: Any) -> Any:
        _point_below(instance.config.config)
        return super()._make_proxy(instance)


def _point_below(options: dict[str, Any]) -> None:
    """Where the user names one URL for all services, find this API there.

    :param options: what is known of the cloud
    """
    endpoint = options.get('auth', {}).get('endpoint')
    if endpoint and not options.get('allocator_endpoint_override'):
        options['allocator_endpoint_override'] = own_endpoint(endpoint)


class Connection(connection.Connection):
    """A connection of openstacksdk that knows this service.

    It takes what openstack.connection.Connection takes.
    """

    allocator = AllocatorService()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.config.enable_service(SERVICE_TYPE)


def connect(cloud: str | None = None, **options: Any) -> Connection:
    """Connect to a cloud.

    :param cloud: name in clouds.yaml; by default, what the variables of the
        environment say
    :param options: see openstack.connect
    :returns: Connection, whose ``allocator`` is this service
    """
    return Connection(config=config.get_cloud_region(cloud=cloud, **options))


def register(conn: connection.Connection) -> None:
    """Give a connection of openstacksdk the attribute ``allocator``.

    ``vendor_hook: allocatorclient:register`` in clouds.yaml calls it for
    each connection to a cloud.

    :param conn: openstack.connection.Connection
    """
    conn.add_service(AllocatorService())
