# SPDX-License-Identifier: Apache-2.0
"""Plots of the results as SVG, if matplotlib is installed."""

import os

# The reference's figures, from the same kind of machine: nodes, then
# milliseconds to active and allocations a second.
REFERENCE_ACTIVE = {100: 67, 1000: 489, 10000: 3361}
REFERENCE_THROUGHPUT = {100: 12, 1000: 2.1, 10000: 0.27}
REFERENCE = 'Bare Metal service'


def draw(folder, results, name):
    """Draw what there is.

    :param folder: where the files go
    :param results: dict of what the measurements returned
    :param name: what the service is called in the legends
    :returns: list of the files; empty without matplotlib
    """
    try:
        import matplotlib
    except ImportError:
        return []
    matplotlib.use('svg')
    # Text stays text, and the same figures make the same file.
    matplotlib.rcParams.update({'svg.fonttype': 'none',
                                'svg.hashsalt': 'allocator',
                                'figure.figsize': (7, 4)})
    files = []
    if 'time_to_active' in results:
        files.append(_against_nodes(
            os.path.join(folder, 'time-to-active.svg'), 'milliseconds, p50',
            {int(size): run['active']['p50_ms'] for size, run
             in results['time_to_active'].items()}, REFERENCE_ACTIVE, name))
    if 'throughput' in results:
        files.append(_against_nodes(
            os.path.join(folder, 'throughput.svg'), 'allocations a second',
            {int(size): run['per_second'] for size, run
             in results['throughput'].items()}, REFERENCE_THROUGHPUT, name))
    latencies = _latencies(results)
    if latencies:
        files.append(_distribution(
            os.path.join(folder, 'latencies.svg'), 'milliseconds',
            'share of the requests', latencies, is_log=True))
    if 'pages' in results and 'all' in results['pages']:
        files.append(_distribution(
            os.path.join(folder, 'pages.svg'), 'milliseconds, p50',
            'share of the pages', {'': [
                page['p50_ms'] for page in results['pages']['all']]}))
    return files


def _latencies(results):
    """Collect the distributions of what one client measures.

    :returns: dict of lists of milliseconds by what they are of
    """
    found = {method.upper(): run['percentiles_ms'] for method, run
             in results.get('requests', {}).items()}
    for size, run in results.get('time_to_active', {}).items():
        found['active, %s nodes' % size] = run['active']['percentiles_ms']
    return found


def _axes(xlabel, ylabel):
    from matplotlib import pyplot
    figure, axes = pyplot.subplots()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.grid(True, which='major', alpha=0.3)
    return figure, axes


def _save(figure, path):
    from matplotlib import pyplot
    figure.tight_layout()
    figure.savefig(path, metadata={'Date': None})
    pyplot.close(figure)
    return path


def _against_nodes(path, ylabel, found, reference, name):
    figure, axes = _axes('nodes', ylabel)
    axes.plot(list(found), list(found.values()), marker='o', label=name)
    axes.plot(list(reference), list(reference.values()), marker='s',
              linestyle='--', label=REFERENCE)
    axes.set_xscale('log')
    axes.set_yscale('log')
    axes.legend()
    return _save(figure, path)


def _distribution(path, xlabel, ylabel, series, is_log=False):
    figure, axes = _axes(xlabel, ylabel)
    for name, times in series.items():
        ordered = sorted(times)
        axes.step(ordered, [(n + 1) / len(ordered)
                            for n in range(len(ordered))],
                  where='post', label=name)
    if is_log:
        axes.set_xscale('log')
    else:
        axes.set_xlim(left=0)
    axes.set_ylim(0, 1)
    if len(series) > 1:
        axes.legend()
    return _save(figure, path)
