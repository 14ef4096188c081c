# SPDX-License-Identifier: Apache-2.0
"""Reads the sources of the API reference."""

import dataclasses
import functools
import re

import yaml

from allocator.tests.unit.docs import checkout

SAMPLES = checkout.API_REF / 'samples'

PAGES = ('baremetal.rst', 'allocator.rst')

_METHOD = re.compile(r'\.\. rest_method:: (\w+) (\S+)(?:\n +min_version: '
                     r'1\.(\d+))?')
_CODES = re.compile(r'\.\. rest_status_code:: \w+ status\.yaml\n\n'
                    r'((?:   .*\n)+)')
_PARAMETERS = re.compile(r'\n(\w+)\n-+\n(?:(?!\n-{3,}\n)[\s\S])*?\.\. '
                         r'rest_parameters:: parameters\.yaml\n\n'
                         r'((?:   .*\n)+)')
# The next method, the next file, or the end.
_END = re.compile(r'\.\. rest_method::|\.\. -\*- rst -\*-|\Z')
_SAMPLE = re.compile(r'literalinclude:: samples/(\S+)')


class _Loader(yaml.SafeLoader):
    """Reads versions as text, for 1.5 and 1.50 are not the same."""


_Loader.add_constructor('tag:yaml.org,2002:float',
                        yaml.SafeLoader.construct_yaml_str)


@dataclasses.dataclass(frozen=True)
class Method:
    """What the reference says of a method.

    :ivar name: method and URL, for example "GET /v1/allocations"
    :ivar since: minor number of the version that brought it, or None
    :ivar statuses: dict of the reason by status code
    :ivar request: dict of the description by parameter
    :ivar response: the same for the attributes of the answer
    :ivar samples: names of the samples shown
    """

    name: str
    since: int | None
    statuses: dict
    request: dict
    response: dict
    samples: list


@functools.cache
def load(name):
    """Read a YAML file beside the sources."""
    return yaml.load((checkout.API_REF / name).read_text(), _Loader)


def text():
    """Read all sources, in the order of the pages of both APIs."""
    return ''.join(
        (checkout.API_REF / name).read_text() for page in PAGES
        for name in re.findall(r'\.\. include:: (\S+)',
                               (checkout.API_REF / page).read_text()))


@functools.cache
def methods():
    """List every documented method.

    :returns: list of Method
    """
    source = text()
    starts = list(_METHOD.finditer(source))
    ends = [_END.search(source, match.end()).start() for match in starts]
    return [_read(match, source[match.end():end])
            for match, end in zip(starts, ends, strict=True)]


def _read(match, section):
    known = load('parameters.yaml')
    parts = {'Request': {}, 'Response': {}}
    for title, block in _PARAMETERS.findall(section):
        for item in yaml.safe_load(block):
            for name, reference in item.items():
                parts[title][name] = known[reference]
    codes = {}
    for block in _CODES.findall(section):
        for item in yaml.load(block, _Loader):
            code, reason = (item, 'default') if isinstance(item, int) else (
                next(iter(item.items())))
            codes[code] = reason
    verb, url, since = match.groups()
    return Method('%s %s' % (verb, url), int(since) if since else None, codes,
                  parts['Request'], parts['Response'],
                  _SAMPLE.findall(section))


def samples():
    """List the names of the samples that the reference shows."""
    return _SAMPLE.findall(text())
