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
    return {'p50_ms': _milliseconds(samples, 0.5),
            'p99_ms': _milliseconds(samples, 0.99),
            'count': len(samples)}


def distribution(samples):
    """Sum up times in more detail.

    :returns: what latency() returns, with the first to the hundredth
        percentile in milliseconds
    """
    return latency(samples) | {'percentiles_ms': [
        _milliseconds(samples, n / 100) for n in range(1, 101)]}


def _milliseconds(samples, share):
    return round(percentile(samples, share) * 1e3, 2)


def best(runs):
    """Choose among repeated runs the one that was disturbed least.

    :param runs: list of what latency() or distribution() returned
    :returns: the one with the smallest median, with all medians in it
    """
    return min(runs, key=lambda run: run['p50_ms']) | {
        'p50_ms_of_runs': [run['p50_ms'] for run in runs]}
