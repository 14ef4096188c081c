# SPDX-License-Identifier: Apache-2.0
"""What importing the code must not do."""

import subprocess
import sys

import testtools

# Imports every module but the tests, and prints each option that is read
# meanwhile. At that time no configuration file has been read, so whatever
# asks (a decorator, a default argument, a constant) would get the default,
# for ever.
IMPORT_ALL = '''
import importlib, pkgutil, sys
from oslo_config import cfg

read = cfg.ConfigOpts._do_get

def note(conf, name, group=None, namespace=None):
    frame = sys._getframe()
    while frame.f_globals['__name__'] in ('__main__', 'oslo_config.cfg'):
        frame = frame.f_back
    reader = frame.f_globals['__name__']
    if reader.startswith('allocator.'):
        print(reader, frame.f_lineno, 'reads', name)
    return read(conf, name, group, namespace)

from allocator.common import service
cfg.ConfigOpts._do_get = note
import allocator
count = 0
for module in pkgutil.walk_packages(allocator.__path__, 'allocator.'):
    skipped = ('.tests', '.migrations', 'allocator.wsgi.')
    if not any(part in module.name for part in skipped):
        importlib.import_module(module.name)
        count += 1
print('imported', count > 20)
'''

# Imports what a process runs, and says what of eventlet came with it.
IMPORT_PROCESS = '''
import importlib, sys

for name in sys.argv[1:]:
    importlib.import_module(name)
print(sorted(name for name, module in sys.modules.items()
             if name.partition('.')[0] == 'eventlet' and module))
'''


class ImportTests(testtools.TestCase):

    def test_no_option_is_read_at_import(self):
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', IMPORT_ALL],
            capture_output=True, text=True, timeout=120)
        self.assertEqual('imported True\n', done.stdout, done.stderr)

    def test_no_process_has_eventlet(self):
        """It is there, as a library requires it, and takes 11 MiB."""
        for names in (['allocator.cmd.api', 'allocator.api.app'],
                      ['allocator.cmd.conductor',
                       'allocator.conductor.service'],
                      ['allocator.cmd.manage']):
            done = subprocess.run(
                [sys.executable, '-c', IMPORT_PROCESS, *names],
                capture_output=True, text=True, timeout=120)
            self.assertEqual(('[]\n', ''), (done.stdout, done.stderr), names)
