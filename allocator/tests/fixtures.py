# SPDX-License-Identifier: Apache-2.0
"""What unit tests stand on: configuration, database, API, conductor."""

import contextlib
import json
import os
import pathlib

import fixtures
from oslo_config import fixture as config_fixture
from oslo_db import exception as db_exc
from oslo_utils import uuidutils
import sqlalchemy as sa
import webob

from allocator.api import app
from allocator.common import config
from allocator.common import policy
from allocator.common import rpc
from allocator.common import states
from allocator.conductor import avoided
from allocator.conductor import expiry
from allocator.conductor import manager
from allocator.conductor import matching
from allocator.conductor import rpcapi
from allocator.conductor import service
from allocator.conductor import serving
from allocator.conf import CONF
from allocator.db import backends
from allocator.db import conductors
from allocator.db import installation
from allocator.db import known_conductors
from allocator.db import known_profiles
from allocator.db import models
from allocator.db import profiles
from allocator.db import reasons
from allocator.db import session
from allocator.tests import microversions

# Another database to run the unit tests on, one after another: its tables
# are dropped. They run on SQLite unless it is set.
DATABASE_URL = os.environ.get('ALLOCATOR_TEST_UNIT_DATABASE')


class Configuration(fixtures.Fixture):
    """A configuration without files, undone at the end.

    :param options: options of [DEFAULT] to set
    """

    def __init__(self, **options):
        self._options = options

    def _setUp(self):
        self._conf = self.useFixture(config_fixture.Config(CONF))
        config.parse_args(['allocator'], default_config_files=[],
                          default_config_dirs=[])
        options = {'auth_strategy': 'noauth', 'host': 'test',
                   'transport_url': 'fake://'} | self._options
        rpc.get_transport()  # registers transport_url
        rpc.cleanup()
        for name, value in options.items():
            self.set(name, value)
        self.addCleanup(self._forget)
        self._forget()

    def set(self, option, value, group=None):
        """Set an option for the rest of the test."""
        self._conf.config(group=group, **{option: value})

    def _forget(self):
        """Drop what the process made of another configuration."""
        rpcapi.set_local(None)
        rpc.cleanup()
        policy.reset()


class Database(fixtures.Fixture):
    """An empty SQLite database, with a conductor's heartbeat in it.

    Needs a Configuration.
    """

    # What an SQLite file with the tables holds: to copy it is much faster.
    _empty = None

    def _setUp(self):
        path = os.path.join(self.useFixture(fixtures.TempDir()).path,
                            'test.sqlite')
        CONF.set_override('connection', DATABASE_URL or 'sqlite:///' + path,
                          group='database')
        self.addCleanup(CONF.clear_override, 'connection', group='database')
        session.dispose()
        self.addCleanup(session.dispose)
        known_profiles.forget()
        reasons.forget()
        backends.forget()
        installation.forget()
        known_conductors.forget()
        if DATABASE_URL:
            models.Base.metadata.drop_all(session.get_engine())
            models.Base.metadata.create_all(session.get_engine())
        else:
            self._fill(pathlib.Path(path))
        conductors.beat('test')

    def _fill(self, path):
        if Database._empty is None:
            models.Base.metadata.create_all(session.get_engine())
            session.dispose()
            Database._empty = path.read_bytes()
        path.write_bytes(Database._empty)


class LostAcknowledgement(fixtures.Fixture):
    """The next writer's COMMIT is done, but not acknowledged."""

    def _setUp(self):
        real, lost = session.writer, []

        @contextlib.contextmanager
        def writer(**options):
            with real(**options) as connection:
                yield connection
            if not lost:
                lost.append(True)
                raise db_exc.DBConnectionError('gone')

        self.useFixture(fixtures.MonkeyPatch(
            'allocator.db.session.writer', writer))


class Interloper(fixtures.Fixture):
    """Somebody acts after a request has read, just before it writes.

    :param act: function without parameters
    :param times: how many of the next writing transactions it forestalls
    """

    def __init__(self, act, times=1):
        self._act = act
        self._left = times

    def _setUp(self):
        self._writer = session.writer
        self.useFixture(fixtures.MonkeyPatch(
            'allocator.db.session.writer', self._forestall))

    def _forestall(self, **options):
        if self._left:
            left, self._left = self._left, 0
            self._act()
            self._left = left - 1
        return self._writer(**options)


def node_values(traits=(), **columns):
    """Make the columns of a node: suitable, of resource class "metal".

    :param traits: its traits
    :param columns: columns that differ from that
    """
    return {
        'uuid': uuidutils.generate_uuid(), 'resource_class': 'metal',
        'provision_state': states.AVAILABLE, 'power_state': states.POWER_OFF,
        'driver_info': {}, 'properties': {}, 'extra': {}, 'instance_info': {},
        'network_data': {}, 'interfaces': {},
    } | profiles.intern(profiles.wanted(
        traits, columns.get('properties', {}))) | columns


def add_node(traits=(), **columns):
    """Put a node into the database.

    :param traits: its traits
    :param columns: see node_values
    :returns: its row
    """
    values = node_values(traits, **columns)
    with session.writer() as connection:
        connection.execute(sa.insert(models.Node).values(values))
    return get_node(values['uuid'])


def get_node(uuid):
    """Read a node's row from the database."""
    with session.reader() as connection:
        return connection.execute(sa.select(models.Node.__table__).where(
            models.Node.uuid == uuid)).one()


def change_node(uuid, **columns):
    """Change columns of a node in the database."""
    with session.writer() as connection:
        connection.execute(sa.update(models.Node).where(
            models.Node.uuid == uuid).values(**columns))


class Conductor(fixtures.Fixture):
    """A conductor in the process of the test, on the in-process bus."""

    def _setUp(self):
        conductor = service.ConductorService()
        conductor.start()
        self.addCleanup(conductor.stop)


class Api(fixtures.Fixture):
    """The WSGI application on an empty database, and a client of it.

    The conductor is in the same process; its loops stand still until
    match() and serve() walk them.

    :ivar application: the WSGI application
    :ivar configuration: the Configuration
    :ivar loop: the conductor's MatchingLoop
    :ivar serving: its ServingLoop
    :ivar expiry: its Expiry
    :ivar version: microversion of requests that name no other
    :param version: its first value
    """

    def __init__(self, version=microversions.NEWEST):
        self.version = version
        self._persona = {}

    def _setUp(self):
        self.configuration = self.useFixture(Configuration())
        self.useFixture(Database())
        going_around = avoided.Avoided()
        self.loop = matching.MatchingLoop(going_around)
        self.serving = serving.ServingLoop(going_around)
        self.expiry = expiry.Expiry(self.serving.ring)
        rpcapi.set_local(manager.ConductorManager(self.loop, None,
                                                  self.serving, self.expiry))
        self.application = app.setup_app()

    def match(self):
        """Have the conductor process every pending allocation once."""
        self.loop.walk()

    def serve(self):
        """Have the conductor serve those that wait, and keep deadlines."""
        self.serving.walk()
        self.expiry.walk()

    def act_as(self, *roles, project=None, system=False):
        """Be somebody from here on, as a token would tell.

        :param roles: names of the roles
        :param project: id of the project
        :param system: whether the token is for the system
        """
        self.configuration.set('auth_strategy', 'keystone')
        self.useFixture(fixtures.MockPatch(
            'keystonemiddleware.auth_token.AuthProtocol',
            side_effect=lambda application, _conf: application))
        self.application = app.setup_app()
        self._persona = {'X-Identity-Status': 'Confirmed',
                         'X-Roles': ','.join(roles), 'X-User-Id': 'somebody'}
        if project is not None:
            self._persona['X-Project-Id'] = project
        if system:
            self._persona['OpenStack-System-Scope'] = 'all'

    def request(self, method, path, body=None, version=None, headers=None,
                raw=None):
        """Send a request.

        :param body: what is sent as JSON, None for no body
        :param version: microversion, e.g. "1.52", or None; of the own API
            below /allocator, where the latest is the default
        :param headers: dict of further headers
        :param raw: bytes to send instead of body
        :returns: Answer
        """
        request = webob.Request.blank(path, method=method)
        if path.startswith('/allocator'):
            request.headers['OpenStack-API-Version'] = (
                'allocator ' + (version or 'latest'))
        else:
            request.headers['X-OpenStack-Ironic-API-Version'] = (
                version or self.version)
        request.headers.update(self._persona)
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            request.body = raw
            request.content_type = 'application/json'
        request.headers.update(headers or {})
        return Answer(request.get_response(self.application))

    def get(self, path, **options):
        return self.request('GET', path, **options)

    def post(self, path, body=None, **options):
        return self.request('POST', path, body, **options)

    def put(self, path, body=None, **options):
        return self.request('PUT', path, body, **options)

    def patch(self, path, body=None, **options):
        return self.request('PATCH', path, body, **options)

    def delete(self, path, **options):
        return self.request('DELETE', path, **options)


class Answer:
    """An answer of the API.

    :ivar status: HTTP status code
    :ivar headers: its headers
    :ivar body: what its JSON body holds, None for an empty one
    """

    def __init__(self, response):
        self.status = response.status_int
        self.headers = response.headers
        is_json = response.content_type == 'application/json'
        self.body = (json.loads(response.body)
                     if response.body and is_json else None)

    @property
    def fault(self):
        """The sentence of an error, in the form of either API."""
        if 'errors' in self.body:
            return self.body['errors'][0]['detail']
        return json.loads(self.body['error_message'])['faultstring']

    def __repr__(self):
        return '<%d %s>' % (self.status, self.body)
