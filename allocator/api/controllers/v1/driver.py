# SPDX-License-Identifier: Apache-2.0
"""/v1/drivers

A node may have any driver, none is ever loaded. Those that nodes have are
listed, and one for the nodes of tests.
"""

import pecan

from allocator.api import listing
from allocator.api import request
from allocator.api import routing
from allocator.api.views import driver as view
from allocator.common import exception
from allocator.common import policy
from allocator.common.i18n import _
from allocator.db import conductors
from allocator.db import nodes

ALWAYS_THERE = 'fake-hardware'


def _names():
    return sorted({ALWAYS_THERE, *nodes.list_drivers()})


def _hosts():
    return [row.hostname for row, alive in conductors.list_all() if alive]


class DriversController(routing.Resource):
    """/v1/drivers"""

    resource = 'driver'

    def child(self, segment):
        return DriverController(segment)

    @routing.expose()
    def get(self):
        policy.authorize('baremetal:driver:get', pecan.request.context)
        query = request.query()
        listing.refuse_unknown(query, ('detail', 'type', 'fields'))
        request.refuse_newer('filters', 'driver', query)
        names = listing.fields(query, 'driver', view.FIELDS)
        if 'detail' in query and listing.boolean(query, 'detail'):
            if names is not None:
                raise exception.Invalid(reason=_(
                    "Can't fetch a subset of fields with all details."))
            names = view.FIELDS
        if query.get('type', 'dynamic') not in ('classic', 'dynamic'):
            raise exception.Invalid(reason=_(
                'type must be "classic" or "dynamic".'))
        found = _names() if query.get('type') != 'classic' else []
        hosts, minor = _hosts(), request.version()
        return {'drivers': [
            view.serialize(name, hosts, names or view.SHORT, minor)
            for name in found]}


class DriverController(routing.Resource):
    """/v1/drivers/{driver}

    :param name: name of the driver
    """

    resource = 'driver'

    def __init__(self, name):
        self._name = name

    def child(self, segment):
        if segment == 'properties':
            return DriverPropertiesController(self._name)
        return None

    @routing.expose()
    def get(self):
        policy.authorize('baremetal:driver:get', pecan.request.context)
        query = request.query()
        listing.refuse_unknown(query, ('fields',))
        request.refuse_newer('filters', 'driver', query)
        names = listing.fields(query, 'driver', view.FIELDS)
        check(self._name)
        return view.serialize(self._name, _hosts(), names or view.FIELDS,
                        request.version())


class DriverPropertiesController(routing.Resource):
    """/v1/drivers/{driver}/properties

    :param name: name of the driver
    """

    resource = 'driver'

    def __init__(self, name):
        self._name = name

    @routing.expose()
    def get(self):
        policy.authorize('baremetal:driver:get_properties',
                         pecan.request.context)
        request.no_query()
        check(self._name)
        return {}


def check(name):
    """Refuse a driver that no node has.

    :raises: DriverNotFound
    """
    if name not in _names():
        raise exception.DriverNotFound(driver=name)
