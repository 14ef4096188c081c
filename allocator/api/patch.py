# SPDX-License-Identifier: Apache-2.0
"""JSON Patch (RFC 6902), reduced to what the Bare Metal API takes."""

import copy

import jsonpatch
import jsonpointer

from allocator.api import request
from allocator.common import exception
from allocator.common.i18n import _

OPERATIONS = ('add', 'replace', 'remove')

# Characters of an operation that an error quotes.
MAX_QUOTED = 200


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
    return exception.PatchError(patch=str(item)[:MAX_QUOTED], reason=reason)


def apply(document, operations, strict=False):
    """Apply a patch.

    :param document: dict of attributes; it is not changed
    :param operations: list of operations from read()
    :param strict: whether it is an error to remove what is absent
    :returns: dict
    :raises: PatchError
    """
    patched = copy.deepcopy(document)
    for operation in operations:
        if (not strict and operation['op'] == 'remove'
                and _is_absent(patched, operation)):
            continue
        try:
            patched = jsonpatch.apply_patch(
                patched, [_lenient(operation)], in_place=True)
        except (jsonpatch.JsonPatchException,
                jsonpointer.JsonPointerException, TypeError) as exc:
            raise _refusal(operation, exc) from exc
    # Patch by patch a document could grow beyond what one request may hold.
    request.check_depth(patched)
    request.check_size(patched)
    return patched


def _is_absent(document, operation):
    missing = object()
    try:
        return jsonpointer.resolve_pointer(
            document, operation['path'], missing) is missing
    except (jsonpointer.JsonPointerException, TypeError):
        return True


def _lenient(operation):
    """Let an attribute that is not set be replaced."""
    if operation['op'] == 'replace' and operation['path'].count('/') == 1:
        return operation | {'op': 'add'}
    return operation


