# SPDX-License-Identifier: Apache-2.0
"""Figures of two kinds that were measured in turns."""

import statistics

from benchmarks import figures


def latencies(samples):
    """Sum up times with their spread.

    :param samples: list of seconds
    :returns: dict of milliseconds, and the number of samples
    """
    found = {name: round(figures.percentile(samples, share) * 1e3, 1)
             for name, share in (('p10_ms', 0.1), ('p50_ms', 0.5),
                                 ('p90_ms', 0.9))}
    return found | {'count': len(samples)}


def compared(own, bare):
    """Compare the times of the service with those of bare clients.

    :param own: list of seconds
    :param bare: list of seconds, each measured beside the one of own
    :returns: dict; "ratio" is that of the medians, "p10" and "p90" are of
        the ratios of the pairs
    """
    ratios = [one / other for one, other in zip(own, bare, strict=True)]
    return {'service': latencies(own), 'bare': latencies(bare),
            'ratio': round(statistics.median(own)
                           / statistics.median(bare), 2),
            'ratio_p10': round(figures.percentile(ratios, 0.1), 2),
            'ratio_p90': round(figures.percentile(ratios, 0.9), 2)}


def rates(own, bare):
    """Compare throughputs.

    :param own: list of allocations per second, one for each run
    :param bare: list of those of bare clients, each measured beside
    :returns: dict; "ratio" is the median of the ratios of the pairs
    """
    ratios = [one / other for one, other in zip(own, bare, strict=True)]
    return {'service_per_second': round(statistics.median(own), 1),
            'bare_per_second': round(statistics.median(bare), 1),
            'ratio': round(statistics.median(ratios), 2),
            'ratios': [round(ratio, 2) for ratio in ratios]}
