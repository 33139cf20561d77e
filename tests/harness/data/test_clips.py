"""Windows and clips: LR and HR crops of the same place, whatever the augmentation."""

import pickle
from itertools import product

import numpy as np
import pytest
import torch

from dataset_tools.degrade.filters import degrade
from dataset_tools.frames import encode_png, read_frame
from dataset_tools.manifest import DEGRADATIONS, DatasetError, VideoSet
from dataset_tools.pack.writer import make_packed_set
from harness.data import ClipIndex, PlannedSampler, VideoClipDataset, Window


def crop_lr(window, frame):
    return cut(window, window.lr_region, frame)


def crop_hr(window, frame, lr_kind='lr_bd'):
    return cut(window, window.hr_region(lr_kind), frame)


def cut(window, region, frame):
    top, left, height, width = region
    return window.augment(frame[None, top : top + height, left : left + width])[0]


AUGMENTATIONS = list(product([False, True], repeat=3))


@pytest.mark.parametrize('kind', DEGRADATIONS)
@pytest.mark.parametrize('augmentation', AUGMENTATIONS, ids=str)
def test_hr_crop_degrades_to_lr_crop(photographs, augmentation, kind):
    """The LR crop is the degraded HR crop where the filter does not reach over the border."""
    hr = photographs[0]
    window = Window(11, 23, 16, 16, *augmentation)
    small = degrade(crop_hr(window, hr, f'lr_{kind}'), kind)[2:-2, 2:-2]
    expected = crop_lr(window, degrade(hr, kind))[2:-2, 2:-2]
    # Pillow rounds columns before rows, which a transposition changes
    assert np.abs(small.astype(int) - expected).max() <= (kind == 'bi_pil')


@pytest.mark.parametrize('augmentation', AUGMENTATIONS, ids=str)
def test_augmentations_are_the_8_of_a_square(photographs, augmentation):
    window = Window(4, 8, 12, 12, *augmentation)
    flip_vertical, flip_horizontal, transpose = augmentation
    expected = photographs[0][4:16, 8:20]
    expected = np.flipud(expected) if flip_vertical else expected
    expected = np.fliplr(expected) if flip_horizontal else expected
    expected = np.rot90(np.fliplr(expected)) if transpose else expected
    assert np.array_equal(crop_lr(window, photographs[0]), expected)


@pytest.mark.parametrize('size', [(24, 32), (16, 16), (16, 17), (30, 16)], ids=str)
def test_drawn_windows_stay_inside(size):
    """Also with the earlier start of flipped HR windows, and where the crop is the whole frame."""
    rng = np.random.default_rng(0)
    hr = np.zeros((4 * size[0], 4 * size[1], 3), np.uint8)
    lr = np.zeros((*size, 3), np.uint8)
    for _ in range(300):
        window = Window.draw(rng, size, 16)
        assert crop_lr(window, lr).shape == (16, 16, 3)
        assert crop_hr(window, hr).shape == (64, 64, 3)
        assert 4 * window.top - 3 * window.flip_vertical >= 0
        assert 4 * window.left - 3 * window.flip_horizontal >= 0


def test_drawn_windows_cover_everything():
    """All 8 augmentations, and positions from the first to the last, unflipped and flipped."""
    rng = np.random.default_rng(0)
    windows = [Window.draw(rng, (20, 24), 16) for _ in range(600)]
    assert {w[4:] for w in windows} == set(AUGMENTATIONS)
    assert {w.top for w in windows if not w.flip_vertical} == set(range(5))
    assert {w.top for w in windows if w.flip_vertical} == set(range(1, 5))
    assert {w.left for w in windows if not w.flip_horizontal} == set(range(9))
    assert {w.left for w in windows if w.flip_horizontal} == set(range(1, 9))


def test_windows_of_a_seed_are_the_same():
    first, second, other = (
        [Window.draw(np.random.default_rng(seed), (24, 32), 8) for _ in range(3)]
        for seed in (1, 1, 2)
    )
    assert first == second != other


def test_sample(real_set):
    dataset = VideoClipDataset(str(real_set.root))
    assert len(dataset) == 3
    assert dataset.lengths == [20, 22, 24]
    assert dataset.lr_sizes == [(24, 32)] * 3
    assert dataset.metainfo['checksum'] == real_set.checksum
    window = Window(2, 5, 16, 16, True, False, True)
    sample = dataset[ClipIndex(1, window, 4, 3)]
    assert set(sample) == {'inputs', 'gts', 'start', 'length'}
    assert sample['inputs'].shape == (3, 3, 16, 16)
    assert sample['gts'].shape == (3, 3, 64, 64)
    assert sample['inputs'].dtype == sample['gts'].dtype == torch.uint8
    assert int(sample['start']) == 4
    assert int(sample['length']) == 22
    for i in range(3):
        for key, kind, crop in (('inputs', 'lr_bd', crop_lr), ('gts', 'gt', crop_hr)):
            frame = read_frame(real_set.frame_path(kind, 'astronaut', 4 + i))
            assert np.array_equal(sample[key][i].permute(1, 2, 0).numpy(), crop(window, frame))


def test_sample_without_gt(real_set):
    index = ClipIndex(0, Window(0, 0, 8, 8), 0, 20, with_gt=False)
    sample = VideoClipDataset(str(real_set.root))[index]
    assert set(sample) == {'inputs', 'start', 'length'}
    assert sample['inputs'].shape == (20, 3, 8, 8)


def test_cache_changes_nothing_but_the_reading(make_set):
    test_set = make_set(height=80, width=96)
    plain = VideoClipDataset(str(test_set.root))
    cached = VideoClipDataset(str(test_set.root), cache=True)
    index = ClipIndex(0, Window(3, 2, 12, 12, True, True, True), 0, 3)
    first = cached[index]
    first['inputs'].zero_()  # what a caller does to a sample must not reach the cache
    test_set.frame_path('lr_bd', 'moving', 1).unlink()
    second = cached[index]
    with pytest.raises(DatasetError):
        plain[index]
    assert second['inputs'].any()
    assert torch.equal(second['gts'], first['gts'])


def test_cached_sample_equals_the_plain_one(real_set):
    index = ClipIndex(2, Window(3, 2, 12, 12, True, True, True), 7, 3)
    plain = VideoClipDataset(str(real_set.root))[index]
    dataset = VideoClipDataset(str(real_set.root), cache=True)
    for _ in range(2):
        for key, value in dataset[index].items():
            assert torch.equal(value, plain[key])


@pytest.mark.parametrize('start, numbers', [(4, (7, 8)), (16, (19, 19)), (17, (19, 19))])
def test_frames_after_a_clip(real_set, start, numbers):
    """In the same window; the last of the video's 20 frames stands for those that there are not."""
    dataset = VideoClipDataset(str(real_set.root))
    index = ClipIndex(0, Window(3, 2, 12, 8, True, False, True), start, 3, look_ahead=2)
    whole = dataset[index._replace(start=0, length=20)]['inputs']
    assert torch.equal(dataset[index]['following'], whole[list(numbers)])
    assert 'following' not in dataset[index._replace(look_ahead=0)]


def test_unknown_lr_kind(real_set):
    with pytest.raises(DatasetError, match='has no "lr_bi" frames, only gt, lr_bd'):
        VideoClipDataset(str(real_set.root), lr_kind='lr_bi')


def test_missing_frame(make_set):
    test_set = make_set()
    path = test_set.frame_path('gt', 'moving', 2)
    path.unlink()
    with pytest.raises(DatasetError, match='dataset_tools verify') as error:
        VideoClipDataset(str(test_set.root))
    assert str(path) in str(error.value)


@pytest.mark.parametrize('content', [b'not a png', b''], ids=['text', 'empty'])
def test_corrupt_frame(make_set, content):
    test_set = make_set()
    path = test_set.frame_path('lr_bd', 'moving', 1)
    path.write_bytes(content)
    dataset = VideoClipDataset(str(test_set.root))
    with pytest.raises(DatasetError, match='dataset_tools verify') as error:
        dataset[ClipIndex(0, Window(0, 0, 8, 8), 0, 3)]
    assert str(path) in str(error.value)


def test_frame_with_a_damaged_end(make_set):
    """A file cut in half by a full disk must not pass as a frame with a grey lower half."""
    test_set = make_set()
    path = test_set.frame_path('lr_bd', 'moving', 1)
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    data = encode_png(noise)
    path.write_bytes(data[: len(data) // 2])
    dataset = VideoClipDataset(str(test_set.root))
    with pytest.raises(DatasetError, match='dataset_tools verify'):
        dataset[ClipIndex(0, Window(0, 0, 8, 8), 0, 3)]


def test_sampler_yields_its_plan():
    sampler = PlannedSampler()
    assert list(sampler) == [] and len(sampler) == 0
    sampler.plan = [ClipIndex(0, Window(0, 0, 8, 8), t, 2) for t in range(3)]
    assert list(sampler) == sampler.plan and len(sampler) == 3


@pytest.mark.slow
def test_index_travels_to_workers(real_set):
    """An index is all that a worker process gets."""
    index = ClipIndex(1, Window(2, 5, 16, 16, True, False, True), 4, 3)
    assert pickle.loads(pickle.dumps(index)) == index
    dataset = VideoClipDataset(str(real_set.root))
    sampler = PlannedSampler()
    loader = torch.utils.data.DataLoader(dataset, 2, sampler=sampler, num_workers=1)
    for start in (0, 5):  # a new plan for each epoch
        sampler.plan = [index._replace(start=start), index._replace(video=2, start=start + 1)]
        (batch,) = loader
        assert batch['start'].tolist() == [start, start + 1]
        assert torch.equal(batch['inputs'][1], dataset[sampler.plan[1]]['inputs'])


@pytest.mark.parametrize('augmentation', AUGMENTATIONS, ids=str)
def test_packed_sets_give_the_same_clips(real_set, tmp_path_factory, augmentation):
    root = tmp_path_factory.getbasetemp() / 'packed'
    make_packed_set(real_set.root, root)
    assert VideoSet.load(root).checksum == real_set.checksum
    index = ClipIndex(2, Window(3, 5, 16, 16, *augmentation), 7, 9)
    expected = VideoClipDataset(str(real_set.root))[index]
    packed = VideoClipDataset(str(root))[index]
    assert torch.equal(packed['inputs'], expected['inputs'])
    assert torch.equal(packed['gts'], expected['gts'])
