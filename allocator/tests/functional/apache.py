# SPDX-License-Identifier: Apache-2.0
"""The API under uWSGI and behind Apache, with the files of etc/allocator."""

import configparser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import unittest

import fixtures
import requests

from allocator.tests.functional import fixtures as service_fixtures
from allocator.tests.functional import processes
from allocator.tests.functional import waiting

# Seconds that both may take to start.
START = 60

ETC = pathlib.Path(__file__).parents[3] / 'etc' / 'allocator'

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
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_uwsgi_module {modules}/mod_proxy_uwsgi.so
# Of no account unless root starts it, which it would not serve as.
User #65534
Group #65534
'''


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


def _found(command):
    return shutil.which(command, path=_PATH)


class Site(fixtures.Fixture):
    """The API behind Apache, on a port of 127.0.0.1.

    :param config_file: path of the service's configuration file
    :param unix: whether the two talk over a Unix socket, as in a devstack
    :param drains: whether the API reads what it refuses
    :param options: dict of uWSGI's options beyond those of the file, None to
        leave out one of the file's
    :ivar endpoint: URL of the API
    """

    def __init__(self, config_file, unix=False, drains=True, options=None):
        self._config_file = config_file
        self._is_unix = unix
        self._drains = drains
        self._options = options or {}

    def _setUp(self):
        self._folder = self.useFixture(fixtures.TempDir()).path
        # Apache's children are nobody, and open the socket.
        os.chmod(self._folder, 0o755)
        self._port = service_fixtures.free_port()
        self._backend = '127.0.0.1:%d' % service_fixtures.free_port()
        self._socket = self._join('api.socket')
        self.endpoint = 'http://127.0.0.1:%d' % self._port
        self._processes = [
            self._process('uwsgi', '--ini', self._write_uwsgi()),
            self._process('apache2', '-D', 'FOREGROUND', '-f',
                          self._write_apache())]
        for process in self._processes:
            process.start()
            self.addCleanup(self._end, process)
        try:
            waiting.until(self._answers, START, 'the API answers',
                          interval=0.1)
        except AssertionError as exc:
            raise RuntimeError('%s\n%s' % (exc, self.logs())) from exc

    def _join(self, name):
        return os.path.join(self._folder, name)

    def _process(self, command, *arguments):
        return processes.Process(command, self._join(command + '.log'),
                                 _found(command), *arguments)

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

    def _write_apache(self):
        site = (ETC / 'apache-allocator-proxy.conf').read_text()
        site = site.replace('Listen 6385', 'Listen 127.0.0.1:%d' % self._port)
        site = site.replace('*:6385', '127.0.0.1:%d' % self._port)
        site = re.sub('/var/log/apache2', self._folder, site)
        backend = 'uwsgi://%s/' % self._backend
        if self._is_unix:
            backend = 'unix:%s|uwsgi://allocator-api/' % self._socket
        site = site.replace('uwsgi://127.0.0.1:6386/', backend)
        return self._write('apache.conf', _APACHE.format(
            folder=self._folder, modules=MODULES) + site)

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
        """Get what both have written."""
        texts = [process.read_log().decode() for process in self._processes]
        error_log = pathlib.Path(self._join('allocator-error.log'))
        if error_log.exists():
            texts.append(error_log.read_text())
        return '\n'.join(texts)
