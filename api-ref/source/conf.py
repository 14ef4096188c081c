# SPDX-License-Identifier: Apache-2.0
"""How the API reference is built."""

import pathlib
import re

from docutils import nodes

# The table of microversions is read as text: this environment has none of
# the service's dependencies.
versions = (pathlib.Path(__file__).parent /
            '../../allocator/api/versions/baremetal.py').read_text()

project = 'Bare Metal Allocation API Reference'
copyright = 'Allocator contributors'

extensions = ['openstackdocstheme', 'os_api_ref']

os_api_ref_min_microversion = '1.' + re.search(
    r'^MIN = (\d+)', versions, re.MULTILINE).group(1)
os_api_ref_max_microversion = '1.' + re.search(
    r'^MAX = (\d+)', versions, re.MULTILINE).group(1)

html_theme = 'openstackdocs'
html_theme_options = {'analytics_tracking_code': '', 'display_badge': False,
                      'sidebar_mode': 'toc'}
openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_pdf_link = False
pygments_style = 'native'

# Stands for the newest version in the samples, which so outlive a raise.
NEWEST = '|newest|'


def tell_newest(_app, doctree):
    for block in doctree.findall(nodes.literal_block):
        if NEWEST in block.rawsource:
            block.rawsource = block.rawsource.replace(
                NEWEST, os_api_ref_max_microversion)
            block[:] = [nodes.Text(block.rawsource)]


def setup(app):
    app.connect('doctree-read', tell_newest)
