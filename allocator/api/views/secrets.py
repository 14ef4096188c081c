# SPDX-License-Identifier: Apache-2.0
"""Keeps secrets out of answers."""

import re

MASK = '******'

# Parts of the names of what nobody is to read: passwords, tokens, the keys
# of SNMP and of SSH, and documents that hold such things.
_SECRET = re.compile(
    'password|passphrase|secret|token|private_key|key_contents|credential'
    '|snmp_(auth|priv)|snmp_community|configdrive|image_url', re.IGNORECASE)


def masked(document):
    """Replace secret values by a mask, however deep they lie.

    :param document: dict
    :returns: dict; the document itself if nothing is secret in it
    """
    if not document:
        return document
    return {key: MASK if _is_secret(key, value) else _inside(value)
            for key, value in document.items()}


def _is_secret(key, value):
    return value not in (None, '') and _SECRET.search(key) is not None


def _inside(value):
    if isinstance(value, dict):
        return masked(value)
    if isinstance(value, list):
        return [_inside(item) for item in value]
    return value
