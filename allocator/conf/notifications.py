# SPDX-License-Identifier: Apache-2.0
"""Options of notifications, in the [DEFAULT] group."""

from oslo_config import cfg

opts = [
    cfg.StrOpt(
        'notification_level',
        choices=[
            ('debug', 'every notification'),
            ('info', 'every notification: there are none below "info"'),
            ('warning', 'errors and failed allocations'),
            ('error', 'errors and failed allocations'),
            ('critical', 'none: there are none above "error"'),
        ],
        help='Lowest priority of the notifications that are sent. Unless '
             'set, none is. Where they go is said in '
             '[oslo_messaging_notifications]; without a driver there they '
             'go to the message bus.'),
    cfg.ListOpt(
        'versioned_notifications_topics',
        default=['allocator_versioned_notifications'],
        help='Topics to which each notification is sent.'),
]


def register_opts(conf):
    conf.register_opts(opts)


def list_opts():
    return {'DEFAULT': opts}
