# SPDX-License-Identifier: Apache-2.0
"""Request bodies of the node API."""

import re

import wsme.types
from wsme.types import wsattr

from allocator.api.types import values
from allocator.common.i18n import _

MAX_DESCRIPTION = 4096

# Host names in the sense of RFC 1123, which node names were once.
_HOST_NAME = re.compile(
    r'(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\Z')

# /v1/nodes/{name} would not reach a node of such a name.
RESERVED_NAMES = ('detail', 'maintenance', 'management', 'ports',
                  'portgroups', 'states', 'validate', 'vendor_passthru',
                  'volume')


def is_host_name(name):
    """Tell whether a name may be that of a host."""
    return _HOST_NAME.match(name) is not None


class NodeName(values.Name):
    """A name that no URL below /v1/nodes has already."""

    name = 'node name'

    def validate(self, value):
        super().validate(value)
        if value in RESERVED_NAMES:
            raise ValueError(_('"%s" is a reserved word') % value)
        return value


MAX_TEXT = 255

_Text = values.String(max_length=MAX_TEXT)
_Interface = values.String(max_length=255, min_length=1)


class NodePatch(wsme.types.Base):
    """What a patched node may look like; null stands for the default."""

    name = wsattr(NodeName())
    driver = wsattr(values.String(max_length=255, min_length=1))
    driver_info = wsattr(values.Object())
    properties = wsattr(values.Object())
    extra = wsattr(values.Object())
    instance_info = wsattr(values.Object())
    network_data = wsattr(values.Object())
    instance_uuid = wsattr(values.UUID())
    instance_name = wsattr(_Text)
    chassis_uuid = wsattr(values.UUID())
    resource_class = wsattr(values.String(
        max_length=values.MAX_RESOURCE_CLASS))
    owner = wsattr(_Text)
    lessee = wsattr(_Text)
    description = wsattr(values.String(max_length=MAX_DESCRIPTION))
    conductor_group = wsattr(_Text)
    shard = wsattr(_Text)
    maintenance = wsattr(values.Boolean())
    retired = wsattr(values.Boolean())
    retired_reason = wsattr(values.String())
    protected = wsattr(values.Boolean())
    protected_reason = wsattr(values.String())
    automated_clean = wsattr(values.Boolean())
    disable_power_off = wsattr(values.Boolean())
    bios_interface = wsattr(_Interface)
    boot_interface = wsattr(_Interface)
    console_interface = wsattr(_Interface)
    deploy_interface = wsattr(_Interface)
    firmware_interface = wsattr(_Interface)
    inspect_interface = wsattr(_Interface)
    management_interface = wsattr(_Interface)
    network_interface = wsattr(_Interface)
    power_interface = wsattr(_Interface)
    raid_interface = wsattr(_Interface)
    rescue_interface = wsattr(_Interface)
    storage_interface = wsattr(_Interface)
    vendor_interface = wsattr(_Interface)


class NodeCreate(NodePatch):
    """Body of POST /v1/nodes.

    null means the same as leaving an attribute out.
    """

    uuid = wsattr(values.UUID())


class Maintenance(wsme.types.Base):
    """Body of PUT /v1/nodes/{node}/maintenance."""

    reason = wsattr(values.String())


class Traits(wsme.types.Base):
    """Body of PUT /v1/nodes/{node}/traits."""

    traits = wsattr(values.Traits, mandatory=True)


class Power(wsme.types.Base):
    """Body of PUT /v1/nodes/{node}/states/power."""

    target = wsattr(values.String(), mandatory=True)
    timeout = wsattr(values.PositiveInteger())


class Steps(wsme.types.UserType):
    """A list of steps, in their order."""

    basetype = list
    name = 'steps'

    def validate(self, value):
        if not isinstance(value, list) or not all(
                isinstance(step, dict) for step in value):
            raise ValueError(_('expected a list of objects'))
        return value


class Provision(wsme.types.Base):
    """Body of PUT /v1/nodes/{node}/states/provision.

    Without hardware the arguments change nothing; they are checked for the
    clients' sake.
    """

    target = wsattr(values.String(), mandatory=True)
    configdrive = wsattr(values.Anything())
    clean_steps = wsattr(Steps())
    deploy_steps = wsattr(Steps())
    service_steps = wsattr(Steps())
    runbook = wsattr(values.String())
    rescue_password = wsattr(values.String())
    disable_ramdisk = wsattr(values.Boolean())
