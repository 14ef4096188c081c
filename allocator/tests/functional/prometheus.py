# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus that watches the service, with the rules of etc/."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import fixtures
import requests

from allocator.tests.functional import fixtures as service
from allocator.tests.functional import waiting

RULES = pathlib.Path(__file__).parents[3] / 'etc' / 'prometheus'
FILES = ('recording.yaml', 'alerts.yaml')

# Seconds that it may take to start, or to end.
PATIENCE = 30

# Seconds until an alert fires or clears, on a busy machine.
NOTICED = 60

# The rules wait for minutes, and a test cannot. So time is made shorter in
# the text of the rules, by one pattern each and with nothing else changed:
# rates are those of 15 seconds, an alert fires after 2, and the bound of an
# age or a lag (a level that ends in "seconds:max") is a twentieth.
_SHORTER = (
    (re.compile(r'\[5m\]'), lambda _: '[15s]'),
    (re.compile(r'\bfor: \d+m\b'), lambda _: 'for: 2s'),
    (re.compile(r'\boffset 10m\b'), lambda _: 'offset 10s'),
    (re.compile(r'(seconds:max > )(\d+)'),
     lambda match: match[1] + str(int(match[2]) // 20)),
)


def find(command):
    """Find a command of Prometheus.

    :returns: its path
    :raises unittest.SkipTest: it is not there
    :raises RuntimeError: neither, and everything must run
    """
    found = shutil.which(command)
    if found:
        return found
    reason = ('There is no %s: run "tools/test-setup prometheus" as root'
              % command)
    if os.environ.get('CI') == 'true':
        raise RuntimeError(reason)
    raise unittest.SkipTest(reason)


def shortened(rules):
    """Make rules that a test can wait for.

    :param rules: text of a file of rules
    :returns: the text with shorter times
    """
    for pattern, shorter in _SHORTER:
        rules = pattern.sub(shorter, rules)
    return rules


class Prometheus(fixtures.Fixture):
    """Asks some addresses every three seconds.

    :param ports: TCP ports of this machine that show metrics
    :ivar url: where it answers
    """

    def __init__(self, *ports):
        self._ports = ports

    def _setUp(self):
        folder = self.useFixture(fixtures.TempDir()).path
        for name in FILES:
            with open(os.path.join(folder, name), 'w') as file:
                file.write(shortened((RULES / name).read_text()))
        path = os.path.join(folder, 'prometheus.yml')
        with open(path, 'w') as file:
            # JSON is YAML.
            json.dump({
                'global': {'scrape_interval': '3s', 'scrape_timeout': '3s',
                           'evaluation_interval': '1s'},
                'rule_files': list(FILES),
                'scrape_configs': [{
                    'job_name': 'allocator', 'static_configs': [{
                        'targets': ['127.0.0.1:%d' % port
                                    for port in self._ports]}]}]}, file)
        address = '127.0.0.1:%d' % service.free_port()
        self.url = 'http://' + address
        self._log = os.path.join(folder, 'log')
        with open(self._log, 'w') as log:
            process = subprocess.Popen(
                [find('prometheus'), '--config.file=' + path,
                 '--storage.tsdb.path=' + os.path.join(folder, 'data'),
                 '--web.listen-address=' + address, '--log.level=warn'],
                stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT)
        self.addCleanup(self._end, process)
        waiting.until(self._is_ready, PATIENCE, 'Prometheus is ready',
                      interval=0.2)

    @staticmethod
    def _end(process):
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _is_ready(self):
        try:
            return requests.get(self.url + '/-/ready', timeout=5).ok
        except requests.ConnectionError:
            return False

    def log(self):
        """Get what it has written."""
        with open(self._log) as file:
            return file.read()

    def ask(self, path, **parameters):
        """Ask its API.

        :returns: the data of the answer
        :raises: AssertionError, with its text, if it refuses
        """
        answer = requests.get(self.url + '/api/v1/' + path, parameters,
                              timeout=10)
        assert answer.ok, answer.text
        return answer.json()['data']

    def query(self, expression):
        """Evaluate an expression now.

        :returns: list of (labels, value)
        """
        return [(found['metric'], float(found['value'][1])) for found
                in self.ask('query', query=expression)['result']]

    def alerts(self):
        """Tell what fires.

        :returns: set of (name of the alert, backend or None)
        """
        return {(found['labels']['alertname'], found['labels'].get('backend'))
                for found in self.ask('alerts')['alerts']
                if found['state'] == 'firing'}

    def wait_alert(self, name, backend=None):
        """Wait until an alert fires."""
        waiting.until(lambda: (name, backend) in self.alerts(), NOTICED,
                      '%s fires' % name, interval=0.3)

    def wait_clear(self, name, backend=None):
        """Wait until an alert does not fire any more."""
        waiting.until(lambda: (name, backend) not in self.alerts(), NOTICED,
                      '%s clears' % name, interval=0.3)
