# SPDX-License-Identifier: Apache-2.0
"""``conn.allocator``: what can be asked of the service."""

from collections.abc import Generator
from collections.abc import Iterable
import copy
from typing import Any
from typing import Self

from openstack import exceptions
from openstack import proxy
import requests

from allocatorclient import microversions
from allocatorclient.v1 import _resource
from allocatorclient.v1 import _waiting
from allocatorclient.v1 import allocation as _allocation
from allocatorclient.v1 import backend as _backend
from allocatorclient.v1 import candidates as _candidates


def _names(resource_type: type[_resource.Resource],
           fields: Iterable[str]) -> str:
    """Write names of attributes as the service's parameter ``fields``."""
    return ','.join(getattr(getattr(resource_type, name, None), 'name', name)
                    for name in fields)


def _attribute(operation: dict[str, Any]) -> str:
    """Read which attribute an operation of a JSON Patch changes."""
    path = operation.get('path')
    if not isinstance(path, str) or not path.startswith('/'):
        raise exceptions.InvalidRequest(
            'The path %r of a JSON Patch names no attribute: it has to begin '
            'with "/", as in "/extra/ticket"' % (path,))
    return path.split('/')[1]


class Proxy(proxy.Proxy):
    """The API of the allocator, version 1.

    Requests are made in the newest microversion that client and service
    know, unless ``allocator_default_microversion`` in clouds.yaml pins one.
    """

    _resource_registry = {
        'allocation': _allocation.Allocation,
        'backend': _backend.Backend,
    }

    _seconds: float | None = None

    def within(self, seconds: float) -> Self:
        """Get the same client, each of whose requests may take so long.

        :param seconds: for a connection, and again without a byte of the
            answer
        """
        found = copy.copy(self)
        found._seconds = seconds
        return found

    def request(self, url: str, method: str, *arguments: Any,
                **options: Any) -> requests.Response:
        """Send a request; see openstack.proxy.Proxy.request."""
        if self._seconds is not None:
            options.setdefault('timeout', self._seconds)
        return super().request(url, method, *arguments, **options)

    def negotiated_version(self) -> str:
        """Tell in which microversion requests are made, e.g. "1.2"."""
        return microversions.negotiated(self)

    # --- Allocations ---

    def create_allocation(self, **attrs: Any) -> _allocation.Allocation:
        """Ask for a node.

        The answer comes at once, in state "allocating"; see
        wait_for_allocation.

        :param attrs: attributes of
            :class:`~allocatorclient.v1.allocation.Allocation`
        :returns: the allocation
        :raises: :class:`~openstack.exceptions.NotSupported` if the service
            is too old for one of the attributes
        :raises: :class:`~allocatorclient.errors.AllocatorError`
        """
        microversions.require(self, attrs)
        return self._create(_allocation.Allocation, **attrs)

    def allocations(self, *, fields: Iterable[str] | None = None,
                    **query: Any
                    ) -> Generator[_allocation.Allocation, None, None]:
        """List allocations, page by page.

        :param fields: names of the attributes to fetch; "queue_position" is
            fetched only if it is named
        :param query: filters: ``node``, ``resource_class``, ``state``,
            ``owner``, ``backend`` and ``waiting`` (bool); ``sort_key``,
            ``sort_dir``; ``limit``, the length of a page; ``marker``
        :returns: generator of allocations
        :raises: :class:`~allocatorclient.errors.AllocatorError`
        """
        microversions.require(self, {'waiting'} & set(query))
        if fields is not None:
            query['fields'] = _names(_allocation.Allocation, fields)
        if isinstance(query.get('waiting'), bool):
            query['waiting'] = str(query['waiting']).lower()
        return self._list(_allocation.Allocation, **query)

    def get_allocation(self, allocation: str | _allocation.Allocation,
                       fields: Iterable[str] | None = None
                       ) -> _allocation.Allocation:
        """Get an allocation.

        :param allocation: its UUID or name, or an instance
        :param fields: names of the attributes to fetch; "queue_position" is
            fetched only if it is named
        :returns: the allocation
        :raises: :class:`~openstack.exceptions.NotFoundException`
        """
        found = self._get_resource(_allocation.Allocation, allocation)
        query: dict[str, Any] = {} if fields is None else {
            'fields': _names(_allocation.Allocation, fields)}
        return found.fetch(self, **query)

    def find_allocation(self, name_or_id: str, ignore_missing: bool = True
                        ) -> _allocation.Allocation | None:
        """Get an allocation that may not exist.

        :param name_or_id: its UUID or name
        :param ignore_missing: whether to return None for one that does not
        :returns: the allocation, or None
        :raises: :class:`~openstack.exceptions.NotFoundException`
        """
        try:
            return self.get_allocation(name_or_id)
        except exceptions.NotFoundException:
            if ignore_missing:
                return None
            raise

    def update_allocation(self, allocation: str | _allocation.Allocation,
                          **attrs: Any) -> _allocation.Allocation:
        """Change an allocation.

        :param allocation: its UUID or name, or an instance
        :param attrs: new values of ``name``, ``extra``, and, while it waits,
            of ``wait_timeout`` and ``priority``
        :returns: the allocation
        :raises: :class:`~allocatorclient.errors.AllocatorError`
        """
        microversions.require(self, attrs)
        return self._update(_allocation.Allocation, allocation, **attrs)

    def patch_allocation(self, allocation: str | _allocation.Allocation,
                         patch: list[dict[str, Any]]
                         ) -> _allocation.Allocation:
        """Apply a JSON Patch (RFC 6902) to an allocation.

        :param allocation: its UUID or name, or an instance
        :param patch: list of operations, each a dict of "op", "path" and,
            unless it removes something, "value"
        :returns: the allocation
        :raises: :class:`~openstack.exceptions.InvalidRequest` if an operation
            has no path to an attribute
        :raises: :class:`~allocatorclient.errors.AllocatorError`
        """
        microversions.require(self, map(_attribute, patch))
        return self._get_resource(
            _allocation.Allocation, allocation).patch(self, patch)

    def delete_allocation(self, allocation: str | _allocation.Allocation,
                          ignore_missing: bool = True
                          ) -> _allocation.Allocation | None:
        """Give an allocation, and its node, back.

        :param allocation: its UUID or name, or an instance
        :param ignore_missing: whether one that does not exist is no error
        :returns: the allocation, or None if it did not exist
        :raises: :class:`~openstack.exceptions.NotFoundException`
        :raises: :class:`~allocatorclient.errors.Conflict` if its node is in
            use
        """
        return self._delete(_allocation.Allocation, allocation,
                            ignore_missing=ignore_missing)

    def wait_for_allocation(self, allocation: str | _allocation.Allocation,
                            timeout: float | None = None,
                            ignore_error: bool = False,
                            callback: _waiting.Callback | None = None
                            ) -> _allocation.Allocation:
        """Wait until an allocation is active.

        A service that is away meanwhile, or does not answer, is asked again
        for two minutes.

        :param allocation: its UUID or name, or an instance
        :param timeout: seconds to wait; None for any time
        :param ignore_error: whether to return an allocation that has failed
        :param callback: called with the allocation after each look, the last
            one included
        :returns: the allocation
        :raises: :class:`~openstack.exceptions.ResourceFailure` if it failed
        :raises: :class:`~openstack.exceptions.ResourceTimeout`
        :raises: :class:`~openstack.exceptions.NotFoundException` if somebody
            has deleted it
        """
        found = _waiting.wait(
            self, self._get_resource(_allocation.Allocation, allocation),
            timeout, callback)
        if found.state == 'error' and not ignore_error:
            raise exceptions.ResourceFailure(
                'Allocation %s failed: %s' % (found.id, found.last_error))
        return found

    # --- The dry run ---

    def candidates(self, **attrs: Any) -> _candidates.Candidates:
        """Ask which nodes an allocation would get. Since version 1.2.

        Nothing is made, and nothing reserved.

        :param attrs: those of create_allocation, and ``limit``
        :returns: :class:`~allocatorclient.v1.candidates.Candidates`
        :raises: :class:`~openstack.exceptions.NotSupported` if the service
            is too old
        :raises: :class:`~allocatorclient.errors.AllocatorError`
        """
        version = self.negotiated_version()
        if not microversions.has(version, microversions.CONSTRAINTS):
            microversions.raise_too_old(
                'A dry run', microversions.CONSTRAINTS, version)
        return self._create(_candidates.Candidates, **attrs)

    # --- Backends ---

    def backends(self, *, fields: Iterable[str] | None = None
                 ) -> Generator[_backend.Backend, None, None]:
        """List the Bare Metal services whose nodes are handed out.

        :param fields: names of the attributes to fetch
        :returns: generator of :class:`~allocatorclient.v1.backend.Backend`
        :raises: :class:`~allocatorclient.errors.Forbidden`
        """
        query = {} if fields is None else {
            'fields': _names(_backend.Backend, fields)}
        return self._list(_backend.Backend, paginated=False, **query)

    def get_backend(self, backend: str | _backend.Backend
                    ) -> _backend.Backend:
        """Get a backend.

        :param backend: its name, or an instance
        :returns: the backend
        :raises: :class:`~openstack.exceptions.NotFoundException`
        """
        return self._get(_backend.Backend, backend)

    def find_backend(self, name_or_id: str, ignore_missing: bool = True
                     ) -> _backend.Backend | None:
        """Get a backend that may not exist.

        :param name_or_id: its name
        :param ignore_missing: whether to return None for one that does not
        :returns: the backend, or None
        :raises: :class:`~openstack.exceptions.NotFoundException`
        """
        try:
            return self.get_backend(name_or_id)
        except exceptions.NotFoundException:
            if ignore_missing:
                return None
            raise
