# SPDX-License-Identifier: Apache-2.0
"""A real Keystone: SQLite, Fernet tokens, on loopback."""

import configparser
import os
import uuid

import fixtures
from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1 import session
from keystoneauth1.identity import v3
import yaml

from allocator.tests.functional import fixtures as service_fixtures
from allocator.tests.functional import processes
from allocator.tests.functional import waiting

# Seconds that it may take to start.
START = 60

REGION = 'RegionOne'
DEFAULT_DOMAIN = 'default'

ADMIN = 'admin'


class Keystone(fixtures.Fixture):
    """An Identity service of its own.

    :ivar url: where it is
    :ivar admin: keystoneauth1 session of its administrator
    :ivar passwords: dict of passwords by user name, none of which may ever
        be in a log
    """

    def _setUp(self):
        self._folder = self.useFixture(fixtures.TempDir()).path
        self.port = service_fixtures.free_port()
        self.url = 'http://127.0.0.1:%d/v3' % self.port
        self.passwords = {}
        self._ids = {}
        self._config = self._write('keystone', self._configuration())
        self._prepare()
        self._process = self._server('keystone', self.port)
        self.addCleanup(self.stop)
        self.start()
        self.admin = self.session(ADMIN, system=True)
        for role in self.admin.get(self.url + '/roles').json()['roles']:
            self._ids['roles', role['name']] = role['id']

    def _configuration(self):
        folder = self._folder
        return {
            'database': {'connection': 'sqlite:///%s/keystone.sqlite'
                                       % folder},
            'token': {'provider': 'fernet', 'expiration': 3600},
            'fernet_tokens': {'key_repository': folder + '/fernet'},
            'fernet_receipts': {'key_repository': folder + '/receipts'},
            'credential': {'key_repository': folder + '/credentials'},
            # A hash that is slow by design is no use to a test.
            'identity': {'password_hash_rounds': 4},
            'cache': {'enabled': 'false'},
        }

    def _write(self, name, sections):
        path = os.path.join(self._folder, name + '.conf')
        parser = configparser.RawConfigParser()
        parser.read_dict(sections)
        with open(path, 'w') as file:
            parser.write(file)
        return path

    def _prepare(self):
        for name in ('fernet', 'receipts', 'credentials'):
            os.mkdir(os.path.join(self._folder, name), 0o700)
        self._manage('db_sync')
        user = ['--keystone-user', str(os.getuid()),
                '--keystone-group', str(os.getgid())]
        self._manage('fernet_setup', *user)
        self._manage('bootstrap', '--bootstrap-password',
                     self._password(ADMIN), '--bootstrap-region-id', REGION,
                     '--bootstrap-public-url', self.url,
                     '--bootstrap-internal-url', self.url)

    def _manage(self, *arguments):
        done = processes.run('keystone-manage', '--config-file',
                             self._config, *arguments)
        if done.returncode:
            raise RuntimeError('keystone-manage %s failed: %s'
                               % (arguments[0], done.stdout))

    def _server(self, name, port, *files):
        return processes.Process(
            name, os.path.join(self._folder, name + '.log'), 'python', '-m',
            'allocator.tests.functional.keystone_server', str(port),
            self._config, *files)

    def _password(self, name):
        return self.passwords.setdefault(name, 'secret-' + uuid.uuid4().hex)

    def start(self):
        """Start it, or start it again, and wait until it answers."""
        self._process.start()
        self._wait(self._process, self.url)

    def _wait(self, process, url):
        def answers():
            if not process.is_running:
                raise RuntimeError('Keystone has ended.\n%s'
                                   % process.read_log().decode())
            try:
                return session.Session().get(url, timeout=10).ok
            except ksa_exc.ClientException:
                return False

        waiting.until(answers, START, 'Keystone answers')

    def stop(self):
        """End it; what it knows stays."""
        self._process.stop()

    def session(self, user, url=None, **scope):
        """Make a session of a user.

        :param user: name of the user
        :param url: another Keystone than this
        :param scope: project=NAME, system=True, or nothing
        :returns: keystoneauth1.session.Session
        """
        arguments = {}
        if scope.get('system'):
            arguments['system_scope'] = 'all'
        elif 'project' in scope:
            arguments.update(project_name=scope['project'],
                             project_domain_id=DEFAULT_DOMAIN)
        elif scope.get('domain'):
            arguments['domain_id'] = DEFAULT_DOMAIN
        else:
            arguments['unscoped'] = True
        return session.Session(v3.Password(
            url or self.url, username=user, password=self.passwords[user],
            user_domain_id=DEFAULT_DOMAIN, **arguments))

    def token(self, user, **scope):
        """Get a token; see session."""
        return self.session(user, **scope).get_token()

    def expired_token(self, user, **scope):
        """Get a token that was good for a second, and wait that long.

        A second Keystone with the same keys and users issues it.
        """
        short = self._write('short', {'token': {'expiration': 1}})
        port = service_fixtures.free_port()
        url = 'http://127.0.0.1:%d/v3' % port
        process = self._server('short', port, short)
        process.start()
        try:
            self._wait(process, url)
            client = self.session(user, url=url, **scope)
            token = client.get_token()
            waiting.until(
                lambda: client.auth.get_access(client).will_expire_soon(0),
                10, 'the token has expired')
        finally:
            process.stop()
        return token

    def _create(self, kind, **values):
        """Make a resource.

        :param kind: plural, as in the URL
        :returns: its id
        """
        singular = kind[:-1]
        made = self.admin.post('%s/%s' % (self.url, kind),
                               json={singular: values})
        return made.json()[singular]['id']

    def add_project(self, name):
        """Make a project.

        :returns: its id
        """
        self._ids['projects', name] = self._create(
            'projects', name=name, domain_id=DEFAULT_DOMAIN)
        return self._ids['projects', name]

    def add_user(self, name, *roles, project=None, system=False,
                 domain=False):
        """Make a user with roles in a project, a domain or the system."""
        user = self._create('users', name=name, domain_id=DEFAULT_DOMAIN,
                            password=self._password(name))
        if project:
            scope = 'projects/' + self._ids['projects', project]
        elif domain:
            scope = 'domains/' + DEFAULT_DOMAIN
        else:
            scope = 'system'
        for role in roles:
            self.admin.put('%s/%s/users/%s/roles/%s' % (
                self.url, scope, user, self._ids['roles', role]))
        self._ids['users', name] = user

    def register(self, endpoint, kind='baremetal', name='allocator',
                 public=None):
        """Put an API into the catalogue, first the one under test.

        :param endpoint: its URL
        :param kind: service type
        :param name: name of the service
        :param public: URL of its public endpoint, if it is another
        """
        service = self._create('services', type=kind, name=name)
        for interface in ('public', 'internal', 'admin'):
            url = public if public and interface == 'public' else endpoint
            self._create('endpoints', service_id=service, region_id=REGION,
                         interface=interface, url=url)

    def change_role(self, user, role, given):
        """Give a user a role in the system, or take it away.

        :param given: whether the user has it from now on
        """
        path = '%s/system/users/%s/roles/%s' % (
            self.url, self._ids['users', user], self._ids['roles', role])
        (self.admin.put if given else self.admin.delete)(path)

    def add_application_credential(self, user, project, **values):
        """Make an application credential as its user.

        :param values: further attributes, such as access_rules
        :returns: its id and its secret
        """
        answer = self.session(user, project=project).post(
            '%s/users/%s/application_credentials' % (
                self.url, self._ids['users', user]),
            json={'application_credential': {
                'name': uuid.uuid4().hex} | values})
        made = answer.json()['application_credential']
        return made['id'], made['secret']

    def credential_token(self, credential):
        """Get a token by an application credential.

        :param credential: its id and its secret
        """
        id_, secret = credential
        return session.Session(v3.ApplicationCredential(
            self.url, application_credential_id=id_,
            application_credential_secret=secret)).get_token()

    def middleware_options(self, user):
        """Write what the service under test needs to check tokens.

        :param user: name of the service's own user, in the project service
        :returns: dict of the section [keystone_authtoken]
        """
        return {
            'auth_type': 'password', 'auth_url': self.url,
            'www_authenticate_uri': self.url,
            'username': user, 'password': self.passwords[user],
            'user_domain_id': DEFAULT_DOMAIN, 'project_name': 'service',
            'project_domain_id': DEFAULT_DOMAIN, 'region_name': REGION,
            'http_request_max_retries': 1,
        }

    def write_clouds(self, **scopes):
        """Write a clouds.yaml.

        :param scopes: scope by user name, see session
        :returns: its path
        """
        clouds = {}
        for user, scope in scopes.items():
            auth = {'auth_url': self.url, 'username': user,
                    'password': self.passwords[user],
                    'user_domain_id': DEFAULT_DOMAIN}
            if scope.get('system'):
                auth['system_scope'] = 'all'
            else:
                auth.update(project_name=scope['project'],
                            project_domain_id=DEFAULT_DOMAIN)
            clouds[user] = {'auth': auth, 'region_name': REGION,
                            'identity_api_version': 3}
        path = os.path.join(self._folder, 'clouds.yaml')
        with open(path, 'w') as file:
            yaml.safe_dump({'clouds': clouds}, file)
        return path
