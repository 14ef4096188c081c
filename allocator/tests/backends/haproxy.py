# SPDX-License-Identifier: Apache-2.0
"""haproxy before this service and an Ironic, with the example's file."""

import os
import pathlib
import shutil
import urllib.parse

import fixtures
import requests

import allocator
from allocator.tests.functional import fixtures as service_fixtures
from allocator.tests.functional import processes
from allocator.tests.functional import waiting

EXAMPLE = (pathlib.Path(allocator.__file__).parents[1] / 'etc' / 'allocator'
           / 'haproxy-allocator.cfg')

# Seconds that it may take to start.
START = 60

# Debian keeps it where only root's PATH looks.
_PATH = os.pathsep.join([os.environ.get('PATH', ''), '/usr/sbin'])

# What the example stands for.
_PLACES = {'allocator': '192.0.2.11:6385', 'ironic': '192.0.2.21:6385'}


def find():
    """Find the command.

    :raises RuntimeError: it is not there
    """
    command = shutil.which('haproxy', path=_PATH)
    if command is None:
        raise RuntimeError('There is no haproxy: run "tools/test-setup '
                           'haproxy" as root')
    return command


class Site(fixtures.Fixture):
    """One address for two services, on a port of 127.0.0.1.

    :param allocator: URL of this service
    :param ironic: URL of the Bare Metal service
    :ivar endpoint: URL of both
    """

    def __init__(self, **urls):
        self._urls = urls

    def _setUp(self):
        command = find()
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        port = service_fixtures.free_port()
        self.endpoint = 'http://127.0.0.1:%d' % port
        text = EXAMPLE.read_text().replace('bind *:6385',
                                           'bind 127.0.0.1:%d' % port)
        for name, url in self._urls.items():
            text = text.replace(_PLACES[name],
                                urllib.parse.urlsplit(url).netloc)
        path = folder / 'haproxy.cfg'
        path.write_text(text)
        self._process = processes.Process(
            'haproxy', str(folder / 'haproxy.log'), command, '-db', '-f',
            str(path))
        self._process.start()
        self.addCleanup(self._end)
        waiting.until(self._answers, START, 'haproxy answers', interval=0.1)

    def _end(self):
        if self._process.is_running:
            self._process.kill()

    def _answers(self):
        if not self._process.is_running:
            raise RuntimeError(self.logs())
        try:
            return all(requests.get(self.endpoint + path, timeout=10).ok
                       for path in ('/v1', '/v1/nodes'))
        except requests.RequestException:
            return False

    def logs(self):
        """Get what it has written."""
        return self._process.read_log().decode()
