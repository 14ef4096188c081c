# SPDX-License-Identifier: Apache-2.0
"""The pages for operators, as they are done: what of them, and where."""

import pathlib
import re

from allocator.tests import guides
from allocator.tests.functional import shell

FOLDERS = ('admin', 'cli', 'configuration', 'install')

# Seconds that one step may take.
PATIENCE = 120

# The tests that carry something out.
BACKENDS = 'allocator/tests/backends/test_guide.py'
COMMANDS = 'allocator/tests/functional/test_command_pages.py'
HAPROXY = 'allocator/tests/backends/test_haproxy.py'
INSTALL = 'allocator/tests/functional/clients/test_install_guide.py'
OPERATOR = 'allocator/tests/functional/test_operator_guides.py'
PROMETHEUS = 'allocator/tests/functional/test_prometheus.py'
QUICKSTART = 'allocator/tests/quickstart/test_quickstart.py'

# Pages that have no other blocks than such, and who carries those out.
ELSEWHERE = {'admin/backends': BACKENDS}

# Pages of which all commands are carried out that are not left out, and where.
WALKED = {
    'admin/databases': OPERATOR,
    'admin/metrics': OPERATOR,
    'admin/monitoring': OPERATOR,
    'admin/upgrade': OPERATOR,
    'cli/manage': COMMANDS,
    'configuration/policy': INSTALL,
    'install/http-server': OPERATOR,
    'install/install': INSTALL,
    'install/quickstart': INSTALL,
}

# Commands that are not carried out: their first words, and why.
LEFT_OUT = {
    'a2enmod': 'it changes the machine; test_apache.py has the modules',
    'a2ensite': 'it changes the machine; test_apache.py has the site',
    'allocator': 'it serves until it is ended: the service of the test',
    'apt-get install': 'it changes the machine',
    'chown root:allocator': 'it takes root and the user "allocator"',
    'htpasswd -nB': 'it asks for a password on a terminal',
    'python3 -m venv': 'an installation takes minutes; '
                       'tests/quickstart/test_quickstart.py has one',
    '/opt/allocator/bin/pip install': 'the same',
    '/opt/allocator-1.0/bin/pip install': 'the same',
    '/opt/allocator-2.0/bin/pip install': 'the same',
    'openstack allocator allocation list --waiting':
        'no API runs in that test; test_allocator_commands.py lists them',
    'pip install python-openstackclient': 'the tests have it installed',
    'rabbitmqctl': 'it takes the administrator of the broker; '
                   'tools/test-setup does the same',
    'systemctl': 'it changes the machine; test_units.py has the units',
    'tools/benchmark --measure simulation':
        'it takes long; test_benchmark_simulation.py has parts of it',
    'tools/draw-dashboard': 'it needs a Prometheus of some hours',
    'tools/quickstart': 'tests/quickstart/test_quickstart.py',
    'tools/test-setup ironic': 'it changes the machine',
    'tox -e benchmark': 'it measures for an hour',
    'useradd': 'it changes the machine',
    'uwsgi --ini': 'it becomes another user; test_apache.py has the file',
}

# Blocks that are no commands to carry out: how they begin, and who looks at
# them.
OTHERS = {
    '$ allocator-manage purge': COMMANDS,
    '$ allocator-manage backend list': COMMANDS,
    '$ allocator-manage backend hand-back': COMMANDS,
    'Release 2.': COMMANDS,
    '-- pending allocations': OPERATOR,
    'Allocation <uuid> is active': OPERATOR,
    '... [None req-': OPERATOR,
    'd /run/allocator-metrics': OPERATOR,
    '{"detailed": false': OPERATOR,
    'CREATE DATABASE allocator': OPERATOR,
    'CREATE ROLE allocator': OPERATOR,
    'machines x api_workers': OPERATOR,
    'rule_files:': PROMETHEUS,
    'frontend allocator': HAPROXY,
    '==> The allocation is active: node example-2 was ': QUICKSTART,
    'There is no authentication': INSTALL,
}

# Blocks that are neither, and why.
NOT_COMPARED = {
    '0.0   16.8  POST /v1/allocations':
        'of the spans of a trace, test_tracing.py has what does not differ '
        'by what there is to do',
}

# Of the file system, in a command.
_ROOT = re.compile(r'(?<![\w.*}/-])/(?=(?:etc|opt|run|tmp)/)')

# What a step leaves to those after it.
_KEPT = re.compile(r'(?m)^(?:cd |export |unset |[A-Z_]+=).*\n?')


def is_left_out(command):
    return any((command + ' ').startswith(words + ' ') for words in LEFT_OUT)


def is_other(block):
    return block.text.startswith((*OTHERS, *NOT_COMPARED))


def other(page, beginning):
    """Find a block that is no command.

    :param beginning: its entry in OTHERS
    :returns: its text
    """
    [text] = [block.text for block in guides.blocks(page)
              if block.text.startswith(beginning)]
    assert beginning in OTHERS
    return text


def steps(page):
    """List the blocks of commands of a page, without those left out.

    :returns: list of texts
    """
    found = []
    for block in guides.blocks(page, guides.LITERAL):
        if not is_other(block):
            kept = [command for command in guides.commands(block.text)
                    if not is_left_out(command)]
            if kept:
                found.append('\n'.join(kept) + '\n')
    return found


class Machine(shell.Shell):
    """A shell with a checkout, and folders that stand for the machine's.

    :ivar root: pathlib.Path of what stands for /
    """

    def __init__(self):
        super().__init__(PATIENCE)

    def _setUp(self):
        super()._setUp()
        self.root = self.home / 'root'
        for name in ('etc/systemd/system', 'etc/tmpfiles.d', 'opt', 'run',
                     'tmp'):
            (self.root / name).mkdir(parents=True)
        for name in ('etc', 'tools'):
            (self.home / name).symlink_to(guides.ROOT / name)

    def install(self, name, *commands):
        """Make what stands for an installed release.

        :param name: name of its folder in /opt
        """
        folder = self.root / 'opt' / name / 'bin'
        folder.mkdir(parents=True)
        for command in commands:
            self.add_command(command, folder)

    def write_configuration(self, database, **options):
        """Have the commands read a configuration without a service.

        :param database: databases.Database
        :param options: those of the section DEFAULT
        """
        path = self.root / 'etc' / 'allocator.conf'
        path.write_text('[DEFAULT]\n%s\n[database]\nconnection = %s\n' % (
            '\n'.join('%s = %s' % item for item in options.items()),
            database.url))
        self.configure(path)


class Walk:
    """The commands of a page, from the first to the last.

    :param page: its name
    :param machine: Machine
    :param places: dict of what stands there by what it is here
    """

    def __init__(self, page, machine, places=()):
        self.machine = machine
        self.places = dict(places)
        self._steps = steps(page)

    def next(self, *words, statuses=(0,)):
        """Carry out the next block.

        :param words: what it has to have
        :param statuses: those that are right
        :returns: what it printed
        """
        text = self.take(*words)
        printed = self.machine.run(text, *statuses)
        self.machine.exported += ''.join(_KEPT.findall(text))
        return printed

    def take(self, *words):
        """Take the next block and do not carry it out.

        :param words: what it has to have
        :returns: its text, as it is here
        """
        text = self._steps.pop(0)
        for there in words:
            assert there in text, '%s is not in: %s' % (there, text)
        return self.here(text)

    def here(self, text):
        """Put what is here in the place of what is there."""
        for there, here in self.places.items():
            text = text.replace(there, here)
        return _ROOT.sub('%s/' % self.machine.root, text)

    def end(self):
        """Check that nothing of the page is left."""
        assert self._steps == [], self._steps


def read(file):
    """Read a file of the checkout.

    :param file: its path there
    """
    return pathlib.Path(guides.ROOT, file).read_text()
