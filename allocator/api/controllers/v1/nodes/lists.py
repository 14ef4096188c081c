# SPDX-License-Identifier: Apache-2.0
"""Lists of nodes: parameters of the request, read and checked."""

import pecan

from allocator.api import listing
from allocator.api import request
from allocator.api.controllers.v1.nodes import access
from allocator.api.views import node as view
from allocator.common import exception
from allocator.common import policy
from allocator.common import provisioning
from allocator.common.i18n import _
from allocator.db import conductors
from allocator.db import nodes

FAULTS = ('power failure', 'clean failure', 'rescue abort failure',
          'service failure')

# Equal to what the parameter says.
_EQUAL = ('driver', 'resource_class', 'conductor_group', 'owner', 'lessee',
          'instance_name')

FILTERS = (*_EQUAL, 'associated', 'backend', 'chassis_uuid', 'conductor',
           'description_contains', 'detail', 'fault', 'instance_uuid',
           'maintenance', 'project', 'provision_state', 'retired', 'shard',
           'sharded')

SORTABLE = tuple(name for name in view.FIELDS if name in nodes.SORTABLE)


def answer(query, collection, detail, chassis_id=None):
    """Answer a request for a list of nodes.

    :param query: dict of the parameters of the request
    :param collection: path of the list below /v1/
    :param detail: whether the URL itself asks for all fields
    :param chassis_id: id of the chassis whose nodes the URL is about
    :returns: dict
    :raises: Invalid, NotAcceptable, NotFound, Forbidden
    """
    context = pecan.request.context
    policy.authorize('baremetal:node:list', context)
    minor = request.version()
    listing.refuse_unknown(query, listing.PARAMETERS + FILTERS, 'node')
    request.refuse_newer('filters', 'node', query)
    page = listing.page(query, 'node', SORTABLE)
    names = _names(query, detail, minor)
    project = _project(context, query)
    chosen = filters(query)
    if chassis_id is not None:
        chosen['chassis_id'] = chassis_id
    found = nodes.get_page(
        chosen, access.columns(names), sort_key=page.sort_key,
        descending=page.descending, limit=page.limit, marker=page.marker,
        project=project)
    access.redact(found.rows, names)
    if 'conductor' in names:
        hostname = conductors.first_alive()
        for node in found.rows:
            node['conductor'] = hostname
    return view.serialize_page(found, names, query, page.limit, collection)


def _names(query, detail, minor):
    """Choose the fields to show."""
    chosen = listing.fields(query, 'node', view.FIELDS)
    if 'detail' in query:
        if detail:
            raise exception.Invalid(reason=_('Unknown argument: detail.'))
        detail = listing.boolean(query, 'detail')
    if chosen is not None:
        if detail:
            raise exception.Invalid(reason=_(
                "Can't fetch a subset of fields with all details."))
        return view.visible_fields(minor, chosen)
    return view.visible_fields(minor) if detail else view.summary_fields(minor)


def _project(context, query):
    """Tell whose nodes alone the client asks for, or may see.

    :returns: project that owns or leases them; None for the nodes of all
    :raises: Forbidden
    """
    project = query.get('project')
    if policy.is_allowed('baremetal:node:list_all', context):
        return project
    own = context.project_id
    if own is None or project not in (None, own):
        raise exception.Forbidden(resource=_('nodes of another project'))
    return own


def filters(query):
    """Read the filters of a list of nodes.

    :param query: dict of the parameters of the request
    :returns: dict of values by filter, for nodes.get_page()
    :raises: Invalid, InvalidUUID
    """
    return {name: _READERS[name](query, name) if name in _READERS
            else query[name]
            for name in (*_EQUAL, *_READERS, 'backend', 'conductor',
                         'description_contains') if name in query}


def _provision_state(query, name):
    if query[name] not in provisioning.KNOWN_STATES:
        raise exception.Invalid(reason=_(
            'Provision state "%s" is not valid.') % query[name])
    return query[name]


def _shard(query, name):
    return query[name].split(',')


def _fault(query, name):
    if query[name] not in FAULTS:
        raise exception.Invalid(reason=_('Unrecognized fault "%s".')
                                % query[name])
    return query[name]


_READERS = {
    **dict.fromkeys(('associated', 'maintenance', 'retired', 'sharded'),
                    listing.boolean),
    **dict.fromkeys(('chassis_uuid', 'instance_uuid'), listing.uuid),
    'fault': _fault, 'provision_state': _provision_state, 'shard': _shard,
}
