# SPDX-License-Identifier: Apache-2.0
"""A command of this project, run as a process with a log file."""

import glob
import os
import signal
import subprocess
import sys

import allocator

# Seconds that a process may take to end when it is asked to.
PATIENCE = 20

_SOURCE = os.path.dirname(os.path.dirname(allocator.__file__))


def environment():
    """Make the environment in which the code under test is found first."""
    found = dict(os.environ)
    found['PYTHONPATH'] = os.pathsep.join(
        [_SOURCE] + [path for path in [found.get('PYTHONPATH')] if path])
    return found


def script(name):
    """Get the path of a console script next to this Python."""
    return os.path.join(os.path.dirname(sys.executable), name)


def command(name):
    """Get the command line that begins a command.

    A checkout whose package was installed before a script came has the
    script's module all the same.

    :param name: name of a console script
    :returns: list of words
    """
    path = script(name)
    if os.path.exists(path):
        return [path]
    return [sys.executable, '-m',
            'allocator.cmd.' + name.removeprefix('allocator-')]


def run(name, *arguments):
    """Run a command to its end.

    :returns: subprocess.CompletedProcess, with its output as text
    """
    return subprocess.run([*command(name), *arguments], env=environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=120, stdin=subprocess.DEVNULL)


class Process:
    """A command that serves until it is ended.

    :ivar name: what it is called in a failed test's details
    :ivar log: path of the file that has its output
    :ivar variables: dict of environment variables besides the test's own
    """

    def __init__(self, name, log, command, *arguments):
        self.name = name
        self.variables = {}
        self.log = log
        self._command = [script(command), *arguments]
        self._process = None

    @property
    def pid(self):
        """The process id of the master, of which the workers are children."""
        return self._process.pid

    @property
    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def start(self):
        """Start it; what it needs to be ready is the caller's business."""
        with open(self.log, 'ab') as log:
            self._process = subprocess.Popen(
                self._command, env=environment() | self.variables,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                # A group of its own, so that all of it can be killed.
                start_new_session=True)

    def send(self, number):
        """Send a signal to the master."""
        self._process.send_signal(number)

    def send_all(self, number):
        """Send a signal to the master and its workers."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            pass  # all of them have ended

    def kill(self):
        """End master and workers with SIGKILL, as a power failure would."""
        self.send_all(signal.SIGKILL)
        self._process.wait(PATIENCE)

    def children(self):
        """List the process ids of the workers."""
        found = []
        # Each thread may have started some.
        for path in glob.glob('/proc/%d/task/*/children' % self.pid):
            with open(path) as file:
                found += [int(pid) for pid in file.read().split()]
        return found

    def kill_child(self, pid):
        """End one worker with SIGKILL."""
        if pid in self.children():
            os.kill(pid, signal.SIGKILL)

    def terminate(self):
        """Ask it to end; does not wait."""
        if self.is_running:
            self.send(signal.SIGTERM)

    def wait(self):
        """Wait until it has ended; kill what does not.

        :returns: its exit status
        """
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode

    def stop(self):
        """Ask it to end, and wait.

        :returns: its exit status
        """
        self.terminate()
        return self.wait()

    def read_log(self, offset=0):
        """Read its output from a byte on."""
        try:
            with open(self.log, 'rb') as log:
                log.seek(offset)
                return log.read()
        except FileNotFoundError:
            return b''
