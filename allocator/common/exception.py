# SPDX-License-Identifier: Apache-2.0
"""The errors of this service: a status code and a sentence with named parts.

The sentence is for the client and says what to change. An error that crosses
the message bus keeps its class (see ``allocator.common.rpc``).
"""

from allocator.common.i18n import _


class AllocatorException(Exception):
    """An error whose message is a template.

    :param message: replaces the whole sentence, template parts included; the
        message bus rebuilds errors in this way.
    :param parts: the named parts of the template.
    """

    code = 500
    template = _('An unknown error occurred.')

    def __init__(self, message=None, **parts):
        self.parts = parts
        super().__init__(message or self.template % parts)


class Invalid(AllocatorException):
    code = 400
    template = _('%(reason)s')


class InvalidUUID(Invalid):
    template = _('Expected a UUID but received %(uuid)s.')


class UnknownCandidates(Invalid):
    template = _('No such candidate nodes: %(nodes)s.')


class UnknownNode(Invalid):
    """A node named in a body or filter does not exist (for this client)."""

    template = _('Node %(node)s could not be found.')


class UnknownChassis(Invalid):
    """A chassis named in a body does not exist."""

    template = _('Chassis %(chassis)s could not be found.')


class PatchError(Invalid):
    template = _("Couldn't apply patch '%(patch)s'. Reason: %(reason)s")


class BackfillMismatch(Invalid):
    template = _('Cannot backfill an allocation for node %(node)s: '
                 '%(reason)s.')


class InvalidStateRequested(Invalid):
    template = _('The requested action "%(action)s" can not be performed on '
                 'node "%(node)s" while it is in state "%(state)s".')


class NodeInMaintenance(Invalid):
    template = _('The %(op)s operation can\'t be performed on node %(node)s '
                 'because it\'s in maintenance mode.')


class NodeRetired(Invalid):
    template = _('Node %(node)s is retired and cannot become available. '
                 'Clear its retired flag first.')


class Forbidden(AllocatorException):
    code = 403
    template = _('Access was denied to the following resource: '
                 '%(resource)s')


class NodeProtected(AllocatorException):
    code = 403
    template = _('Node %(node)s is protected and cannot be undeployed, '
                 'rebuilt or deleted. Clear its protected flag first.')


class NotFound(AllocatorException):
    code = 404
    template = _('The resource could not be found.')


class AllocationNotFound(NotFound):
    template = _('Allocation %(allocation)s could not be found.')


class NodeNotFound(NotFound):
    template = _('Node %(node)s could not be found.')


class ChassisNotFound(NotFound):
    template = _('Chassis %(chassis)s could not be found.')


class DriverNotFound(NotFound):
    template = _('Driver %(driver)s could not be found.')


class ConductorNotFound(NotFound):
    template = _('Conductor %(conductor)s could not be found.')


class TraitNotFound(NotFound):
    template = _("Node %(node)s doesn't have a trait '%(trait)s'.")


class NotAcceptable(AllocatorException):
    code = 406
    template = _('%(reason)s')


class Conflict(AllocatorException):
    code = 409
    template = _('%(reason)s')


class AllocationDuplicateName(Conflict):
    template = _('An allocation with name %(name)s already exists.')


class AllocationAlreadyExists(Conflict):
    template = _('An allocation with UUID %(uuid)s already exists.')


class NodeDuplicateName(Conflict):
    template = _('A node with name %(name)s already exists.')


class NodeAlreadyExists(Conflict):
    template = _('A node with UUID %(uuid)s already exists.')


class NodeChanging(Conflict):
    template = _('Node %(node)s is being changed by others. Try again.')


class NodeOwnerFixed(Conflict):
    template = _('Node %(node)s is allocated, so its owner cannot be '
                 'changed. Delete the allocation first.')


class NodeNotDeletable(Conflict):
    template = _('Node %(node)s cannot be deleted while it is in provision '
                 'state "%(state)s" and not in maintenance.')


class ChassisAlreadyExists(Conflict):
    template = _('A chassis with UUID %(uuid)s already exists.')


class ChassisNotEmpty(Conflict):
    template = _('Chassis %(chassis)s has nodes. Delete them or move them '
                 'to another chassis first.')


class InstanceAssociated(Conflict):
    template = _('Instance %(instance_uuid)s is already associated with a '
                 'node, it cannot be associated with %(node)s too.')


class InstanceUUIDTaken(Conflict):
    template = _('UUID %(uuid)s is the instance UUID of a node already.')


class NodeAssociated(Conflict):
    template = _('Node %(node)s is associated with instance %(instance)s.')


class NodeAllocated(Conflict):
    template = _('Node %(node)s is associated with allocation '
                 '%(allocation)s.')


class NodeInUse(Conflict):
    """The node of an allocation is deployed, so it cannot be released."""

    template = _('Cannot remove instance UUID from node %(node)s: it is in '
                 'provision state "%(state)s" and not in maintenance. '
                 'Undeploy the node first.')


class TemporaryFailure(AllocatorException):
    code = 503
    template = _('%(reason)s')


class NoConductor(TemporaryFailure):
    template = _('No conductor is alive to process the request. Try again '
                 'later.')
