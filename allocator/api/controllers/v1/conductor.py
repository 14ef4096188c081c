# SPDX-License-Identifier: Apache-2.0
"""/v1/conductors"""

import pecan

from allocator.api import listing
from allocator.api import request
from allocator.api import routing
from allocator.api.views import conductor as view
from allocator.common import exception
from allocator.common import policy
from allocator.common.i18n import _
from allocator.db import conductors
from allocator.db import nodes


def _show(row, alive, names):
    drivers = nodes.list_drivers() if 'drivers' in names else None
    return view.serialize(row, alive, drivers, names)


class ConductorsController(routing.Resource):
    """/v1/conductors"""

    resource = 'conductor'

    def child(self, segment):
        return ConductorController(segment)

    @routing.expose()
    def get(self):
        policy.authorize('baremetal:conductor:get', pecan.request.context)
        query = request.query()
        listing.refuse_unknown(query, ('fields', 'detail'))
        names = listing.fields(query, 'conductor', view.FIELDS)
        if 'detail' in query and listing.boolean(query, 'detail'):
            if names is not None:
                raise exception.Invalid(reason=_(
                    "Can't fetch a subset of fields with all details."))
            names = view.FIELDS
        return {'conductors': [_show(row, alive, names or view.SHORT)
                               for row, alive in conductors.list_all()]}


class ConductorController(routing.Resource):
    """/v1/conductors/{hostname}

    :param hostname: name of the conductor
    """

    resource = 'conductor'

    def __init__(self, hostname):
        self._hostname = hostname

    @routing.expose()
    def get(self):
        policy.authorize('baremetal:conductor:get', pecan.request.context)
        query = request.query()
        listing.refuse_unknown(query, ('fields',))
        names = listing.fields(query, 'conductor', view.FIELDS)
        for row, alive in conductors.list_all():
            if row.hostname == self._hostname:
                return _show(row, alive, names or view.FIELDS)
        raise exception.ConductorNotFound(conductor=self._hostname)
