# SPDX-License-Identifier: Apache-2.0
"""Who is who: the check strings that the rules are made of.

Roles imply one another in Keystone (admin, manager, member, reader), so a
rule names the least role that it asks for. The role "service" implies none:
in a project it has the rights of a member.
"""

SYSTEM_ADMIN = 'role:admin and system_scope:all'
SYSTEM_MEMBER = 'role:member and system_scope:all'
SYSTEM_READER = 'role:reader and system_scope:all'

# Other services that act for everybody, as the system does: with a token for
# the system, or, where [DEFAULT] rbac_service_role_elevated_access says so,
# with one for the services' project. Whoever manages some project could give
# the role there, so the role alone opens nothing more. The policy target
# holds the project's name only where the access is granted.
SERVICE = ('(role:service and system_scope:all) or '
           '(role:service and project_name:%(service_project_name)s and '
           'project_domain_id:%(service_project_domain_id)s)')

# Anybody with a project, for rules about what that project owns.
PROJECT_ADMIN = 'role:admin'
PROJECT_MEMBER = 'role:member or role:service'
PROJECT_READER = 'role:reader or role:service'

_NODE_OWNER = 'project_id:%(node.owner)s'
_NODE_LESSEE = 'project_id:%(node.lessee)s'
_ALLOCATION_OWNER = 'project_id:%(allocation.owner)s'

# Of the project that owns a node, and of the one that leases it.
OWNER_ADMIN = 'role:admin and ' + _NODE_OWNER
OWNER_MANAGER = 'role:manager and ' + _NODE_OWNER
OWNER_MEMBER = '(%s) and %s' % (PROJECT_MEMBER, _NODE_OWNER)
OWNER_READER = '(%s) and %s' % (PROJECT_READER, _NODE_OWNER)
LESSEE_ADMIN = 'role:admin and ' + _NODE_LESSEE
LESSEE_MANAGER = 'role:manager and ' + _NODE_LESSEE
LESSEE_MEMBER = '(%s) and %s' % (PROJECT_MEMBER, _NODE_LESSEE)
LESSEE_READER = '(%s) and %s' % (PROJECT_READER, _NODE_LESSEE)

# Of the project that owns an allocation.
ALLOCATION_MEMBER = '(%s) and %s' % (PROJECT_MEMBER, _ALLOCATION_OWNER)
ALLOCATION_READER = '(%s) and %s' % (PROJECT_READER, _ALLOCATION_OWNER)


def any_of(*checks):
    """Join check strings: one of them must hold."""
    return ' or '.join('(%s)' % check for check in checks)
