"""Other people's results as rows of a grid."""

import json

import numpy as np
import pandas as pd
import pytest

from dataset_tools.frames import encode_png, read_frame
from harness.errors import UserError
from harness.evaluation.protocols import PROTOCOLS
from harness.evaluation.score import pair_videos, score
from harness.grid.evaluation import EvaluationSettings, External
from harness.grid.external import score_external
from harness.runs.card import Card, CardSet, write_card


@pytest.fixture
def results(real_set, tmp_path):
    """A folder of videos, as another project's code might leave it."""
    for name, video in real_set.videos.items():
        folder = tmp_path / 'results' / name
        folder.mkdir(parents=True)
        for t in range(video.frames):
            frame = read_frame(real_set.frame_path('gt', name, t))
            darker = (frame * 0.9).astype(np.uint8)
            (folder / f'img_{t + 1}.png').write_bytes(encode_png(darker))
    return tmp_path / 'results'


@pytest.fixture
def run(real_set, tmp_path):
    """Scores the results at a path and gives the folder they are in."""

    def run(path, protocol=None, metrics=()):
        external = {'other': External('Other', {'moving': path}, protocol)}
        score_external(
            tmp_path, EvaluationSettings({'moving': real_set}, metrics, {}, external, {})
        )
        return tmp_path / 'external' / 'other'

    return run


@pytest.mark.slow
@pytest.mark.parametrize('protocol', [None, 'tecogan'])
def test_scores_and_where_they_come_from(run, results, real_set, protocol):
    folder = run(results, protocol, ('tof',))
    expected = score(pair_videos(real_set.root, results), PROTOCOLS[protocol or 'default'], ['tof'])
    table = pd.read_csv(folder / 'frames_moving.csv')
    pd.testing.assert_frame_equal(table, expected, rtol=1e-6)
    content = json.loads((folder / 'external.json').read_text())
    assert content['label'] == 'Other' and content['protocol'] == protocol
    assert content['results']['moving']['source'] == str(results)


@pytest.mark.slow
def test_scored_again_only_after_a_change(run, results):
    csv = run(results) / 'frames_moving.csv'
    first = csv.stat().st_mtime_ns
    run(results)
    assert csv.stat().st_mtime_ns == first
    run(results, metrics=('tof',))
    assert 'tof' in pd.read_csv(csv)
    before = pd.read_csv(csv)
    path = results / 'coffee' / 'img_3.png'
    path.write_bytes(encode_png(np.zeros((96, 128, 3), np.uint8)))
    run(results, metrics=('tof',))
    changed = pd.read_csv(csv).psnr_y != before.psnr_y
    assert list(np.flatnonzero(changed)) == [2]
    csv.unlink()
    run(results, metrics=('tof',))
    assert csv.is_file()


def test_results_that_are_no_longer_named(run, results, real_set, tmp_path):
    folder = run(results)
    external = {'other': External('Other', {'again': results}, None)}
    score_external(tmp_path, EvaluationSettings({'again': real_set}, (), {}, external, {}))
    assert sorted(p.name for p in folder.iterdir()) == ['external.json', 'frames_again.csv']


def test_scores_of_somebody_else(run, results, tmp_path):
    """A CSV, as ``score --output`` writes it, is taken as it is."""
    table = pd.read_csv(run(results) / 'frames_moving.csv')
    path = tmp_path / 'scores.csv'
    theirs = table[table.frame > 0].assign(psnr_y=31.5)
    theirs.to_csv(path, index=False)
    pd.testing.assert_frame_equal(
        pd.read_csv(run(path) / 'frames_moving.csv'), theirs.reset_index(drop=True)
    )


@pytest.mark.parametrize(
    'damage, message',
    [
        (lambda t: t.drop(columns='ssim_y'), 'no column ssim_y'),
        (lambda t: t[t.video != 'coffee'], 'videos coffee are only'),
        (lambda t: t.replace('coffee', 'tea'), 'videos coffee, tea are only'),
        (lambda t: pd.concat([t, t.tail(1)]), 'frames of chelsea must be unique and from 0 to 23'),
        (
            lambda t: t.assign(frame=t.frame + 1),
            'frames of astronaut must be unique and from 0 to',
        ),
    ],
)
def test_scores_that_do_not_fit_the_set(run, results, tmp_path, damage, message):
    path = tmp_path / 'scores.csv'
    damage(pd.read_csv(run(results) / 'frames_moving.csv')).to_csv(path, index=False)
    with pytest.raises(UserError) as error:
        run(path)
    assert str(error.value).startswith('external_results.other.results.moving: ')
    assert message in str(error.value)


def test_frames_that_do_not_fit_the_set(run, results):
    (results / 'chelsea' / 'img_24.png').unlink()
    with pytest.raises(UserError, match='^external_results.other.results.moving: .*has 23 frames'):
        run(results)
    (results / 'chelsea').rename(results / 'cat')
    with pytest.raises(UserError, match='no video chelsea; there are .*cat'):
        run(results)


def test_a_result_card(run, results, real_set, tmp_path):
    """Scores of videos, on the same set and by the same protocol only."""
    videos = {name: dict(psnr_y=25.0 + n, frames=9) for n, name in enumerate(real_set.videos)}
    of_set = CardSet(videos, real_set.checksum)
    path = write_card(Card('M', 'reported', 'A paper', {'theirs': of_set}, {}), tmp_path / 'c.json')
    run(results)
    folder = run(path)
    assert sorted(p.name for p in folder.iterdir()) == ['external.json', 'videos_moving.csv']
    table = pd.read_csv(folder / 'videos_moving.csv')
    assert list(table.video) == list(real_set.videos) and list(table.psnr_y) == [25, 26, 27]
    assert json.loads((folder / 'external.json').read_text())['kind'] == 'reported'
    with pytest.raises(UserError, match='is scored by protocol default, but the grid uses set5'):
        run(path, 'set5')
    for other, message in ((of_set._replace(checksum='x'), 'the same version; it has theirs'),):
        write_card(Card('M', 'measured', '', {'theirs': other}, {}), path)
        with pytest.raises(UserError, match=message):
            run(path)
    write_card(Card('M', 'measured', '', {'theirs': of_set._replace(checksum='')}, {}), path)
    assert 'kind' not in json.loads((run(path) / 'external.json').read_text())
    assert sorted(p.name for p in run(results).iterdir()) == ['external.json', 'frames_moving.csv']
    path.write_text('{}')
    with pytest.raises(UserError, match='c.json: is not a result card'):
        run(path)
