# SPDX-License-Identifier: Apache-2.0
"""Where the commands under measurement are installed."""

import os
import shutil
import sys


class Installation:
    """The commands of one release, and the code that they run.

    :param path: a virtual environment that the service is installed in, or
        a checkout, which runs with the libraries of this Python; None for
        what is beside this Python
    :raises: ValueError if it is neither
    :ivar path: as given
    """

    def __init__(self, path=None):
        self.path = path
        self._folder, self._code = os.path.dirname(sys.executable), None
        if path is None:
            return
        path = os.path.abspath(path)
        if os.path.exists(os.path.join(path, 'bin', 'allocator-api')):
            self._folder, self._code = os.path.join(path, 'bin'), ''
        elif os.path.exists(os.path.join(path, 'allocator', '__init__.py')):
            self._code = path
        else:
            raise ValueError('%s is neither a virtual environment with the '
                             'service in it nor a checkout of it' % path)

    def script(self, name):
        """Find a command.

        :returns: its path
        """
        beside = os.path.join(self._folder, name)
        return (beside if os.path.exists(beside)
                else shutil.which(name) or name)

    def environment(self):
        """List the environment variables for its commands.

        :returns: dict
        """
        if self._code is None:
            return dict(os.environ)
        # What leads Python to one release must not lead it to another.
        return os.environ | {'PYTHONPATH': self._code}
