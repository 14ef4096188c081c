# SPDX-License-Identifier: Apache-2.0
"""Who asks: the context of one request.

It holds no token and no password: nothing here calls another service in the
client's name, so none can end in a log or on the message bus.
"""

import functools

from oslo_context import context


class RequestContext(context.RequestContext):
    """The context of a request, from the API to the conductor."""

    def to_policy_values(self):
        """List what rules may ask about a client.

        :returns: dict, with the name of the project, by which the services'
            project is known, beyond what oslo.context gives. What a client
            has not is left out, so that nothing equals it: a check compares
            strings, and None would be the owner called "None".
        """
        values = dict(super().to_policy_values())
        values['project_name'] = self.project_name
        return {name: value for name, value in values.items()
                if value is not None}

    @functools.cached_property
    def policy_key(self):
        """What rules may ask about a client, to look answers up by.

        Nothing of it changes after a context is made.
        """
        return tuple((name, tuple(value) if isinstance(value, list) else value)
                     for name, value in self.to_policy_values().items())


def authenticated_context(environ):
    """Make the context of a client from what Keystone said of its token.

    :param environ: WSGI environment with the headers of auth_token
    """
    return RequestContext.from_environ(environ, auth_token=None,
                                       service_token=None)


def admin_context(environ=None, user_name=None):
    """Make the context of a client that may do everything.

    It stands for everybody where nobody is authenticated, and for the users
    of HTTP basic authentication.

    :param environ: WSGI environment of a request, or None
    :param user_name: who it is, for the log
    """
    return RequestContext(
        roles=['admin', 'manager', 'member', 'reader'], system_scope='all',
        is_admin=True, user_name=user_name, **_ids(environ))


def anonymous_context(environ=None):
    """Make the context of a client that may do nothing.

    :param environ: WSGI environment of a request, or None
    """
    return RequestContext(**_ids(environ))


def forget_client(environ):
    """Have the log name nobody until the client of a request is known.

    Else what middleware logs before would be put down to whoever sent this
    thread's last request.

    :param environ: WSGI environment of the request
    """
    anonymous_context(environ).update_store()


def _ids(environ):
    found = environ or {}
    return {'request_id': found.get('openstack.request_id'),
            'global_request_id': found.get('openstack.global_request_id')}
