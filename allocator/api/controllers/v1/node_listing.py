# SPDX-License-Identifier: Apache-2.0
"""Lists of nodes: parameters of the request, conditions of the query."""

from oslo_utils import uuidutils
import pecan
import sqlalchemy as sa

from allocator.api import listing
from allocator.api import request
from allocator.api.controllers.v1 import node_access
from allocator.api.types import values
from allocator.api.views import node as view
from allocator.common import exception
from allocator.common import policy
from allocator.common import provisioning
from allocator.common.i18n import _
from allocator.db import chassis
from allocator.db import conductors
from allocator.db import models
from allocator.db import nodes

_node = models.Node.__table__

FAULTS = ('power failure', 'clean failure', 'rescue abort failure',
          'service failure')

# Equal to what the parameter says.
_EQUAL = ('driver', 'resource_class', 'conductor_group', 'owner', 'lessee',
          'instance_name')

FILTERS = (*_EQUAL, 'associated', 'chassis_uuid', 'conductor',
           'description_contains', 'detail', 'fault', 'instance_uuid',
           'maintenance', 'project', 'provision_state', 'retired', 'shard',
           'sharded')

SORTABLE = tuple(
    name for name in view.FIELDS if name in _node.c
    and not isinstance(_node.c[name].type, type(_node.c.extra.type)))


def answer(query, collection, detail, conditions=()):
    """Answer a request for a list of nodes.

    :param query: dict of the parameters of the request
    :param collection: path of the list below /v1/
    :param detail: whether the URL itself asks for all fields
    :param conditions: SQL conditions that the URL itself makes
    :returns: dict
    :raises: Invalid, NotAcceptable, NotFound, Forbidden
    """
    context = pecan.request.context
    policy.authorize('baremetal:node:list', context)
    minor = request.version()
    listing.refuse_unknown(query, listing.PARAMETERS + FILTERS)
    request.refuse_newer('filters', 'node', query)
    page = listing.page(query, 'node', SORTABLE)
    names = _names(query, detail, minor)
    visible = _visible(context, query)
    found = nodes.get_page(
        [*conditions, *_conditions(query)], node_access.columns(names),
        sort_key=page.sort_key, descending=page.descending, limit=page.limit,
        marker=page.marker, visible=visible)
    node_access.redact(found, names)
    if 'conductor' in names:
        hostname = conductors.first_alive()
        for node in found:
            node['conductor'] = hostname
    return view.many(found, names, minor, query, page.limit, collection)


def _names(query, detail, minor):
    """Choose the fields to show."""
    chosen = listing.fields(query, 'node', view.FIELDS)
    if 'detail' in query:
        if detail:
            raise exception.Invalid(reason=_('Unknown argument: detail.'))
        detail = boolean(query, 'detail')
    if chosen is not None:
        if detail:
            raise exception.Invalid(reason=_(
                "Can't fetch a subset of fields with all details."))
        return view.shown(minor, chosen)
    return view.shown(minor) if detail else view.summary(minor)


def boolean(query, name):
    """Read a boolean parameter.

    :raises: Invalid
    """
    try:
        return values.Boolean().validate(query[name])
    except ValueError as exc:
        raise exception.Invalid(reason=_(
            'Invalid value for %(name)s: %(reason)s.') % {
                'name': name, 'reason': exc}) from None


def uuid(query, name):
    """Read a parameter that is a UUID.

    :raises: InvalidUUID
    """
    if not uuidutils.is_uuid_like(query[name]):
        raise exception.InvalidUUID(uuid=query[name])
    return values.canonical_uuid(query[name])


def _visible(context, query):
    """List the conditions that the client's rights make.

    :raises: Forbidden
    """
    project = query.get('project')
    if not policy.is_allowed('baremetal:node:list_all', context):
        own = context.project_id
        if own is None or project not in (None, own):
            raise exception.Forbidden(resource=_(
                'nodes of another project'))
        project = own
    return [] if project is None else [nodes.owned_or_leased(project)]


def _conditions(query):
    """Turn the filters into SQL conditions.

    :raises: Invalid, InvalidUUID, ChassisNotFound
    """
    found = [_node.c[name] == query[name] for name in _EQUAL if name in query]
    for name in ('maintenance', 'retired'):
        if name in query:
            found.append(_node.c[name] == boolean(query, name))
    for name, column in (('associated', _node.c.instance_uuid),
                         ('sharded', _node.c.shard)):
        if name in query:
            found.append(column.is_not(None) if boolean(query, name)
                         else column.is_(None))
    readers = {'provision_state': _provision_state, 'shard': _shard,
               'chassis_uuid': _chassis, 'instance_uuid': _instance,
               'description_contains': _description,
               'conductor': _conductor, 'fault': _fault}
    found += [reader(query) for name, reader in readers.items()
              if name in query]
    return found


def _provision_state(query):
    state = query['provision_state']
    if state not in provisioning.KNOWN_STATES:
        raise exception.Invalid(reason=_(
            'Provision state "%s" is not valid.') % state)
    return _node.c.provision_state == state


def _shard(query):
    return _node.c.shard.in_(query['shard'].split(','))


def _chassis(query):
    return _node.c.chassis_id == chassis.get(uuid(query, 'chassis_uuid')).id


def _instance(query):
    return _node.c.instance_uuid == uuid(query, 'instance_uuid')


def _description(query):
    return _node.c.description.icontains(query['description_contains'],
                                         autoescape=True)


def _conductor(query):
    return (sa.true() if query['conductor'] == conductors.first_alive()
            else sa.false())


def _fault(query):
    if query['fault'] not in FAULTS:
        raise exception.Invalid(reason=_('Unrecognized fault "%s".')
                                % query['fault'])
    # Without hardware no node ever has one.
    return sa.false()
