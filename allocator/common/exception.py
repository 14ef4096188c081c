# SPDX-License-Identifier: Apache-2.0
"""The errors of this service: codes and a sentence with named parts.

The sentence is for the client and says what to change. ``code`` is the HTTP
status code; by ``error_code`` clients of the own API tell errors apart: it is
that of one class alone and never changes.
"""

from allocator.common.i18n import _


class AllocatorException(Exception):
    """An error whose message is a template.

    :param parts: the named parts of the template.
    :ivar parts: dict of those
    """

    code = 500
    #: Where the answer is, for a code that sends the client elsewhere.
    location: str | None = None
    error_code = 'allocator.undefined_code'
    template = _('An unknown error occurred.')

    def __init__(self, **parts):
        super().__init__(self.template % parts)
        self.parts = parts


class Invalid(AllocatorException):
    code = 400
    error_code = 'allocator.invalid'
    template = _('%(reason)s')


class InvalidUUID(Invalid):
    error_code = 'allocator.invalid_uuid'
    template = _('Expected a UUID but received %(uuid)s.')


class UnknownCandidates(Invalid):
    error_code = 'allocator.candidate_nodes.unknown'
    template = _('No such candidate nodes: %(nodes)s.')

    def __init__(self, nodes):
        super().__init__(nodes=nodes)
        self.nodes = nodes


class UnknownExcluded(Invalid):
    error_code = 'allocator.excluded_nodes.unknown'
    template = _('No such nodes to exclude: %(nodes)s. Leave them out.')


class AllExcluded(Invalid):
    error_code = 'allocator.excluded_nodes.all'
    template = _('Every candidate node is in excluded_nodes, too. Name '
                 'another candidate, or exclude fewer nodes.')


class NodeAmbiguous(Invalid):
    """Nodes of different backends may have the same name."""

    error_code = 'allocator.node.ambiguous'
    template = _('More than one node is named %(node)s. Use the UUID.')


class UnknownNode(Invalid):
    """A node named in a body or filter does not exist (for this client)."""

    error_code = 'allocator.node.unknown'
    template = _('Node %(node)s could not be found.')


class UnknownChassis(Invalid):
    """A chassis named in a body does not exist."""

    error_code = 'allocator.chassis.unknown'
    template = _('Chassis %(chassis)s could not be found.')


class PatchError(Invalid):
    error_code = 'allocator.patch.invalid'
    template = _("Couldn't apply the patch at path '%(path)s': %(reason)s.")


class WaitTooLong(Invalid):
    error_code = 'allocator.wait_timeout.too_long'
    template = _('Invalid input for wait_timeout: an allocation may wait for '
                 '%(most)d seconds at most.')


class BackfillMismatch(Invalid):
    error_code = 'allocator.backfill.mismatch'
    template = _('Cannot backfill an allocation for node %(node)s: '
                 '%(reason)s.')


class InvalidStateRequested(Invalid):
    error_code = 'allocator.node.invalid_state'
    template = _('The requested action "%(action)s" can not be performed on '
                 'node "%(node)s" while it is in state "%(state)s".')


class NodeInMaintenance(Invalid):
    error_code = 'allocator.node.in_maintenance'
    template = _('The %(op)s operation can\'t be performed on node %(node)s '
                 'because it\'s in maintenance mode.')


class NodeRetired(Invalid):
    error_code = 'allocator.node.retired'
    template = _('Node %(node)s is retired and cannot become available. '
                 'Clear its retired flag first.')


class Forbidden(AllocatorException):
    code = 403
    error_code = 'allocator.forbidden'
    template = _('Access was denied to the following resource: '
                 '%(resource)s')


class Unscoped(Forbidden):
    error_code = 'allocator.token.unscoped'
    template = _('The token is scoped to neither a project nor the system. '
                 'Ask the Identity service for one that is.')


class NodeProtected(AllocatorException):
    code = 403
    error_code = 'allocator.node.protected'
    template = _('Node %(node)s is protected and cannot be undeployed, '
                 'rebuilt or deleted. Clear its protected flag first.')


class NotFound(AllocatorException):
    code = 404
    error_code = 'allocator.not_found'
    template = _('The resource could not be found.')


class AllocationNotFound(NotFound):
    error_code = 'allocator.allocation.not_found'
    template = _('Allocation %(allocation)s could not be found.')


class NodeNotFound(NotFound):
    error_code = 'allocator.node.not_found'
    template = _('Node %(node)s could not be found.')


class ChassisNotFound(NotFound):
    error_code = 'allocator.chassis.not_found'
    template = _('Chassis %(chassis)s could not be found.')


class BackendNotFound(NotFound):
    error_code = 'allocator.backend.not_found'
    template = _('Backend %(backend)s could not be found.')


class DriverNotFound(NotFound):
    error_code = 'allocator.driver.not_found'
    template = _('Driver %(driver)s could not be found.')


class ConductorNotFound(NotFound):
    error_code = 'allocator.conductor.not_found'
    template = _('Conductor %(conductor)s could not be found.')


class TraitNotFound(NotFound):
    error_code = 'allocator.trait.not_found'
    template = _("Node %(node)s doesn't have a trait '%(trait)s'.")


class NotAcceptable(AllocatorException):
    code = 406
    error_code = 'allocator.not_acceptable'
    template = _('%(reason)s')


class Conflict(AllocatorException):
    code = 409
    error_code = 'allocator.conflict'
    template = _('%(reason)s')


class AllocationDuplicateName(Conflict):
    error_code = 'allocator.allocation.duplicate_name'
    template = _('An allocation with name %(name)s already exists.')


class AllocationAlreadyExists(Conflict):
    error_code = 'allocator.allocation.already_exists'
    template = _('An allocation with UUID %(uuid)s already exists.')


class NotWaiting(Conflict):
    error_code = 'allocator.allocation.not_waiting'
    template = _('Allocation %(allocation)s does not wait for a node: '
                 'wait_timeout and priority cannot be changed any more.')


class NodeDuplicateName(Conflict):
    error_code = 'allocator.node.duplicate_name'
    template = _('A node with name %(name)s already exists.')


class NodeAlreadyExists(Conflict):
    error_code = 'allocator.node.already_exists'
    template = _('A node with UUID %(uuid)s already exists.')


class NodeChanging(Conflict):
    error_code = 'allocator.node.changing'
    template = _('Node %(node)s is being changed by others. Try again.')


class RightsOutdated(Conflict):
    """What a client's rights were found on was changed before the lock."""

    error_code = 'allocator.node.rights_outdated'
    template = _('Node %(node)s has got another owner, lessee or state '
                 'meanwhile. Try again.')


class NodeOwnerFixed(Conflict):
    error_code = 'allocator.node.owner_fixed'
    template = _('Node %(node)s is allocated, so its owner cannot be '
                 'changed. Delete the allocation first.')


class NodeResourceClassFixed(Conflict):
    error_code = 'allocator.node.resource_class_fixed'
    template = _('Node %(node)s is in provision state "%(state)s", so its '
                 'resource class "%(resource_class)s" cannot be changed. '
                 'Undeploy it first.')


class NodeNotDeletable(Conflict):
    error_code = 'allocator.node.not_deletable'
    template = _('Node %(node)s cannot be deleted while it is in provision '
                 'state "%(state)s" and not in maintenance.')


class ChassisAlreadyExists(Conflict):
    error_code = 'allocator.chassis.already_exists'
    template = _('A chassis with UUID %(uuid)s already exists.')


class ChassisNotEmpty(Conflict):
    error_code = 'allocator.chassis.not_empty'
    template = _('Chassis %(chassis)s has nodes. Delete them or move them '
                 'to another chassis first.')


class InstanceAssociated(Conflict):
    error_code = 'allocator.instance.associated'
    template = _('Instance %(instance_uuid)s is already associated with a '
                 'node, it cannot be associated with %(node)s too.')


class InstanceUUIDTaken(Conflict):
    error_code = 'allocator.instance.uuid_taken'
    template = _('UUID %(uuid)s is the instance UUID of a node already.')


class NodeAssociated(Conflict):
    error_code = 'allocator.node.associated'
    template = _('Node %(node)s is associated with instance %(instance)s.')


class NodeAllocated(Conflict):
    error_code = 'allocator.node.allocated'
    template = _('Node %(node)s is associated with allocation '
                 '%(allocation)s.')


class ReleaseRefused(Conflict):
    error_code = 'allocator.backend.release_refused'
    template = _('The Bare Metal service that has the node refused to '
                 'release it: %(reason)s')


class BackendRemoved(Conflict):
    """Nobody writes to the backend of a node any more."""

    error_code = 'allocator.backend.removed'
    template = _('Node %(node)s is of backend %(backend)s, which is not '
                 'configured any more, so what was asked for cannot be '
                 'carried out there. An administrator can configure the '
                 'backend again, or remove it.')


class NodeInUse(Conflict):
    """The node of an allocation is deployed, so it cannot be released."""

    error_code = 'allocator.node.in_use'
    template = _('Cannot remove instance UUID from node %(node)s: it is in '
                 'provision state "%(state)s" and not in maintenance. '
                 'Undeploy the node first.')


class TemporaryFailure(AllocatorException):
    code = 503
    error_code = 'allocator.unavailable'
    template = _('%(reason)s')


class BackendSilent(TemporaryFailure):
    error_code = 'allocator.backend.silent'
    template = _('Backend %(backend)s has not answered in time. What was '
                 'asked for may still be carried out. Try again later.')


class NoConductor(TemporaryFailure):
    error_code = 'allocator.conductor.none_alive'
    template = _('No conductor is alive to process the request. Try again '
                 'later.')


class ConductorsTooOld(TemporaryFailure):
    error_code = 'allocator.conductor.too_old'
    template = _('A conductor of an older release is alive, which does not '
                 'know all that is asked for. Try again after the upgrade, '
                 'or leave out what later versions than 1.0 have brought.')
