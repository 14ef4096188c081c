# SPDX-License-Identifier: Apache-2.0
"""The metadata is in setup.cfg; pbr reads it and derives the version."""

import setuptools

setuptools.setup(pbr=True)
