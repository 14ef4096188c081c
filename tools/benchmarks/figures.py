# SPDX-License-Identifier: Apache-2.0
"""Figures from samples."""


def percentile(samples, share):
    """Get the sample below which a share of all samples lies.

    :param share: 0.5 for the median
    """
    ordered = sorted(samples)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def latency(samples):
    """Sum up times.

    :param samples: list of seconds
    :returns: dict of milliseconds, and the number of samples
    """
    return {'p50_ms': round(percentile(samples, 0.5) * 1e3, 2),
            'p99_ms': round(percentile(samples, 0.99) * 1e3, 2),
            'count': len(samples)}


def best(runs):
    """Choose among repeated runs the one that was disturbed least.

    :param runs: list of what latency() returned
    :returns: the one with the smallest median, with all medians in it
    """
    return min(runs, key=lambda run: run['p50_ms']) | {
        'p50_ms_of_runs': [run['p50_ms'] for run in runs]}
