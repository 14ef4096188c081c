# SPDX-License-Identifier: Apache-2.0
"""The built-in HTTP server: TLS, and clients that take their time."""

import configparser
import datetime
import ipaddress
import os
import socket
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
import fixtures as fixture
import requests
from testtools import content

from allocator.tests.functional import databases
from allocator.tests.functional import fixtures
from allocator.tests.functional import processes
from allocator.tests.functional import testcase
from allocator.tests.functional import waiting

# Starts the single process with timeouts that a test can wait for.
IMPATIENT = ('from allocator.api import draining, http_worker, server;'
             'draining.TIMEOUT = 1;'
             'server.CLIENT_TIMEOUT = 1; http_worker.REQUEST_TIMEOUT = 2;'
             'from allocator.cmd import single; single.main()')

THREADS = 4


def make_certificate(folder):
    """Make a certificate of its own for 127.0.0.1.

    :returns: paths of the certificate and of its key
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(
        x509.NameOID.COMMON_NAME, 'allocator')])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(),
        now - day, now + day).add_extension(
        x509.SubjectAlternativeName(
            [x509.IPAddress(ipaddress.ip_address('127.0.0.1'))]),
        critical=False).sign(key, hashes.SHA256())
    paths = [os.path.join(folder, name) for name in ('cert.pem', 'key.pem')]
    contents = [made.public_bytes(serialization.Encoding.PEM),
                key.private_bytes(serialization.Encoding.PEM,
                                  serialization.PrivateFormat.PKCS8,
                                  serialization.NoEncryption())]
    for path, text in zip(paths, contents, strict=True):
        with open(path, 'wb') as file:
            file.write(text)
    return paths


@testcase.per_database(databases.SQLITE)
class HttpServer:

    def setUp(self):
        super().setUp()
        self.folder = self.useFixture(fixture.TempDir()).path
        self.port = fixtures.free_port()

    def _start(self, *command, **options):
        """Start the single process.

        :param command: what to run; the script unless given
        :param options: options of [api]
        """
        path = os.path.join(self.folder, 'allocator.conf')
        parser = configparser.RawConfigParser()
        parser.read_dict({
            'api': {'port': self.port, 'worker_threads': THREADS, **options},
            'database': {'connection': 'sqlite:///%s/test.sqlite'
                         % self.folder}})
        with open(path, 'w') as file:
            parser.write(file)
        process = processes.Process(
            'allocator', os.path.join(self.folder, 'log'),
            *(command or ['allocator']), '--config-file', path)
        process.start()
        self.addCleanup(process.stop)
        self.addOnException(lambda _exc_info: self.addDetail(
            'log', content.text_content(process.read_log().decode())))
        waiting.until(self._listens, 60, 'the server listens')

    def _connect(self):
        return socket.create_connection(('127.0.0.1', self.port), 20)

    def _listens(self):
        try:
            self._connect().close()
        except ConnectionRefusedError:
            return False
        return True

    def _start_tls(self, **options):
        certificate, key = make_certificate(self.folder)
        self._start(enable_ssl_api=True, ssl_cert_file=certificate,
                    ssl_key_file=key, **options)
        return certificate

    def _negotiate(self, version):
        """Speak one version of TLS with the server.

        :returns: its name
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        context.set_ciphers('DEFAULT:@SECLEVEL=0')
        with self._connect() as raw, context.wrap_socket(raw) as made:
            return made.version()

    def test_https(self):
        certificate = self._start_tls()
        with requests.Session() as session:
            session.trust_env = False
            session.verify = certificate
            answer = session.get('https://127.0.0.1:%d/v1/nodes' % self.port,
                                 timeout=20)
        self.assertEqual(200, answer.status_code)
        self.assertEqual('TLSv1.2',
                         self._negotiate(ssl.TLSVersion.TLSv1_2))
        self.assertRaises((ssl.SSLError, ConnectionError), self._negotiate,
                          ssl.TLSVersion.TLSv1_1)

    def test_minimum_version(self):
        self._start_tls(ssl_minimum_version='TLSv1.3')
        self.assertEqual('TLSv1.3',
                         self._negotiate(ssl.TLSVersion.TLSv1_3))
        self.assertRaises((ssl.SSLError, ConnectionError), self._negotiate,
                          ssl.TLSVersion.TLSv1_2)

    def _ask(self):
        """Send a whole request.

        :returns: how many seconds its answer took
        """
        started = time.monotonic()
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get('http://127.0.0.1:%d/v1' % self.port,
                                 timeout=60)
        self.assertEqual(200, answer.status_code)
        return time.monotonic() - started

    def _occupy(self, start):
        """Begin more requests than there are threads, and stop there."""
        for _ in range(2 * THREADS):
            client = self._connect()
            self.addCleanup(client.close)
            client.sendall(start)
            yield client

    def _start_impatient(self):
        self._start('python', '-c', IMPATIENT)

    def test_silent_clients_keep_no_thread(self):
        self._start_impatient()
        for start in (b'GET /v1 HTTP/1.1\r\nHost: x\r\n',
                      b'POST /v1/nodes HTTP/1.1\r\nHost: x\r\n'
                      b'X-OpenStack-Ironic-API-Version: latest\r\n'
                      b'Content-Type: application/json\r\n'
                      b'Content-Length: 100\r\n\r\n{'):
            list(self._occupy(start))
            self.assertLess(self._ask(), 40)

    def test_clients_that_drip_keep_no_thread(self):
        self._start_impatient()
        self._drip(list(self._occupy(b'GET /v1 HTTP/1.1\r\nX-Long: ')))
        self.assertLess(self._ask(), 30)

    def _drip(self, clients):
        """Send a byte now and then, from each client."""
        ended = threading.Event()
        self.addCleanup(ended.set)

        def drip():
            while not ended.wait(0.3):
                for client in list(clients):
                    try:
                        client.sendall(b'x')
                    except OSError:
                        clients.remove(client)

        threading.Thread(target=drip, daemon=True).start()

    def test_a_refused_client_that_drips_reads_why(self):
        self._start('python', '-c', IMPATIENT.replace(
            'REQUEST_TIMEOUT = 2', 'REQUEST_TIMEOUT = 3600'))
        client = self._connect()
        self.addCleanup(client.close)
        client.sendall(b'POST /v1/nodes HTTP/1.1\r\nHost: x\r\n'
                       b'X-OpenStack-Ironic-API-Version: 1.999\r\n'
                       b'Content-Length: 1000\r\n\r\n')
        self._drip([client])
        self.assertTrue(client.recv(100).startswith(b'HTTP/1.1 406 '))
