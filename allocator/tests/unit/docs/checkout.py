# SPDX-License-Identifier: Apache-2.0
"""Where the documents are, and how to import the code that builds them."""

import importlib.util
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[4]
API_REF = ROOT / 'api-ref' / 'source'
DOC = ROOT / 'doc' / 'source'


def extension(name):
    """Import a module of doc/ext.

    :param name: its name
    :returns: module
    """
    spec = importlib.util.spec_from_file_location(
        name, ROOT / 'doc' / 'ext' / (name + '.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
