# SPDX-License-Identifier: Apache-2.0
"""What the resources of this API share: its versions and its errors."""

from collections.abc import Generator
from typing import Any
from typing import Self

from keystoneauth1 import adapter
from openstack import exceptions
from openstack import resource
import requests

from allocatorclient import errors
from allocatorclient import microversions


class Resource(resource.Resource):
    """A resource of the allocator API."""

    _max_microversion = microversions.NEWEST

    def _translate_response(self, response: requests.Response,
                            *arguments: Any, **options: Any) -> None:
        errors.raise_for(response)
        super()._translate_response(response, *arguments, **options)

    @classmethod
    def list(cls, session: adapter.Adapter, *arguments: Any,
             **options: Any) -> Generator[Self, None, None]:
        """List resources, page by page.

        :param session: adapter of the service
        :param options: see openstack.resource.Resource.list
        :returns: generator
        :raises: errors.AllocatorError
        """
        try:
            yield from super().list(session, *arguments, **options)
        except exceptions.HttpException as exc:
            errors.raise_for(exc.response)
            raise


class Request(Resource):
    """What an allocation asks for, and a dry run of one."""

    #: The resource class that the node must have.
    resource_class = resource.Body('resource_class')
    #: Traits that the node must have.
    traits = resource.Body('traits', type=list)
    #: UUIDs or names of the nodes to choose from, the preferred one first.
    candidate_nodes = resource.Body('candidate_nodes', type=list)
    #: Name of the allocation.
    name = resource.Body('name')
    #: The project that the allocation is for.
    owner = resource.Body('owner')
    #: Traits that the node must not have. Since version 1.2.
    forbidden_traits = resource.Body('forbidden_traits', type=list)
    #: Lists of traits, of each of which the node has one. Since 1.2.
    any_traits = resource.Body('any_traits', type=list)
    #: Dicts of "trait" and "weight", the heaviest node first. Since 1.2.
    preferred_traits = resource.Body('preferred_traits', type=list)
    #: UUIDs or names of nodes that will not do. Since 1.2.
    excluded_nodes = resource.Body('excluded_nodes', type=list)
    #: Operators and values by name of a property of the node, e.g.
    #: ``{'memory_mb': {'>=': 262144}}``. Since 1.2.
    properties = resource.Body('properties', type=dict)
    #: Anything to store beside it.
    extra = resource.Body('extra', type=dict)
    #: Only to create: UUID or name of a node that is deployed already.
    node = resource.Body('node')
    #: For how many seconds from its creation on it may wait. Since 1.1.
    wait_timeout = resource.Body('wait_timeout', type=int)
    #: -100 to 100; the greatest is served first. Since 1.1.
    priority = resource.Body('priority', type=int)
