# SPDX-License-Identifier: Apache-2.0
"""How the documentation is built."""

import os
import sys

sys.path.insert(0, os.path.abspath('../..'))
sys.path.insert(0, os.path.abspath('../ext'))

project = 'Allocator'
copyright = 'Allocator contributors'

extensions = [
    'openstackdocstheme',
    'oslo_config.sphinxconfiggen',
    'oslo_config.sphinxext',
    'oslo_policy.sphinxext',
    'oslo_policy.sphinxpolicygen',
    'sphinxcontrib.rsvgconverter',
    # Those of this project, in doc/ext.
    'diagrams',
    'microversions',
]

# The samples that the reference shows and offers for download.
config_generator_config_file = [
    ('../../tools/config/allocator-config-generator.conf',
     '_static/allocator'),
]
policy_generator_config_file = [
    ('../../tools/config/allocator-policy-generator.conf',
     '_static/allocator'),
]

html_theme = 'openstackdocs'
html_theme_options = {'analytics_tracking_code': '', 'display_badge': False}
openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_pdf_link = False
pygments_style = 'native'

graphviz_output_format = 'svg'

latex_documents = [
    ('index', 'doc-allocator.tex', 'Allocator Documentation',
     'Allocator contributors', 'manual'),
]
latex_engine = 'xelatex'
latex_elements = {'extraclassoptions': 'openany,oneside'}
