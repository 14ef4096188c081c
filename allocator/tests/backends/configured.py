# SPDX-License-Identifier: Apache-2.0
"""A backend in the configuration of the test's own process."""

import fixtures
from keystoneauth1 import loading

from allocator.conf import backend
from allocator.conf import CONF


class Backend(fixtures.Fixture):
    """The options of one backend, cleared at the end.

    Needs a Configuration.

    :param name: its name
    :param url: where it is, None for what the catalogue says
    :param options: options of its group; auth_type is "none" unless it says
        otherwise
    """

    def __init__(self, name, url, **options):
        self.name = name
        self._options = {'auth_type': 'none'} | options
        if url is not None:
            self._options['endpoint_override'] = url

    def _setUp(self):
        backend.register(CONF, self.name)
        opts = loading.get_auth_plugin_conf_options(
            self._options['auth_type'])
        CONF.register_opts(opts, group=self.name)
        self.addCleanup(self._forget, opts)
        for option, value in self._options.items():
            self.set(option, value)

    def _forget(self, opts):
        # Some are required, even of a configuration that does not have the
        # backend any more.
        CONF.reset()
        CONF.unregister_opts(opts, group=self.name)

    def set(self, option, value):
        """Set an option for the rest of the test."""
        CONF.set_override(option, value, group=self.name)
        self.addCleanup(CONF.clear_override, option, group=self.name)
