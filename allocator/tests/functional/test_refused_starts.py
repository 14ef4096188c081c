# SPDX-License-Identifier: Apache-2.0
"""A process that could not do its work ends at once, and says why."""

import configparser
import os

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
import fixtures as fixture
from testtools import content

from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import processes
from allocator.tests.functional import test_http_server
from allocator.tests.functional import testcase


class RefusedStart:

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixture.TempDir()).path
        self.port = fixtures.free_port()

    def write(self, name, text):
        """Write a file.

        :returns: its path
        """
        path = os.path.join(self.folder, name)
        with open(path, 'w') as file:
            file.write(text)
        return path

    def refuse(self, command, sentence, **sections):
        """See a command end, with a sentence as its last words."""
        path = os.path.join(self.folder, 'allocator.conf')
        parser = configparser.RawConfigParser()
        parser.read_dict({
            'DEFAULT': {'auth_strategy': 'noauth',
                        'transport_url': 'fake://'},
            'database': {'connection': 'sqlite:///%s/test.sqlite'
                         % self.folder}})
        parser.read_dict(sections)
        parser.read_dict({'api': {'host_ip': '127.0.0.1',
                                  'port': self.port}})
        with open(path, 'w') as file:
            parser.write(file)
        made = processes.run(command, '--config-file', path)
        self.addDetail(command, content.text_content(made.stdout))
        self.assertEqual(1, made.returncode)
        self.assertIn(sentence, made.stdout.splitlines()[-1])
        self.assertNotIn('Traceback', made.stdout)


@testcase.per_database(databases.SQLITE)
class HeartbeatTests(RefusedStart):

    def test_timeout_below_the_interval(self):
        """Once, each conductor came and went between two heartbeats."""
        for command in ('allocator', 'allocator-api', 'allocator-conductor'):
            self.refuse(
                command, '[conductor] heartbeat_timeout (9 seconds) is less '
                'than heartbeat_interval (10 seconds)',
                conductor={'heartbeat_timeout': 9, 'heartbeat_interval': 10})


@testcase.per_database(databases.SQLITE)
class ValueTests(RefusedStart):

    def test_values_that_options_cannot_have(self):
        """Once, the first look at such an option ended with a traceback."""
        for sentence, sections in (
                ('[DEFAULT] auth_strategy: ',
                 {'DEFAULT': {'auth_strategy': 'keystoen'}}),
                ('[conductor] workers: ', {'conductor': {'workers': 'many'}}),
                ('[conductor] heartbeat_interval: ',
                 {'conductor': {'heartbeat_interval': 'x'}}),
                ('The name "a b" in [DEFAULT] enabled_backends cannot be '
                 'taken', {'DEFAULT': {'enabled_backends': 'a b'}}),
                ('[east] poll_interval: ',
                 {'DEFAULT': {'enabled_backends': 'east'},
                  'east': {'poll_interval': 'x'}})):
            for command in ('allocator', 'allocator-api',
                            'allocator-conductor'):
                self.refuse(command, sentence, **sections)


@testcase.per_database(databases.SQLITE)
class TlsTests(RefusedStart):

    def refuse_tls(self, command, sentence, **options):
        self.refuse(command, sentence, api={'enable_ssl_api': True} | options)

    def test_no_certificate(self):
        """Once, plain HTTP was served then."""
        for command in ('allocator', 'allocator-api'):
            self.refuse_tls(command, '[api] enable_ssl_api needs '
                                     'ssl_cert_file and ssl_key_file.')

    def test_no_key(self):
        certificate, _key = test_http_server.make_certificate(self.folder)
        self.refuse_tls('allocator', 'needs ssl_cert_file and ssl_key_file.',
                        ssl_cert_file=certificate)

    def test_key_that_cannot_be_read(self):
        """Once, each connection was accepted and dropped then."""
        certificate, key = test_http_server.make_certificate(self.folder)
        os.unlink(key)
        self.refuse_tls(
            'allocator-api', '[api] ssl_key_file %s cannot be read: No such '
            'file or directory' % key,
            ssl_cert_file=certificate, ssl_key_file=key)

    def test_key_of_another_certificate(self):
        certificate, key = test_http_server.make_certificate(self.folder)
        self.write('key.pem', self.make_key(serialization.NoEncryption()))
        self.refuse_tls('allocator', '([api] ssl_cert_file and ssl_key_file) '
                                     'cannot be used: ',
                        ssl_cert_file=certificate, ssl_key_file=key)

    def test_key_with_a_password(self):
        certificate, key = test_http_server.make_certificate(self.folder)
        self.write('key.pem', self.make_key(
            serialization.BestAvailableEncryption(b'secret')))
        self.refuse_tls('allocator', 'the key is encrypted',
                        ssl_cert_file=certificate, ssl_key_file=key)

    def make_key(self, encryption):
        return ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            encryption).decode()
