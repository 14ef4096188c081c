# SPDX-License-Identifier: Apache-2.0
"""What happens around every controller."""

from pecan import hooks

from allocator.api import authentication
from allocator.api import errors
from allocator.common import exception
from allocator.common.i18n import _

JSON_RANGES = ('*/*', 'application/*', 'application/json')


class ContextHook(hooks.PecanHook):
    """Says who asks, from what the authentication middleware found out."""

    def on_route(self, state):
        state.request.context = authentication.context_of(
            state.request.environ)


class AcceptHook(hooks.PecanHook):
    """Refuses clients that do not take JSON."""

    def on_route(self, state):
        # None without the header, and for a malformed one.
        ranges = state.request.accept.parsed
        if ranges and not any(map(_admits_json, ranges)):
            raise exception.NotAcceptable(reason=_(
                'This service answers in JSON, which the Accept header of '
                'the request does not admit.'))
        # The offer is settled; Pecan would look for a template otherwise.
        state.request.pecan['content_type'] = 'application/json'


def _admits_json(accepted):
    media_range, quality = accepted[:2]
    # A parameter such as the charset makes no difference.
    kind = media_range.partition(';')[0].strip().lower()
    return quality > 0 and kind in JSON_RANGES


class ErrorHook(hooks.PecanHook):
    """Turns errors into answers that clients can parse."""

    def on_error(self, state, error):
        return errors.answer(state.request.environ, error)


def all_hooks():
    """List the hooks in the order in which they are to run."""
    return [AcceptHook(), ContextHook(), ErrorHook()]
