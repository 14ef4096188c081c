# SPDX-License-Identifier: Apache-2.0
"""How the documentation of the client is built."""

project = 'Client of Allocator'
copyright = 'Allocator contributors'

extensions = [
    'cliff.sphinxext',
    'openstackdocstheme',
    'sphinx.ext.autodoc',
]

autoprogram_cliff_application = 'openstack'
autodoc_member_order = 'bysource'

html_theme = 'openstackdocs'
html_theme_options = {'analytics_tracking_code': '', 'display_badge': False}
openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_pdf_link = False
pygments_style = 'native'
