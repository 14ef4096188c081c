# SPDX-License-Identifier: Apache-2.0
"""Requests whose body, length and type are made by hand."""

import io

import webob

from allocator.tests import fixtures
from allocator.tests.unit.api import allocating

GOOD = b'{"resource_class": "x"}'


class BrokenStream:
    """A body of which the rest never comes."""

    def read(self, size):
        raise TimeoutError


class BodyTestCase(allocating.AllocationTestCase):

    def send(self, raw, **environ):
        """POST a body; keyword arguments change the WSGI environment.

        :returns: Answer
        """
        environ = {
            'REQUEST_METHOD': 'POST', 'PATH_INFO': allocating.URL,
            'SCRIPT_NAME': '', 'SERVER_NAME': 'localhost', 'SERVER_PORT': '80',
            'SERVER_PROTOCOL': 'HTTP/1.1', 'wsgi.url_scheme': 'http',
            'HTTP_X_OPENSTACK_IRONIC_API_VERSION': 'latest',
            'CONTENT_TYPE': 'application/json',
            'CONTENT_LENGTH': str(len(raw)), 'wsgi.input': io.BytesIO(raw),
        } | {name.replace('__', '.'): value
             for name, value in environ.items()}
        environ = {name: value for name, value in environ.items()
                   if value is not None}
        started = []
        body = b''.join(self.api.application(
            environ, lambda *arguments: started.append(arguments)))
        status, headers = started[0][:2]
        return fixtures.Answer(webob.Response(
            status=status, headerlist=headers, body=body))
