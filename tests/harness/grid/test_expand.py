"""From grid files to runs: what is expanded, what identifies a run, what is refused."""

import shutil

import pytest

from dataset_tools.manifest import VideoSet
from harness.configs import load_config
from harness.errors import UserError
from harness.grid.expand import expand, write_record
from harness.grid.grid_file import load_network
from harness.grid.validation import load_grid
from harness.runs.files import load_json


def runs(path):
    return expand(load_grid(str(path), {}))


def ids(path, **overrides):
    return [run.run_id for run in expand(load_grid(str(path), overrides))]


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_ri_is_trained_once_whatever_the_r(grid_file):
    runs = expand(load_grid(str(grid_file), {}))
    axes = [(r.axes.network, r.axes.strategy, r.axes.repeats) for r in runs]
    assert axes == [
        ('tiny', 'RI', None),
        ('tiny', 'PI', 2),
        ('tiny', 'PI', 4),
        ('bicubic', None, None),
    ]
    assert [r.iterations for r in runs] == [12, 12, 12, 0]


def test_resolved_configs_hold_strategy_r_fc_and_seed(grid_file):
    overrides = {'fc': [True], 'seeds': [3], 'R': [4], 'strategies': ['PI']}
    run = expand(load_grid(str(grid_file), overrides))[0]
    assert run.cfg.train_cfg.type == 'PIBPTTLoop' and run.cfg.train_cfg.repeats == 4
    assert run.cfg.model.generator.type == 'FrameConditioned'
    assert run.cfg.model.generator.last_frame == 23  # the longest training video has 24 frames
    assert run.cfg.model.generator.net.mid_channels == 8
    assert run.cfg.randomness.seed == 3
    assert run.run_id.startswith('tiny-PI-R4-FC-real-s3-')


def test_options_of_frame_conditioning(grid_file):
    config = grid_file.with_name('tiny.py')
    overrides = {'fc': [False, True], 'strategies': ['PI'], 'R': [4]}
    plain, before = expand(load_grid(str(grid_file), overrides))[:2]
    config.write_text(config.read_text() + 'frame_conditioning = dict(last_frame=None)\n')
    unchanged, after = expand(load_grid(str(grid_file), overrides))[:2]
    assert (before.cfg.model.generator.last_frame, after.cfg.model.generator.last_frame) == (
        23,
        None,
    )
    assert before.run_id != after.run_id
    assert unchanged.run_id == plain.run_id


def test_overrides_replace_axes_but_not_those_a_sweep_has_not(grid_file):
    names = ids(grid_file, R=[16], seeds=[0, 1])
    assert sum('PI-R16' in name for name in names) == 2
    assert sum('RI' in name for name in names) == 2
    assert sum('bicubic' in name for name in names) == 1


def test_identity_ignores_what_cannot_change_results(grid_file, tmp_path, real_set):
    before = ids(grid_file)
    config = tmp_path / 'tiny.py'
    config.write_text(config.read_text() + '\n# a comment\nlog_level = "ERROR"\n')
    edit(config, 'logger=dict(interval=5)', 'logger=dict(interval=7)')
    edit(config, 'batch_size=2', 'batch_size=2, num_workers=1')
    moved = tmp_path / 'moved'
    shutil.copytree(real_set.root, moved, symlinks=True)
    edit(grid_file, str(real_set.root), str(moved))
    assert ids(grid_file) == before


@pytest.mark.parametrize(
    ('old', 'new'),
    [('max_iters=12', 'max_iters=13'), ('mid_channels=8', 'mid_channels=9')],
)
def test_identity_follows_what_changes_results(grid_file, tmp_path, old, new):
    before = ids(grid_file)
    edit(tmp_path / 'tiny.py', old, new)
    after = ids(grid_file)
    assert not set(before[:3]) & set(after[:3])
    assert before[3] == after[3]  # bicubic


def test_identity_follows_the_training_data(grid_file, tmp_path, make_set):
    # one of the other set's videos has one frame, all are small
    edit(tmp_path / 'tiny.py', 'clip_length=4, crop_size=16', 'clip_length=1, crop_size=12')
    before = ids(grid_file)
    other = make_set(frames=20)
    text = grid_file.read_text()
    old = f"train_sets = dict(real=dict(root='{VideoSet.load(root_of(text)).root}'"
    grid_file.write_text(text.replace(old, f"train_sets = dict(real=dict(root='{other.root}'"))
    assert ids(grid_file)[:3] != before[:3]


def root_of(text):
    return text.split("train_sets = dict(real=dict(root='")[1].split("'")[0]


def test_all_problems_are_named_at_once(grid_file, tmp_path):
    edit(grid_file, "strategies=['RI', 'PI'], R=[2, 4]", "strategies=['PI', 'XI'], R=[2]")
    edit(grid_file, 'strategies=[None])', "strategies=[None], colour=['red'])")
    edit(grid_file, f'{tmp_path}/tiny.py', f'{tmp_path}/absent.py')
    edit(grid_file, "test_sets = dict(moving=dict(root='", "test_sets = dict(moving=dict(root='/no")
    with pytest.raises(UserError) as error:
        load_grid(str(grid_file), {})
    message = str(error.value)
    assert "sweeps[0].strategies: unknown value 'XI'" in message
    assert 'sweeps[1].colour: unknown axis' in message
    assert f'networks.tiny: config {tmp_path}/absent.py: no such file' in message
    assert 'test_sets.moving' in message


@pytest.mark.parametrize('value', [0, -1, 'many', True, None])
def test_r_must_be_a_positive_number(grid_file, value):
    with pytest.raises(UserError, match=r'sweeps\[0\].R: .* is not a positive whole number'):
        load_grid(str(grid_file), {'R': [value]})


def record_of(grid_file):
    """What ``grid.json`` says."""
    grid = load_grid(str(grid_file), {})
    write_record(grid, expand(grid), grid_file.parent)
    return load_json(grid_file.parent / 'grid.json')


def test_the_record_names_everything_in_display_order(grid_file, real_set):
    record = record_of(grid_file)
    assert record['networks'] == {
        'tiny': {'label': 'Tiny', 'lr_kind': 'lr_bd'},
        'bicubic': {'label': 'bicubic', 'lr_kind': 'lr_bd'},
    }
    assert record['test_sets']['moving']['videos'] == {
        'coffee': 20,
        'astronaut': 22,
        'chelsea': 24,
    }
    assert [run['repeats'] for run in record['runs']] == [None, 2, 4, None]
    for sets in ('train_sets', 'test_sets'):
        (entry,) = record[sets].values()
        assert entry['checksum'] == real_set.checksum and 'paper' not in entry
        assert tuple(entry['sizes']['coffee']) == real_set.videos['coffee'].sizes['gt']
    assert record['test_sets']['moving']['made_by'] == {'tool': 'sliding-window', 'parameters': {}}


def test_names_in_the_papers_reach_the_record_and_change_no_run(grid_file, real_set):
    before = ids(grid_file)
    edit(grid_file, "label='Tiny'", "label='Tiny', paper='FRVSR'")
    edit(grid_file, "label='Moving'", "label='Moving', paper='Vid4'")
    record = record_of(grid_file)
    assert record['networks']['tiny']['paper'] == 'FRVSR'
    assert record['test_sets']['moving']['paper'] == 'Vid4'
    assert 'paper' not in record['train_sets']['real']
    assert ids(grid_file) == before


def test_networks_share_a_config_by_options(grid_file, tmp_path):
    config = f"config='{tmp_path}/tiny.py'"
    wide = f"wide=dict({config}, options=['model.generator.mid_channels=12'])"
    edit(grid_file, 'networks = dict(', f'networks = dict({wide},')
    edit(grid_file, "networks=['tiny']", "networks=['tiny', 'wide']")
    widths = {r.axes.network: r.cfg.model.generator.get('mid_channels') for r in runs(grid_file)}
    assert widths == {'wide': 12, 'tiny': 8, 'bicubic': None}
    edit(grid_file, 'mid_channels=12', 'mid_channels')
    with pytest.raises(UserError, match='model.generator.mid_channels: must look like KEY=VALUE'):
        load_grid(str(grid_file), {})


def test_sets_need_the_lr_frames_of_the_networks(grid_file, tmp_path):
    with (tmp_path / 'tiny.py').open('a') as config:
        config.write("lr_kind = 'lr_bi'\n")
    with pytest.raises(UserError) as error:
        load_grid(str(grid_file), {})
    assert str(error.value).count('has no "lr_bi" frames, only gt, lr_bd') == 2


@pytest.mark.slow
def test_grid_of_ristn():
    """Tables 1 to 3 as options of two configs, and all baselines."""
    networks = load_config('mm_configs/grids/ristn.py').networks
    assert len(networks) == 3 + 3 + 16 + 11
    cfg = load_network(networks['dc_lstm_8'])
    assert cfg.model.generator.to_dict() == dict(type='RISTNNet', temporal='DC', layers=8)
    assert cfg.train_cfg.crop_size == 40
    assert load_network(networks['ristn']).train_cfg.crop_size == 50
    spatial = load_network(networks['rb'])
    assert spatial.model.generator.block == 'RB' and spatial.model.generator.temporal is None
    assert {load_network(entry).lr_kind for entry in networks.values()} == {'lr_bi'}
