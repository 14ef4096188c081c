# SPDX-License-Identifier: Apache-2.0
"""The service over HTTP, each request shown with its answer."""

import http
import json
import time
import urllib.error
import urllib.request

# Of the Bare Metal API, and of the service's own.
VERSION = '1.79'
OWN_VERSION = '1.2'

# Seconds that an allocation may take until it is decided.
DEADLINE = 30


class Failure(Exception):
    """What failed, in a sentence."""


def say(text):
    print(text, flush=True)


class API:
    """The service over HTTP.

    :param endpoint: its URL
    """

    def __init__(self, endpoint):
        self._endpoint = endpoint

    def call(self, method, path, body=None, show=False):
        """Send a request.

        :param show: print the request and its answer
        :returns: the JSON of the answer
        """
        version = ('allocator ' + OWN_VERSION
                   if path.startswith('/allocator/') else
                   'baremetal ' + VERSION)
        request = urllib.request.Request(
            self._endpoint + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={'Content-Type': 'application/json',
                     'OpenStack-API-Version': version})
        if show:
            say('\n%s %s' % (method, path))
            if body is not None:
                say(json.dumps(body, indent=2))
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
            found = json.loads(text) if text else None
            if show:
                say('-> %d %s' % (answer.status, answer.reason))
                if found is not None:
                    say(json.dumps(_telling(path, found), indent=2))
            return found

    def wait(self, path, condition, what):
        """Ask until what is found meets a condition.

        What is not there yet is waited for as well.

        :param condition: function of what is found
        :param what: the condition in words, for a failure
        :returns: what is found in the end
        :raises: Failure after DEADLINE seconds
        """
        begun = time.monotonic()
        while True:
            try:
                found = self.call('GET', path)
            except urllib.error.HTTPError as error:
                if error.code != http.HTTPStatus.NOT_FOUND:
                    raise
            else:
                if condition(found):
                    return found
            if time.monotonic() - begun > DEADLINE:
                raise Failure('%s after %d seconds.' % (what, DEADLINE))
            time.sleep(0.01)


def _telling(path, found):
    """Leave out what says nothing: links, and fields without a value.

    A node has many of these, an allocation of the own API some.
    """
    if 'provision_state' in found:
        return {name: value for name, value in found.items()
                if value and name not in ('links', 'states')
                and not name.endswith('_interface')}
    if path.startswith('/allocator/'):
        return {name: value for name, value in found.items()
                if name != 'links' and value not in (None, '', [], {})}
    return found
