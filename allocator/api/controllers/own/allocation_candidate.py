# SPDX-License-Identifier: Apache-2.0
"""/allocator/v1/allocation_candidates: what an allocation would get."""

import pecan
from wsme.types import Unset

from allocator.api import request
from allocator.api import routing
from allocator.api import waiting
from allocator.api.types import allocation_candidate as types
from allocator.api.types import constraints
from allocator.api.views import allocation_candidate as view
from allocator.common import exception
from allocator.common import policy
from allocator.common.i18n import _
from allocator.conf import CONF
from allocator.db import allocation_candidates

_RULE = 'allocator:allocation_candidate:list'


class AllocationCandidatesController(routing.Resource):
    """/allocator/v1/allocation_candidates

    A POST, for its body is that of a create; it changes nothing.
    """

    resource = 'allocation_candidate'

    @routing.expose()
    def post(self):
        context = pecan.request.context
        tenant = _tenant(context)
        request.no_query()
        body = request.body(types.AllocationCandidates, 'allocation')
        owner = _owner(body, tenant)
        if body.node not in (Unset, None):
            raise exception.Invalid(reason=_(
                'Invalid input for node: there is no choice among one node. '
                'Leave it out, or use candidate_nodes.'))
        if body.resource_class in (Unset, None):
            raise exception.Invalid(reason=_(
                'Invalid input for resource_class: it is needed.'))
        priority = waiting.columns(context, body)['priority'] or 0
        return view.serialize(allocation_candidates.find(
            allocation_candidates.Asked(
                resource_class=body.resource_class, name=body.name or None,
                traits=body.traits or [], owner=owner,
                candidate_nodes=body.candidate_nodes or [],
                constraints=constraints.of(body)),
            min(body.limit or CONF.api.max_limit, CONF.api.max_limit),
            tenant, priority))


def _tenant(context):
    """Tell of which project's nodes a client may learn.

    :returns: None for all nodes, or the id of the client's own project
    :raises: Forbidden
    """
    if policy.is_allowed(_RULE, context):
        return None
    policy.authorize(_RULE + '_restricted', context)
    if context.project_id is None:
        raise exception.Forbidden(resource=_RULE)
    return context.project_id


def _owner(body, tenant):
    """Tell whose the allocation would be.

    :raises: Forbidden
    """
    if tenant is None:
        return body.owner or None
    if body.owner not in (Unset, None, tenant):
        raise exception.Forbidden(resource=_(
            'candidates for an allocation of another owner'))
    return tenant
