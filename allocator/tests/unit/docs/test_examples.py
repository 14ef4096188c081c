# SPDX-License-Identifier: Apache-2.0
"""The examples in etc/allocator work as they are."""

import re

from oslotest import base

from allocator.tests.unit.docs import checkout

ETC = checkout.ROOT / 'etc' / 'allocator'


class ApacheTests(base.BaseTestCase):

    def test_apache_listens_where_its_host_is(self):
        """Once, the port of the VirtualHost was one that nobody listened to.

        It is not among those of Debian's ports.conf.
        """
        examples = sorted(ETC.glob('apache-*.conf'))
        self.assertEqual(2, len(examples))
        for path in examples:
            text = path.read_text()
            self.assertEqual(
                re.findall(r'^<VirtualHost \*:(\d+)>', text, re.MULTILINE),
                re.findall(r'^Listen (\d+)$', text, re.MULTILINE), path)

    def test_mod_wsgi_may_read_the_configuration(self):
        """Its files belong to root and the group, see the install guide."""
        text = (ETC / 'apache-allocator-wsgi.conf').read_text()
        [daemon] = re.findall(r'^WSGIDaemonProcess ((?:.*\\\n)*.*)$', text,
                              re.MULTILINE)
        self.assertIn(' group=allocator ', daemon)


class ConfigurationTests(base.BaseTestCase):

    def test_what_needs_an_extra_is_commented_out(self):
        text = (ETC / 'allocator.conf.example').read_text()
        self.assertNotIn('\nmemcached_servers', text)
        self.assertIn('\n# memcached_servers', text)
