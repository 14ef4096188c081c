# SPDX-License-Identifier: Apache-2.0
"""What the pages of doc/source have to type, to write into files, or show."""

import collections
import pathlib
import re
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOC = ROOT / 'doc' / 'source'

#: kind of a block without a language
LITERAL = ''

Block = collections.namedtuple('Block', ('kind', 'text'))

# "Like this::", or the directive. Other directives are none of them.
_OPENS = re.compile(r'( *)(?:\.\. code-block:: *(\w*)|(?! |\.\. ).*::)$')


def path_of(page):
    """Find a page.

    :param page: its name below doc/source, e.g. "admin/upgrade"
    """
    return DOC / (page + '.rst')


def pages(*folders):
    """List the pages of folders.

    :returns: list of their names
    """
    return [str(path.relative_to(DOC).with_suffix('')) for folder in folders
            for path in sorted((DOC / folder).rglob('*.rst'))]


def blocks(page, *kinds):
    """Read the blocks of a page.

    :param kinds: languages of those that are wanted, LITERAL among them
    :returns: list of Block
    """
    lines = path_of(page).read_text().splitlines()
    found = [Block(kind, text) for kind, text in _read(lines)]
    return [block for block in found if not kinds or block.kind in kinds]


def _read(lines):
    number = 0
    while number < len(lines):
        opened = _OPENS.match(lines[number])
        number += 1
        if opened:
            body = _body(lines[number:], len(opened[1]))
            number += len(body)
            text = textwrap.dedent('\n'.join(body)).strip('\n')
            if text.strip():
                yield opened[2] or LITERAL, text + '\n'


def _body(lines, outside):
    """Take the lines that are farther in than what opens the block."""
    inside, body = None, []
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if line.strip():
            inside = depth if inside is None else inside
            if inside <= outside or depth < inside:
                break
        body.append(line)
    return body


def commands(text):
    """Split a block of the shell.

    :returns: list of commands, which may have several lines; without comments
    """
    return [command.strip() for command
            in re.findall(r'(?:.*\\\n)*.*\n?', text)
            if command.strip() and not command.startswith('#')]
