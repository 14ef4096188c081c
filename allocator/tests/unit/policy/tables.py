# SPDX-License-Identifier: Apache-2.0
"""Reads the tables of personas and requests."""

import dataclasses
import os
import re

import yaml

from allocator.tests.unit.policy import world

_HERE = os.path.dirname(__file__)

# Personas that are not named for a request.
REST = 'rest'

# Refused everywhere behind authentication.
NOBODY = 'nobody'


def _read(name):
    with open(os.path.join(_HERE, name + '.yaml')) as stream:
        return yaml.safe_load(stream)


def _headers(token):
    """Write the headers that auth_token makes of a token."""
    found = {'X-Identity-Status': 'Confirmed', 'X-User-Id': 'somebody',
             'X-Roles': ','.join(token['roles'])}
    if token.get('system'):
        found['OpenStack-System-Scope'] = 'all'
    if 'project' in token:
        found['X-Project-Id'] = token['project']
        found['X-Project-Name'] = token.get('name', token['project'])
        found['X-Project-Domain-Id'] = token.get('domain', 'default')
    if 'of_domain' in token:
        found['X-Domain-Id'] = token['of_domain']
    return found


_table = _read('personas')

#: Headers by persona.
PERSONAS = {name: _headers(token)
            for name, token in _table['personas'].items()}
_GROUPS = _table['groups']


@dataclasses.dataclass(frozen=True)
class Case:
    """A request, and what each persona gets.

    :ivar name: for the name of the test
    :ivar method: HTTP method
    :ivar template: path, with $name for the UUID of what has that name
    :ivar body: what is sent as JSON, or None
    :ivar version: microversion, or None
    :ivar statuses: dict of the status by persona
    :ivar contains: dict of sets of names by persona
    :ivar owner: dict of the owner of what is created by persona
    """

    name: str
    method: str
    template: str
    body: object
    version: str | None
    statuses: dict
    contains: dict
    owner: dict

    def path(self):
        """Get the path with the UUIDs of this run."""
        return with_uuids(self.template)


def with_uuids(value):
    """Put UUIDs in the place of $name."""
    if isinstance(value, str):
        return re.sub(r'\$([a-z-]+)', lambda match: world.uuid_of(match[1]),
                      value)
    if isinstance(value, list):
        return [with_uuids(item) for item in value]
    if isinstance(value, dict):
        return {name: with_uuids(item) for name, item in value.items()}
    return value


def cases(table):
    """Read a table of requests.

    :param table: name of the file without its suffix
    :returns: list of Case
    """
    return [_case(row) for row in _read(table)]


def _case(row):
    method, _, path = row['request'].partition(' ')
    title = ' '.join(filter(None, [row['request'], row.get('title')]))
    title = title.lower().replace('$', 'uuid ').replace('?', ' where ')
    return Case(
        name=re.sub('[^a-z0-9]+', '_', title).strip('_'),
        method=method, template=path, body=row.get('body'),
        version=row.get('version'), statuses=_statuses(row),
        contains={persona: set(names) for persona, names
                  in _by_persona(row.get('contains', {})).items()},
        owner=_by_persona(row.get('owner', {})))


def _by_persona(by_group):
    return {persona: value for group, value in by_group.items()
            for persona in _members(group)}


def _members(group):
    return _GROUPS.get(group, [group])


def _statuses(row):
    found, rest = {}, None
    for status, groups in row['expect'].items():
        for group in groups:
            if group == REST:
                rest = status
                continue
            for persona in _members(group):
                if persona not in PERSONAS or persona in found:
                    raise ValueError('%s: %s' % (row['request'], persona))
                found[persona] = status
    for persona in _GROUPS[NOBODY]:
        found.setdefault(persona, 403)
    for persona in PERSONAS:
        found.setdefault(persona, rest)
    return found
