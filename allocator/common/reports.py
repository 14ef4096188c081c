# SPDX-License-Identifier: Apache-2.0
"""Reports on SIGUSR2: what each thread of a process is at just now.

oslo.reports writes them to standard error, or where [oslo_reports] says.
"""

import sys

from oslo_reports import guru_meditation_report as reports

from allocator import version
from allocator.conf import CONF


class _Package:
    """What a report says of the package, as the library asks for it."""

    vendor_string = staticmethod(lambda: None)
    product_string = staticmethod(lambda: 'allocator')
    version_string_with_package = staticmethod(
        version.version_info.release_string)


def prepare(name):
    """Have this process write a report whenever it gets SIGUSR2.

    To be called in each process, after its HTTP server or manager of workers
    has taken the signals that it wants.

    :param name: name of the program, part of the names of files
    """
    reports.TextGuruMeditation.setup_autorun(
        _Package, service_name=name, conf=CONF)


def write(name):
    """Write a report now, for a process that takes its signals by itself.

    :param name: name of the program
    """
    reports.TextGuruMeditation.handle_signal(
        _Package, name, CONF.oslo_reports.log_dir, sys._getframe())
