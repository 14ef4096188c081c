# SPDX-License-Identifier: Apache-2.0
"""The version of this distribution, as pbr derived it from git."""

import pbr.version

version_info = pbr.version.VersionInfo('allocator')
