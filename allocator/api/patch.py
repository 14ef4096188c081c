# SPDX-License-Identifier: Apache-2.0
"""JSON Patch (RFC 6902), reduced to what the Bare Metal API takes."""

import copy

import jsonpatch
import jsonpointer

from allocator.api import request
from allocator.common import exception
from allocator.common.i18n import _

OPERATIONS = ('add', 'replace', 'remove')

# Characters of a path that an error quotes.
MAX_QUOTED = 200

# What the libraries raise when an operation finds no place. Their sentences
# quote the document, secrets included, and stay here.
_ERRORS = (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException,
           LookupError, TypeError, ValueError)


# Why an operation finds no place.
_MISPLACED = {
    'add': _('there is no object or list to put the value into, or no such '
             'place in the list'),
    'replace': _('there is nothing to replace'),
    'remove': _('there is nothing to remove'),
}


def read(patchable, elsewhere=None):
    """Read a patch from the body of the request.

    :param patchable: names of the attributes that may be changed
    :param elsewhere: dict of where to change other attributes, by name
    :returns: list of operations
    :raises: Invalid, PatchError
    """
    document = request.json_body()
    if not isinstance(document, list):
        raise exception.Invalid(reason=_(
            'A patch must be a list of operations.'))
    return [_operation(item, patchable, elsewhere or {})
            for item in document]


def roots(operations):
    """List the attributes that a patch touches, each once.

    :param operations: list of operations from read()
    """
    return list(dict.fromkeys(root(operation) for operation in operations))


def root(operation):
    """Name the attribute that an operation touches."""
    return jsonpointer.JsonPointer(operation['path']).parts[0]


def removes(operations, name):
    """Tell whether a patch removes an attribute."""
    return any(operation['op'] == 'remove' and root(operation) == name
               for operation in operations)


def _operation(item, patchable, elsewhere):
    def refuse(reason, **parts):
        raise _refusal(item, reason % parts)

    if not isinstance(item, dict):
        refuse(_('an operation is an object with op, path and value'))
    if item.get('op') not in OPERATIONS:
        refuse(_('op must be one of %(known)s'), known=', '.join(OPERATIONS))
    unknown = set(item).difference(('op', 'path', 'value'))
    if unknown:
        refuse(_('unknown members: %(names)s'),
               names=', '.join(sorted(unknown)))
    path = item.get('path')
    if not isinstance(path, str) or not path.startswith('/'):
        refuse(_('path must be a string that starts with "/"'))
    if item['op'] != 'remove' and 'value' not in item:
        refuse(_('a value is needed'))
    try:
        parts = jsonpointer.JsonPointer(path).parts
    except jsonpointer.JsonPointerException:
        refuse(_('path is not a valid JSON pointer'))
    if parts[0] in elsewhere:
        refuse(_('"%(name)s" cannot be changed here; use %(place)s'),
               name=parts[0], place=elsewhere[parts[0]])
    if parts[0] not in patchable:
        refuse(_('"%(name)s" cannot be changed; what can be is %(others)s'),
               name=parts[0], others=', '.join(sorted(patchable)))
    return item


def _refusal(item, reason):
    """Make the error for an operation, of which it quotes but the path."""
    path = item.get('path') if isinstance(item, dict) else None
    return exception.PatchError(
        path=path[:MAX_QUOTED] if isinstance(path, str) else '',
        reason=reason)


def apply(document, operations):
    """Apply a patch, whole or not at all.

    :param document: dict of attributes; it is not changed
    :param operations: list of operations from read()
    :returns: dict
    :raises: PatchError
    """
    patched = copy.deepcopy(document)
    for operation in operations:
        if _is_removed_already(patched, operation):
            continue
        try:
            patched = jsonpatch.apply_patch(
                patched, [_lenient(operation)], in_place=True)
        except _ERRORS:
            raise _refusal(operation,
                           _MISPLACED[operation['op']]) from None
    # Patch by patch a document could grow beyond what one request may hold.
    request.check_depth(patched)
    request.check_size(patched)
    return patched


def _is_attribute(operation):
    """Tell whether an operation is about an attribute as a whole."""
    return operation['path'].count('/') == 1


def _is_removed_already(document, operation):
    """Let an attribute that is not set be removed.

    A key inside of one must be there (RFC 6902, 4.2).
    """
    return (operation['op'] == 'remove' and _is_attribute(operation)
            and root(operation) not in document)


def _lenient(operation):
    """Let an attribute that is not set be replaced."""
    if operation['op'] == 'replace' and _is_attribute(operation):
        return operation | {'op': 'add'}
    return operation


