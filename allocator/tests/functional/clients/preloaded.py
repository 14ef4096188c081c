# SPDX-License-Identifier: Apache-2.0
"""The command "openstack", of which each call costs a fork, not a second.

Most of a call's time goes into importing the client. A process imports it
once, and forks for each call, with the caller's arguments, environment, folder
and files. The caller is a small script in a folder for PATH.
"""

import contextlib
import importlib
import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import fixtures

from allocator.tests.functional import processes
from allocator.tests.functional import waiting

# Seconds that the imports may take.
START = 60

_CALLER = '''#!{python} -IS
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({path!r})
call = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
socket.send_fds(server, [b'%010d' % len(call)], [0, 1, 2])
server.sendall(call)
sys.exit(int(server.recv(3) or b'1'))
'''


class OpenStack(fixtures.Fixture):
    """The process, as long as the fixture is used.

    :ivar folder: the folder for PATH, with the command "openstack"
    """

    def _setUp(self):
        self.folder = self.useFixture(fixtures.TempDir()).path
        path = os.path.join(self.folder, 'socket')
        process = subprocess.Popen([sys.executable, '-m', __name__, path],
                                   env=processes.environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        waiting.until(lambda: os.path.exists(path), START,
                      'the client is imported')
        caller = pathlib.Path(self.folder, 'openstack')
        caller.write_text(_CALLER.format(python=sys.executable, path=path))
        caller.chmod(0o755)


def _end_with(function, *arguments):
    """Call a function, then end this process: it is a copy."""
    status = 1
    try:
        status = function(*arguments) or 0
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _warm_up():
    """Have all imported that a call needs, and what it looks up remembered."""
    for name in ('openstack.connection', 'ironicclient.v1.client'):
        importlib.import_module(name)
    shell = importlib.import_module('openstackclient.shell')
    for command in ('baremetal', 'allocator'):
        with contextlib.redirect_stdout(io.StringIO()):
            shell.main([command, 'allocation', 'list', '--help'])


def serve(path):
    """Answer callers at a socket until killed.

    :param path: of the socket, which is made when all is imported
    """
    _warm_up()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    # Each caller has a process, whose end is nobody's business.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        caller, _address = listener.accept()
        if not os.fork():
            _end_with(_answer, caller)
        caller.close()


def _answer(caller):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if not pid:
        _end_with(_call, caller)
    _pid, status = os.waitpid(pid, 0)
    caller.sendall(b'%d' % os.waitstatus_to_exitcode(status))


def _call(caller):
    size, files, _flags, _address = socket.recv_fds(caller, 10, 3)
    text = b''
    while len(text) < int(size):
        text += caller.recv(int(size) - len(text))
    arguments, environment, folder = json.loads(text)
    for number, file in enumerate(files):
        os.dup2(file, number)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, closefd=False) for number, mode in enumerate('rww'))
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    shell = importlib.import_module('openstackclient.shell')
    sys.argv = ['openstack', *arguments]
    return shell.main(arguments)


if __name__ == '__main__':
    serve(sys.argv[1])
