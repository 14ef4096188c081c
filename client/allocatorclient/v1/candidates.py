# SPDX-License-Identifier: Apache-2.0
"""The dry run: which nodes an allocation would get."""

from openstack import resource

from allocatorclient.v1 import _resource


class Candidates(_resource.Request):
    """The nodes that an allocation could get now, and why not others."""

    base_path = '/allocation_candidates'

    allow_create = True

    #: UUID that the allocation would have; it changes nothing.
    id = resource.Body('uuid', alternate_id=True)
    #: Greatest number of candidates to answer.
    limit = resource.Body('limit', type=int)
    #: Dicts of "node_uuid", "name" and "backend", the first choice first.
    candidates = resource.Body('candidates', type=list)
    #: How many nodes suit, those beyond the limit included.
    total = resource.Body('total', type=int)
    #: How many nodes each condition keeps away.
    eliminated = resource.Body('eliminated', type=dict)
    #: How many allocations wait in its class whose priority is not less,
    #: whatever they ask for; 1,000 for any more.
    waiting = resource.Body('waiting', type=int)
