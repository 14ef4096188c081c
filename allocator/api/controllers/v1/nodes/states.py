# SPDX-License-Identifier: Apache-2.0
"""/v1/nodes/{node}/states"""

import pecan
from wsme.types import Unset

from allocator.api import request
from allocator.api import routing
from allocator.api import versions
from allocator.api.controllers.v1.nodes import access
from allocator.api.controllers.v1.nodes import release
from allocator.api.types import node as types
from allocator.api.versions import baremetal
from allocator.api.views import links
from allocator.api.views import node as view
from allocator.common import exception
from allocator.common import provisioning
from allocator.common.i18n import _
from allocator.db import node_changes
from allocator.db import nodes


class StatesController(routing.Resource):
    """/v1/nodes/{node}/states

    :param ident: UUID or name of the node
    """

    resource = 'node'

    def __init__(self, ident):
        self._ident = ident

    def child(self, segment):
        if segment == 'provision':
            return ProvisionController(self._ident)
        if segment == 'power':
            return PowerController(self._ident)
        return None

    @routing.expose()
    def get(self):
        row = access.find(self._ident, 'get_states')
        request.no_query()
        minor = request.version()
        return view.node_states(
            nodes.show(row.uuid, view.state_names(minor)), minor)


def _point_to_states(ident):
    """Tell where the outcome of an accepted request is to be seen."""
    pecan.response.headers['Location'] = links.of(
        'nodes', ident, links.base_url(), '/states')[0]['href']


class ProvisionController(routing.Resource):
    """/v1/nodes/{node}/states/provision

    :param ident: UUID or name of the node
    """

    resource = 'node'

    def __init__(self, ident):
        self._ident = ident

    @routing.expose(status=202)
    def put(self):
        row = access.find(self._ident, 'set_provision_state')
        request.no_query()
        body = request.body(types.Provision, 'provision')
        request.refuse_newer('inputs', 'provision_verb', [body.target])
        if body.target not in provisioning.VERBS:
            raise exception.Invalid(reason=_(
                'The requested provision state "%s" is not one that can be '
                'asked for.') % body.target)
        _check_arguments(body)

        def deed(row):
            with release.notifying(row):
                node_changes.set_provision_state(row.uuid, body.target, row)

        access.carry_out(access.needs('set_provision_state'), row, deed)
        _point_to_states(self._ident)


def _check_arguments(body):
    """Refuse arguments that a verb lacks or does not take.

    :raises: Invalid, NotAcceptable
    """
    verb = provisioning.SYNONYMS.get(body.target, body.target)
    if verb == 'clean' and not (body.clean_steps or body.runbook):
        raise exception.Invalid(reason=_(
            '"clean" needs clean_steps or a runbook.'))
    if verb == 'service' and not (body.service_steps or body.runbook):
        raise exception.Invalid(reason=_(
            '"service" needs service_steps or a runbook.'))
    if verb == 'rescue' and not body.rescue_password:
        raise exception.Invalid(reason=_('"rescue" needs rescue_password.'))
    verbs_of = {'clean_steps': ('clean',), 'service_steps': ('service',),
                'runbook': ('clean', 'service'),
                'rescue_password': ('rescue',),
                'deploy_steps': ('active', 'rebuild'),
                'configdrive': ('active', 'rebuild'),
                'disable_ramdisk': ('clean', 'service')}
    for name, verbs in verbs_of.items():
        if getattr(body, name) and verb not in verbs:
            raise exception.Invalid(reason=_(
                '%(name)s is only for %(verbs)s.') % {
                    'name': name, 'verbs': ', '.join(verbs)})
    _check_configdrive(body.configdrive, verb)
    if (verb == 'service' and body.disable_ramdisk not in (Unset, None)
            and request.version() < baremetal.SERVICE_DISABLE_RAMDISK):
        raise exception.NotAcceptable(reason=_(
            'disable_ramdisk for "service" needs version %s or later.')
            % versions.string(baremetal.SERVICE_DISABLE_RAMDISK))


def _check_configdrive(configdrive, verb):
    if not configdrive:
        return
    minor = request.version()
    if not isinstance(configdrive, (str, dict)):
        raise exception.Invalid(reason=_(
            'configdrive must be a string or an object.'))
    if verb == 'rebuild' and minor < baremetal.REBUILD_CONFIGDRIVE:
        raise exception.Invalid(reason=_(
            'A configdrive for a rebuild needs version %s.')
            % versions.string(baremetal.REBUILD_CONFIGDRIVE))
    if (isinstance(configdrive, dict)
            and minor < baremetal.CONFIGDRIVE_OBJECT):
        raise exception.Invalid(reason=_(
            'A configdrive that is an object needs version %s.')
            % versions.string(baremetal.CONFIGDRIVE_OBJECT))


class PowerController(routing.Resource):
    """/v1/nodes/{node}/states/power

    :param ident: UUID or name of the node
    """

    resource = 'node'

    def __init__(self, ident):
        self._ident = ident

    @routing.expose(status=202)
    def put(self):
        row = access.find(self._ident, 'set_power_state')
        request.no_query()
        body = request.body(types.Power, 'power')
        request.refuse_newer('inputs', 'power_target', [body.target])
        if body.target not in provisioning.POWER_TARGETS:
            raise exception.Invalid(reason=_(
                'The requested power state "%s" is not one that can be '
                'asked for.') % body.target)
        after = provisioning.POWER_TARGETS[body.target]
        change = node_changes.Change({
            'power_state': after, 'target_power_state': None,
            'last_error': None})
        access.carry_out(access.needs('set_power_state'), row, lambda row: (
            node_changes.change(row.uuid, lambda node: change, row)))
        _point_to_states(self._ident)
