# SPDX-License-Identifier: Apache-2.0
"""Options of the [DEFAULT] group."""

import socket

from oslo_config import cfg

opts = [
    cfg.HostAddressOpt(
        'host',
        default=socket.gethostname(),
        sample_default='localhost',
        help='Name of this conductor. It must be unique among the '
             'conductors that share a database: it is the key of the '
             'heartbeat row and the server name on the message bus.'),
    cfg.StrOpt(
        'auth_strategy',
        choices=[
            ('keystone', 'Tokens of the Identity service'),
            ('http_basic', 'HTTP basic authentication with the users of '
                           '[DEFAULT] http_basic_auth_user_file'),
            ('noauth', 'No authentication: everybody is administrator'),
        ],
        help='How clients of the API are authenticated. Unless set, '
             'allocator-api asks for Keystone tokens, and the single '
             'process "allocator" lets everybody in.'),
    cfg.IntOpt(
        'graceful_shutdown_timeout',
        default=60,
        min=1,
        help='Seconds that a stopping process may take to finish what it '
             'has begun.'),
    cfg.StrOpt(
        'http_basic_auth_user_file',
        default='/etc/allocator/htpasswd',
        help='File of users with bcrypt passwords in the Apache htpasswd '
             'format ("htpasswd -B"), for auth_strategy = http_basic. Each '
             'of these users is administrator.'),
    cfg.BoolOpt(
        'rbac_service_role_elevated_access',
        default=False,
        help='Let users with the role "service" in the project of '
             'rbac_service_project_name do what a member of the system may. '
             'In every other project, and here unless this is set, the role '
             'gives the rights of a member of the project.'),
    cfg.StrOpt(
        'rbac_service_project_name',
        default='service',
        help='Name of the project of the other services\' users, for '
             'rbac_service_role_elevated_access.'),
    cfg.StrOpt(
        'rbac_service_project_domain_id',
        default='default',
        help='ID of the domain of that project. Other domains may have '
             'projects of the same name.'),
]


def register_opts(conf):
    conf.register_opts(opts)


def list_opts():
    return {'DEFAULT': opts}
