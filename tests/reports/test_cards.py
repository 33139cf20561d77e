"""Result cards of one grid as rows of another."""

import json

import numpy as np
import pandas as pd
import pytest

from harness.runs.card import read_card
from harness.runs.files import InvalidFile
from reports.cards import write_cards
from reports.report import build_report
from reports.results import load_grid


@pytest.fixture
def card(fake, tmp_path):
    """The file of a method of two seeds, which falls on video b."""
    fake.test_set('static', 'Static', a=110, b=120)
    fake.grid_json['test_sets']['static']['checksum'] = 'c' * 64
    fake.done(fake.run('bicubic'), lambda video, frame: 20.0)
    for seed in (0, 1):
        run = fake.run('net', 'PI', repeats=8, seed=seed)
        fake.done(
            run,
            lambda video, frame, seed=seed: (
                25.0 + seed - 5.0 * ((video == 'b') & (np.asarray(frame) > 70))
            ),
        )
    for run in fake.grid_json['runs']:
        fake.record(run['run_id'], static='c' * 64)
    grid = load_grid(fake.save())
    folder = write_cards(grid, tmp_path / 'cards')
    assert sorted(path.name for path in folder.iterdir()) == [
        'BICUBIC.json',
        'sample_NET_w_PI_R=8_.json',
    ]
    return grid, folder / 'sample_NET_w_PI_R=8_.json'


def test_numbers_of_a_card(card):
    grid, path = card
    found = read_card(path)
    assert (found.method, found.kind) == ('NET w/ PI (R=8)', 'measured')
    assert found.settings['train_set'] == 'Sample' and len(found.settings['runs']) == 2
    static = found.test_sets['static']
    assert (static.checksum, static.seeds, static.label) == ('c' * 64, 2, 'Static')
    for video in ('a', 'b'):
        rows = grid.videos[(grid.videos.video == video) & (grid.videos.trial_id.str.contains('PI'))]
        for name in ('psnr_y', 'psnr_last50', 'drift', 'worst_psnr'):
            assert static.videos[video][name] == pytest.approx(rows[name].mean(), abs=1e-6)
    assert static.videos['b']['divergence_frame'] == 71
    assert 'divergence_frame' not in static.videos['a']


@pytest.mark.slow
@pytest.mark.usefixtures('two_figures')
def test_a_card_in_the_report_of_another_grid(card, fake, tmp_path):
    """As ``external_results`` leaves it; the table shows what the first grid's does."""
    first, path = card
    key = fake.external('theirs', 'Theirs')
    about = dict(label='Theirs', protocol=None, kind='reported')
    (fake.work_dir / key / 'external.json').write_text(json.dumps(about))
    videos = read_card(path).test_sets['static'].videos
    table = pd.DataFrame([{'video': video} | row for video, row in videos.items()])
    file = fake.work_dir / key / 'videos_static.csv'
    table.to_csv(file, index=False)
    work_dir = fake.save()
    report = build_report(work_dir)
    assert report.problems == []
    cells = pd.read_csv(work_dir / 'report/data/results.csv').set_index('method')
    theirs, ours = cells.loc['Theirs (reported)'], cells.loc['NET w/ PI (R=8)']
    for name in ('psnr_y', 'psnr_last50', 'drift', 'worst_psnr'):
        expected = ours[name] if name != 'worst_psnr' else 20.5  # mean of the seeds' worst
        assert theirs[name] == pytest.approx(expected, abs=1e-4)
    assert (theirs['diverged'], theirs['diverged_of']) == (1, 2)
    assert theirs['files'] == 'external/theirs/videos_static.csv'
    assert not (work_dir / 'report' / 'cards' / 'Theirs.json').exists()

    for damage, reason in (
        (table.iloc[:1], 'does not have each video of the set once'),
        (table.assign(psnr_y=[25.0, 1e6]), 'psnr_y has an impossible number'),
        (table.drop(columns='psnr_y'), 'psnr_y is missing'),
    ):
        damage.to_csv(file, index=False)
        found = load_grid(work_dir).evaluations.set_index('trial_id').loc[key]
        assert found.status == 'invalid' and reason in found.reason


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda card: card | {'format': 'x'}, 'is not a result card'),
        (lambda card: card | {'version': 2}, 'is not a result card'),
        (lambda card: {k: v for k, v in card.items() if k != 'source'}, "entry: 'source'"),
        (lambda card: card | {'source': {'kind': 'heard', 'by': ''}}, 'must be measured or repor'),
        (lambda card: card | {'test_sets': {'s': {'videos': {'../a': {'psnr_y': 2}}}}}, 'a name'),
        (lambda card: card | {'test_sets': {'s': {'videos': {'a': {}}}}}, 'needs psnr_y'),
        (lambda card: card | {'test_sets': {'s': {'videos': {'a': {'psnr_y': 1e9}}}}}, 'from 0 to'),
        (lambda card: card | {'test_sets': {'s': {'videos': {'a': {'psnr_y': '9'}}}}}, "be '9'"),
        (lambda card: card | {'test_sets': [1]}, 'malformed'),
    ],
)
def test_cards_that_are_none(card, change, message):
    path = card[1]
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(InvalidFile, match=message) as error:
        read_card(path)
    assert str(error.value).startswith(str(path)) and '\n' not in str(error.value)
