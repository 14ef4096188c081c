# SPDX-License-Identifier: Apache-2.0
"""The API under Apache, with uWSGI and without, by the files of etc/allocator.
"""

import configparser
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import unittest

import fixtures
import requests

import allocator
from allocator.tests.functional import fixtures as service_fixtures
from allocator.tests.functional import processes
from allocator.tests.functional import waiting

# Seconds that both may take to start.
START = 60

ETC = pathlib.Path(__file__).parents[3] / 'etc' / 'allocator'

# The user and the group of who has no rights.
NOBODY = 65534

MODULES = '/usr/lib/apache2/modules'

# Debian keeps Apache where only root's PATH looks.
_PATH = os.pathsep.join([os.environ.get('PATH', ''), '/usr/sbin'])

# uWSGI's plugin for the Python that runs the tests.
_PLUGIN = 'python%d%d' % sys.version_info[:2]

_UNDRAINED = '''
from allocator.api import draining
draining.UnreadBody = lambda application: application
from allocator.wsgi.api import application
'''

_APACHE = '''
ServerRoot {folder}
ServerName 127.0.0.1
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex file:{folder}
ErrorLog {folder}/error.log
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
# Of no account unless root starts it, which it would not serve as.
User #65534
Group #65534
'''

_PROXY = '''
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_uwsgi_module {modules}/mod_proxy_uwsgi.so
'''
_WSGI = '''
LoadModule wsgi_module {module}
WSGISocketPrefix {folder}/wsgi
'''

# mod_wsgi with the Python that runs the tests.
_MODULE = '%s/mod_wsgi.so-%d.%d' % (MODULES, *sys.version_info[:2])

# Where the example for it has the package.
_PACKAGE = '/opt/allocator/lib/python3.11/site-packages/allocator'


def require():
    """Skip a test class where the packages cannot run its Python.

    :raises: RuntimeError without Apache or uWSGI
    """
    if not (_found('apache2') and _found('uwsgi')):
        raise RuntimeError('Apache or uWSGI is missing: run "tools/test-setup '
                           'apache" as root')
    if subprocess.run([_found('uwsgi'), '--need-plugin', _PLUGIN, '--version'],
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                      ).returncode:
        raise unittest.SkipTest('The package of uWSGI has no plugin %s'
                                % _PLUGIN)


def require_mod_wsgi():
    """Skip a test class where the package cannot run its Python.

    :raises: RuntimeError without Apache or mod_wsgi
    """
    if not (_found('apache2') and os.path.exists(MODULES + '/mod_wsgi.so')):
        raise RuntimeError('Apache or mod_wsgi is missing: run '
                           '"tools/test-setup apache" as root')
    if not os.path.exists(_MODULE):
        raise unittest.SkipTest('There is no ' + _MODULE)
    for path in _paths():
        if os.getuid() == 0 and not _reads(NOBODY, path):
            raise unittest.SkipTest('Nobody but root may read ' + path)


def _paths():
    """List where the package and its libraries are."""
    return [os.path.dirname(os.path.dirname(allocator.__file__)),
            sysconfig.get_path('purelib')]


def _reads(user, path):
    try:
        return subprocess.run(['test', '-r', path], user=user, group=user,
                              extra_groups=[], cwd='/').returncode == 0
    except PermissionError:
        return False


def _found(command):
    return shutil.which(command, path=_PATH)


class _Site(fixtures.Fixture):
    """The API and Apache, on a port of 127.0.0.1.

    :param config_file: path of the service's configuration file
    :ivar endpoint: URL of the API
    """

    def __init__(self, config_file):
        self._config_file = config_file

    def _setUp(self):
        self._folder = self.useFixture(fixtures.TempDir()).path
        # Apache's children are nobody, and open the socket.
        os.chmod(self._folder, 0o755)
        self._port = service_fixtures.free_port()
        self.endpoint = 'http://127.0.0.1:%d' % self._port
        self._processes = self._prepare()
        for process in self._processes:
            process.start()
            self.addCleanup(self._end, process)
        try:
            waiting.until(self._answers, START, 'the API answers',
                          interval=0.1)
        except AssertionError as exc:
            raise RuntimeError('%s\n%s' % (exc, self.logs())) from exc

    def _prepare(self):
        """Write configurations.

        :returns: list of processes.Process, Apache's the last
        """
        raise NotImplementedError

    def _join(self, name):
        return os.path.join(self._folder, name)

    def _process(self, command, *arguments):
        return processes.Process(command, self._join(command + '.log'),
                                 _found(command), *arguments)

    def _apache(self, example, modules, *places):
        """Write Apache's configuration.

        :param example: name of the site's file in etc/allocator
        :param modules: lines that load what the site needs
        :param places: pairs of what stands there and what is here
        :returns: processes.Process
        """
        site = (ETC / example).read_text()
        for there, here in (
                ('Listen 6385', 'Listen 127.0.0.1:%d' % self._port),
                ('*:6385', '127.0.0.1:%d' % self._port),
                ('/var/log/apache2', self._folder), *places):
            if there not in site:
                raise RuntimeError('%s is not in %s' % (there, example))
            site = site.replace(there, here)
        path = self._write('apache.conf', _APACHE.format(
            folder=self._folder, modules=MODULES) + modules + site)
        return self._process('apache2', '-D', 'FOREGROUND', '-f', path)

    def _write(self, name, text):
        path = self._join(name)
        pathlib.Path(path).write_text(text)
        return path

    def _answers(self):
        for process in self._processes:
            if not process.is_running:
                raise RuntimeError('%s has ended.\n%s'
                                   % (process.name, self.logs()))
        try:
            return requests.get(self.endpoint, timeout=10).ok
        except requests.RequestException:
            return False

    def _end(self, process):
        if process.is_running:
            process.kill()

    def logs(self):
        """Get what all have written."""
        texts = [process.read_log().decode() for process in self._processes]
        for name in ('error.log', 'allocator-error.log'):
            path = pathlib.Path(self._join(name))
            if path.exists():
                texts.append(path.read_text())
        return '\n'.join(texts)


class ModuleSite(_Site):
    """The API within Apache, with mod_wsgi; see _Site."""

    def _prepare(self):
        # mod_wsgi serves as root no more than Apache does.
        user = os.getuid() or NOBODY
        configuration = self._write('allocator.conf', pathlib.Path(
            self._config_file).read_text())
        process = self._apache(
            'apache-allocator-wsgi.conf',
            _WSGI.format(module=_MODULE, folder=self._folder),
            ('user=allocator', 'user=#%d' % user),
            ('group=allocator', 'group=#%d' % (os.getgid() or NOBODY)),
            ('processes=4', 'processes=2'),
            # The tests' Python need not be the distribution's.
            ('python-home=/opt/allocator',
             'python-path=' + ':'.join(_paths())),
            (_PACKAGE, os.path.dirname(allocator.__file__)))
        process.variables['OS_ALLOCATOR_CONFIG_FILES'] = configuration
        return [process]


class Site(_Site):
    """The API behind Apache; see _Site.

    :param unix: whether the two talk over a Unix socket, as in a devstack
    :param drains: whether the API reads what it refuses
    :param options: dict of uWSGI's options beyond those of the file, None to
        leave out one of the file's
    """

    def __init__(self, config_file, unix=False, drains=True, options=None):
        super().__init__(config_file)
        self._is_unix = unix
        self._drains = drains
        self._options = options or {}

    def _prepare(self):
        self._backend = '127.0.0.1:%d' % service_fixtures.free_port()
        self._socket = self._join('api.socket')
        backend = 'uwsgi://%s/' % self._backend
        if self._is_unix:
            backend = 'unix:%s|uwsgi://allocator-api/' % self._socket
        return [
            self._process('uwsgi', '--ini', self._write_uwsgi()),
            self._apache('apache-allocator-proxy.conf',
                         _PROXY.format(modules=MODULES),
                         ('uwsgi://127.0.0.1:6386/', backend))]

    def _write_uwsgi(self):
        """Write the example for uWSGI, with the places of this test.

        :returns: its path
        """
        parser = configparser.RawConfigParser()
        parser.read(ETC / 'allocator-api-uwsgi.ini')
        # The tests' Python need not be the distribution's.
        options = dict(parser['uwsgi']) | {
            'socket': self._backend, 'plugins': _PLUGIN, 'virtualenv': None,
            'uid': None, 'gid': None, 'processes': 1,
            'pythonpath': sysconfig.get_path('purelib'),
            'env': 'OS_ALLOCATOR_CONFIG_FILES=' + self._config_file}
        if self._is_unix:
            options |= {'socket': self._socket, 'chmod-socket': 666,
                        'threads': None, 'thunder-lock': 'true'}
        if not self._drains:
            pathlib.Path(self._join('undrained.py')).write_text(_UNDRAINED)
            options |= {'module': 'undrained', 'chdir': self._folder}
        options |= self._options
        lines = ['%s = %s' % item for item in options.items()
                 if item[1] is not None]
        return self._write('uwsgi.ini', '\n'.join(['[uwsgi]', *lines, '']))
