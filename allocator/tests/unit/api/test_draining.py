# SPDX-License-Identifier: Apache-2.0
"""What nobody has read of a request is taken from the connection."""

import io
import math
import pathlib
import socket
import time

import fixtures
from oslotest import base

from allocator.api import app
from allocator.api import draining
from allocator.conf import CONF
from allocator.tests.unit.api import bodies

TOO_NEW = '1.999'
LIMIT = 1024


class EndlessStream:
    """A body that never ends.

    :ivar taken: bytes that were read of it
    """

    taken = 0

    def read(self, size):
        self.taken += size
        return b' ' * size


class SlowStream:
    """A body of which a byte comes now and then; counts the reads."""

    reads = 0

    def read(self, size):
        self.reads += 1
        time.sleep(0.01)
        return b' '


class SocketStream:
    """A body that is read from a connection."""

    def __init__(self, connection):
        self.connection = connection

    def read(self, size):
        return self.connection.recv(size)


class DrainingTests(bodies.BodyTestCase):

    def setUp(self):
        super().setUp()
        self.api.configuration.set('max_request_body_size', LIMIT,
                                   group='api')
        self.most = draining.FACTOR * LIMIT

    def set_timeout(self, seconds):
        self.addCleanup(setattr, draining, 'TIMEOUT', draining.TIMEOUT)
        draining.TIMEOUT = seconds

    def send_stream(self, stream, **environ):
        """POST a body that a stream gives; see send."""
        return self.send(b'', wsgi__input=stream, **environ)

    def refuse_version(self, stream, length=None):
        """POST a body in a version that there is not.

        :param length: Content-Length; a body in chunks unless given
        """
        self.refuse(406, self.send_stream(
            stream, HTTP_X_OPENSTACK_IRONIC_API_VERSION=TOO_NEW,
            CONTENT_LENGTH=length and str(length),
            HTTP_TRANSFER_ENCODING=None if length else 'chunked',
            wsgi__input_terminated=True))

    def test_the_body_of_a_refused_request_is_read(self):
        # Apache before uWSGI answered 503 to some of these.
        for status, environ in (
                (406, {'HTTP_X_OPENSTACK_IRONIC_API_VERSION': TOO_NEW}),
                (400, {'HTTP_X_OPENSTACK_IRONIC_API_VERSION': 'x'}),
                (404, {'PATH_INFO': '/v1/nothing'}),
                (405, {'REQUEST_METHOD': 'PUT'}),
                (406, {'HTTP_ACCEPT': 'text/html'}),
                (415, {'CONTENT_TYPE': 'text/plain'})):
            stream = io.BytesIO(bodies.GOOD)
            self.refuse(status, self.send_stream(
                stream, CONTENT_LENGTH=str(len(bodies.GOOD)), **environ))
            self.assertEqual(b'', stream.read())

    def test_the_body_of_who_is_not_known_is_read(self):
        users = self.useFixture(fixtures.TempDir()).join('htpasswd')
        # No password has such a hash.
        pathlib.Path(users).write_text('somebody:$2y$05$%s\n' % ('x' * 53))
        self.api.configuration.set('http_basic_auth_user_file', users)
        self.addCleanup(CONF.clear_override, 'http_basic_auth_user_file',
                        group='oslo_middleware')
        self.api.configuration.set('auth_strategy', 'http_basic')
        self.api.application = app.setup_app()
        stream = io.BytesIO(bodies.GOOD)
        self.refuse(401, self.send_stream(
            stream, CONTENT_LENGTH=str(len(bodies.GOOD))))
        self.assertEqual(b'', stream.read())

    def test_a_body_that_nobody_asks_for_is_read(self):
        stream = io.BytesIO(bodies.GOOD)
        answer = self.send_stream(stream, REQUEST_METHOD='GET',
                                  CONTENT_LENGTH=str(len(bodies.GOOD)))
        self.assertEqual(200, answer.status)
        self.assertEqual(b'', stream.read())

    def test_a_body_in_chunks_is_read(self):
        stream = io.BytesIO(b' ' * LIMIT)
        self.refuse_version(stream)
        self.assertEqual(b'', stream.read())

    def test_nothing_of_the_next_request_is_read(self):
        stream = io.BytesIO(bodies.GOOD + b'next')
        self.refuse_version(stream, len(bodies.GOOD))
        self.assertEqual(b'next', stream.read())
        stream = io.BytesIO(bodies.GOOD + b'next')
        self.assertEqual(201, self.send_stream(
            stream, CONTENT_LENGTH=str(len(bodies.GOOD))).status)
        self.assertEqual(b'next', stream.read())

    def test_without_a_length_nothing_is_read(self):
        for length in ('0', '', '-1', 'x', '٢', '1_0'):
            stream = EndlessStream()
            self.send_stream(stream, CONTENT_LENGTH=length,
                             HTTP_X_OPENSTACK_IRONIC_API_VERSION=TOO_NEW)
            self.assertEqual(0, stream.taken, length)

    def test_a_request_without_a_body_is_not_read(self):
        for environ in ({'wsgi__input_terminated': True},
                        {'HTTP_TRANSFER_ENCODING': 'chunked'}):
            stream = EndlessStream()
            answer = self.send_stream(stream, REQUEST_METHOD='GET',
                                      CONTENT_LENGTH=None, **environ)
            self.assertEqual((200, 0), (answer.status, stream.taken))

    def test_a_body_a_little_too_large_is_read(self):
        stream = io.BytesIO(b' ' * self.most)
        self.refuse(413, self.send_stream(
            stream, CONTENT_LENGTH=str(self.most)), str(LIMIT))
        self.assertEqual(b'', stream.read())

    def test_a_body_far_too_large_is_not_read(self):
        for length in (self.most + 1, 10 ** 30):
            stream = EndlessStream()
            self.refuse_version(stream, length)
            self.assertEqual(0, stream.taken)

    def test_a_body_in_chunks_that_never_ends_is_read_up_to_a_bound(self):
        stream = EndlessStream()
        self.refuse_version(stream)
        self.assertEqual(self.most, stream.taken)

    def test_a_body_is_not_waited_for_longer_than_allowed(self):
        self.set_timeout(0.1)
        stream = SlowStream()
        self.refuse_version(stream)
        self.assertLess(stream.reads, 50)

    def test_a_read_that_waits_is_ended(self):
        ours, client = socket.socketpair()
        self.addCleanup(client.close)
        self.addCleanup(ours.close)
        # The test fails with it, instead of waiting for ever.
        ours.settimeout(30)
        self.set_timeout(0.1)
        began = time.monotonic()
        self.refuse(406, self.send_stream(
            SocketStream(ours), CONTENT_LENGTH='100',
            HTTP_X_OPENSTACK_IRONIC_API_VERSION=TOO_NEW,
            gunicorn__socket=ours))
        self.assertLess(time.monotonic() - began, 20)

    def test_a_body_that_does_not_come_changes_no_answer(self):
        self.refuse_version(bodies.BrokenStream(), 100)
        self.refuse_version(bodies.BrokenStream())

    def test_what_failed_once_is_not_tried_again(self):
        class Counting(bodies.BrokenStream):
            reads = 0

            def read(self, size):
                self.reads += 1
                return super().read(size)

        stream = Counting()
        self.refuse(408, self.send_stream(stream, CONTENT_LENGTH='100'))
        self.assertEqual(1, stream.reads)

    def test_an_error_of_the_application_goes_on(self):
        def broken(environ, start_response):
            raise ValueError

        stream = io.BytesIO(b'four')
        self.assertRaises(ValueError, draining.UnreadBody(broken), {
            'wsgi.input': stream, 'CONTENT_LENGTH': '4'}, None)
        self.assertEqual(b'', stream.read())


class BodyTests(base.BaseTestCase):

    def test_it_is_the_stream_beneath(self):
        stream = io.BytesIO(b'one\ntwo')
        body = draining._Body(stream, math.inf)
        self.assertEqual(b'one\n', body.readline())
        self.assertEqual(b'two', body.read())
