"""The numbers of the papers' tables, and the names that they give networks and sets.

``paper_values.csv`` holds every number of the tables of PI-BPTT (Tables I to VI) and RISTN (Tables
1 to 3), one per row.
"""

from pathlib import Path

import pandas as pd

VALUES = Path(__file__).with_name('paper_values.csv')
#: the columns that identify a number of a paper, in files
NUMBER = ['paper', 'table', 'method', 'train_set', 'test_set', 'setting', 'metric', 'value']
#: name of the training set of RISTN's Tables 2 and 3, which do not mention it
RISTN_VIDEOS = 'RISTN videos'


def read_values() -> pd.DataFrame:
    """Reads all numbers of the papers.

    Returns:
        The columns ``NUMBER``, of which ``method`` and ``setting`` are made from the other columns:
        network, strategy, fc (bool), repeats (R) and layers. Texts are '' if a table has none.
    """
    values = pd.read_csv(VALUES, dtype=str, keep_default_na=False)
    return values.assign(
        fc=values['fc'] == 'yes',
        value=pd.to_numeric(values['value']),
        method=[_method_label(number) for number in values.to_dict('records')],
        setting=[_setting_label(number) for number in values.to_dict('records')],
    )


def _method_label(number: dict) -> str:
    strategy = number['strategy'] + (' & FC' if number['fc'] else '')
    return ' w/ '.join(filter(None, [number['network'], strategy]))


def _setting_label(number: dict) -> str:
    parts = (('R', number['repeats']), ('layers', number['layers']))
    return ', '.join(f'{name}={value}' for name, value in parts if value)


def network_name(number: dict) -> str:
    """Returns the name by which a grid file refers to the network of a number."""
    depth = f'layers={number["layers"]}' if number['layers'] else ''
    return ', '.join(filter(None, [number['network'], depth]))


def known_names() -> dict[str, set[str]]:
    """Returns the names that ``paper`` entries of networks, train_sets and test_sets can have."""
    values = read_values()
    found = {'networks': {network_name(number) for number in values.to_dict('records')}}
    found |= {f'{axis}s': set(values[axis]) for axis in ('train_set', 'test_set')}
    found['train_sets'].add(RISTN_VIDEOS)
    return {axis: names - {''} for axis, names in found.items()}
