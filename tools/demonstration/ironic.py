# SPDX-License-Identifier: Apache-2.0
"""A Bare Metal service (Ironic) as backend: its nodes, and a dry run.

Nothing is changed there.
"""

from demonstration.http import Failure
from demonstration.http import say

NAME = 'ironic'
BACKEND = '/allocator/v1/backends/' + NAME
# Nodes that are shown.
FEW = 3

# What the variables OS_... of the clients are as options of a backend.
_OPTIONS = {name: name for name in (
    'auth_type', 'auth_url', 'username', 'password', 'user_domain_name',
    'user_domain_id', 'project_name', 'project_id', 'project_domain_name',
    'project_domain_id', 'system_scope', 'application_credential_id',
    'application_credential_secret', 'region_name')} | {
        'cacert': 'cafile', 'interface': 'valid_interfaces',
        'endpoint': 'endpoint_override'}


def configuration(url, environ):
    """Write the section of the backend, with the user's own credentials.

    :param url: of the Bare Metal service; '' to find it as clients do
    :param environ: dict of environment variables
    :returns: text for a configuration file
    :raises: Failure if they do not tell where it is
    """
    found = {option: environ['OS_' + name.upper()]
             for name, option in _OPTIONS.items()
             if environ.get('OS_' + name.upper())}
    if url:
        found['endpoint_override'] = url
    if 'auth_url' not in found and 'endpoint_override' not in found:
        raise Failure(
            'Where is the Bare Metal service? Set the variables OS_... that '
            'the command "openstack" reads (OS_AUTH_URL among them, not '
            'OS_CLOUD), or name its URL.')
    found.setdefault('auth_type', _guess_auth_type(found))
    found.setdefault('valid_interfaces', 'public,internal')
    lines = ['[DEFAULT]', 'enabled_backends = ' + NAME, '', '[%s]' % NAME]
    # A dollar would refer to another option.
    lines += ['%s = %s' % (name, value.replace('$', '$$'))
              for name, value in sorted(found.items())]
    return '\n'.join([*lines, ''])


def _guess_auth_type(options):
    if 'auth_url' in options:
        return ('v3applicationcredential'
                if 'application_credential_id' in options else 'password')
    return 'http_basic' if 'username' in options else 'none'


def show(api):
    """Show what the service knows of its nodes, and what it could give.

    :param api: http.API
    """
    say('\n==> Waiting until all nodes of the Bare Metal service are known')
    found = api.wait(BACKEND, lambda backend: backend['status'] == 'up'
                     or backend['last_error'], 'It is still not known')
    if found['status'] != 'up':
        raise Failure('The Bare Metal service cannot be used: %s'
                      % found['last_error'])
    say('\n# What is known of it.')
    api.call('GET', BACKEND, show=True)
    say('\n# Some of its nodes, as the Bare Metal API shows them here, too.')
    api.call('GET', '/v1/nodes?fields=name,resource_class,provision_state'
             '&limit=%d' % FEW, show=True)
    dry_run(api)


def dry_run(api):
    """Ask which nodes of some class would be given."""
    free = api.call('GET', '/v1/nodes?provision_state=available&associated='
                    'false&maintenance=false&fields=resource_class&limit=1')
    if not free['nodes']:
        say('\n# None of them is free at the moment.')
        return
    say('\n# Which one would be given? Nothing is made by asking.')
    api.call('POST', '/allocator/v1/allocation_candidates', {
        'resource_class': free['nodes'][0]['resource_class'], 'limit': FEW},
        show=True)
