# SPDX-License-Identifier: Apache-2.0
"""How the release notes are built."""

project = 'Allocator Release Notes'
copyright = 'Allocator contributors'

extensions = ['openstackdocstheme', 'reno.sphinxext']

html_theme = 'openstackdocs'
html_theme_options = {'analytics_tracking_code': '', 'display_badge': False}
openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_pdf_link = False
pygments_style = 'native'
