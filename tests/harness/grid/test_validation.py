"""Grids that cannot work, each condition on purpose; all is said at once, with file and key."""

import json

import pytest

from dataset_tools.pack.writer import make_packed_set
from harness.errors import UserError
from harness.grid.expand import expand
from harness.grid.validation import check_start, load_grid, missing_files


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def problems_of(grid_file, **overrides):
    """The lines after the first, which names the grid file."""
    with pytest.raises(UserError) as error:
        load_grid(str(grid_file), overrides)
    first, *lines = str(error.value).splitlines()
    assert first == f'grid {grid_file}:'
    return [line.strip() for line in lines]


@pytest.fixture
def config(tmp_path):
    return tmp_path / 'tiny.py'


def test_problems_of_all_kinds_together(grid_file, config):
    """One line each, though three runs of the grid have the clips that are too long."""
    edit(config, 'clip_length=4', 'clip_length=21')
    edit(config, 'max_iters=12', 'max_iters=0')
    edit(grid_file, 'R=[2, 4]', 'R=[0]')
    edit(grid_file, "test_sets = dict(moving=dict(root='", "test_sets = dict(moving=dict(root='/no")
    edit(grid_file, 'jobs = 2', 'jobs = 0')
    where = f'networks.tiny ({config})'
    jobs, missing, r, *others = problems_of(grid_file)
    assert jobs == 'jobs: 0 is not a positive whole number'
    assert missing.startswith('test_sets.moving: /no') and 'no such set folder' in missing
    assert r == 'sweeps[0].R: 0 is not a positive whole number'
    assert others == [
        f'{where} train_cfg.max_iters: 0 is not a positive whole number',
        f'{where} train_cfg.clip_length with train_sets.real: 21 frames are more than the 20 of '
        'video coffee',
    ]


@pytest.mark.parametrize(
    'old, new, problem',
    [
        ('clip_length=4', 'clip_length=4.5', 'train_cfg.clip_length: 4.5 is not a positive whole'),
        (
            'max_iters=12, clip_length=4',
            '_delete_=True, max_iters=12',
            'train_cfg: has no clip_length',
        ),
        (
            'crop_size=16',
            'crop_size=25',
            'train_cfg.crop_size with train_sets.real: 25 pixels are more than the 32x24 '
            'LR frames of video coffee have',
        ),
        (
            'batch_size=2',
            'batch_size=7',
            'train_dataloader.batch_size with train_sets.real: a batch of 7 needs as many '
            'different windows, but there are 6 (per process)',
        ),
        (
            'batch_size=2',
            "batch_size=2, dataset=dict(lr_kind='lr_bi')",
            'train_dataloader.dataset.lr_kind with train_sets.real: ',
        ),
        (
            'train_cfg =',
            'strategies = dict(PI=dict(crop_size=30))\ntrain_cfg =',
            'strategies.PI.crop_size with train_sets.real: 30 pixels are more',
        ),
        (
            'train_cfg =',
            'strategies = dict(PIE=dict(repeats=3))\ntrain_cfg =',
            'strategies.PIE: unknown strategy; there are RI, TBPTT, burn-in, pool, PI, PI-all',
        ),
        (
            'train_cfg =',
            "custom_imports = dict(imports=['no.such'])\ntrain_cfg =",
            'custom_imports: no module no.such beside it or on the Python path',
        ),
    ],
)
def test_what_the_runs_ask_of_their_set(grid_file, config, old, new, problem):
    edit(config, old, new)
    (line,) = problems_of(grid_file)
    assert line.startswith(f'networks.tiny ({config}) {problem}')


def test_limits_themselves_are_allowed(grid_file, config):
    edit(config, 'clip_length=4, crop_size=16', 'clip_length=20, crop_size=24')
    edit(config, 'batch_size=2', 'batch_size=6')
    load_grid(str(grid_file), {})
    assert 'there are 3 (per process)' in problems_of_nproc(grid_file, 2)


def problems_of_nproc(grid_file, nproc):
    with pytest.raises(UserError) as error:
        load_grid(str(grid_file), {}, nproc)
    return str(error.value)


def test_configs_without_what_training_needs(grid_file, tmp_path, config):
    edit(grid_file, 'strategies=[None]', "strategies=[None, 'RI'], train_sets=['real']")
    text = grid_file.read_text().replace('bicubic=dict(', 'empty=dict(), bicubic=dict(')
    grid_file.write_text(text.replace("networks=['bicubic']", "networks=['bicubic', 'empty']"))
    config.write_text(config.read_text().replace('_base_', 'wrong = undefined\n_base_'))
    lines = problems_of(grid_file)
    assert [line.split(':')[0] for line in lines] == [
        'networks.tiny',
        'networks.empty',
        'networks.bicubic',
    ]
    assert f"config {config}: NameError: name 'undefined' is not defined" in lines[0]
    assert lines[1].endswith('has no config')
    assert lines[2].endswith('needs train_cfg and train_dataloader for strategy RI')


def test_missing_weights(grid_file, tmp_path, config):
    """Refuse runs that are to start, and appear beside other problems."""
    weights = tmp_path / 'weights.pth'
    generator = "mid_channels=8, flow_net=dict(channels=8, spynet_pretrained='{}')"
    edit(config, 'mid_channels=8, flow_net=dict(channels=8)', generator.format(weights))
    config.write_text(config.read_text() + "load_from = 'gone.pth'\n")
    grid = load_grid(str(grid_file), {})
    trained, *_, untrained = expand(grid)
    where = f'networks.tiny ({config})'
    missing = [
        f'{where} model.generator.flow_net.spynet_pretrained: no such file: {weights}',
        f'{where} load_from: no such file: gone.pth',
    ]
    assert list(missing_files(grid, trained.axes, trained.content, True)) == missing
    assert list(missing_files(grid, trained.axes, trained.content, False)) == missing[:1]
    assert list(missing_files(grid, untrained.axes, untrained.content, False)) == []
    assert problems_of(grid_file, R=[0])[1:] == missing
    weights.touch()
    edit(config, 'gone.pth', 'https://example.org/gone.pth')
    (trained, *_) = expand(load_grid(str(grid_file), {}))
    assert list(missing_files(grid, trained.axes, trained.content, True)) == []


@pytest.mark.parametrize(
    ('old', 'new', 'problem'),
    [
        ("label='Tiny'", "lable='Tiny'", 'networks.tiny.lable: unknown; there are config, opt'),
        ("label='Tiny'", "checkpoint='x'", 'networks.tiny.checkpoint: unknown; there are'),
        ("label='Tiny'", 'label=3', 'networks.tiny.label: 3 is not a text'),
        ("label='Tiny'", 'random=1', 'networks.tiny.random: must be True or False'),
        ("label='Real'", "path='x'", 'train_sets.real.path: unknown; there are root, label, pap'),
        ("label='Moving'", "kind='x'", 'test_sets.moving.kind: unknown; there are root'),
        ('fc=[False]', 'FC=[True]', 'sweeps[0].FC: unknown axis; there are networks'),
        ('seeds=[0]', 'seeds=[-1]', 'sweeps[0].seeds: -1 is not a whole number from 0 to 2**32'),
        ('jobs = 2', 'job = 2', 'job: unknown; there are networks, train_sets'),
        ('jobs = 2', 'plugins = "x"', 'plugins: must be a list of modules'),
        ('jobs = 2', 'save_frames = [1]', 'save_frames: must be a dict'),
        ('jobs = 2', 'strategies = dict(PI=dict(type="X"))', 'strategies.PI: is a strategy of th'),
        ('jobs = 2', 'strategies = dict(A=dict(x=1))', "strategies.A: must be dict(type='MyLoop'"),
        (
            'jobs = 2',
            'strategies = {"a/b": dict(type="X")}',
            "strategies.a/b: 'a/b' cannot be a name",
        ),
        (
            'jobs = 2',
            'external_results = dict(a=dict(results=dict(moving="/"), unit="dB"))',
            'external_results.a: unit: unknown; there are label, results',
        ),
        (
            'jobs = 2',
            'custom_imports = ["no_such_module"]',
            'custom_imports: no module no_such_module in ',
        ),
    ],
)
def test_entries_that_mean_nothing(grid_file, old, new, problem):
    """A typing error must not be taken for a default."""
    edit(grid_file, old, new)
    (line,) = problems_of(grid_file)
    assert line.startswith(problem)


def test_variables_of_the_file_s_own(grid_file):
    edit(grid_file, 'jobs = 2', '_jobs = 2')
    load_grid(str(grid_file), {})


@pytest.mark.parametrize(
    'name', ['/abs/set', '../../x', 'a/b', 'a@b', '', 'x' * 300, 'two\nlines', '.', 'a\x1b[1m']
)
@pytest.mark.parametrize('entry', ['networks', 'train_sets', 'test_sets', 'external_results'])
def test_keys_become_paths(grid_file, entry, name):
    """An absolute one led to the user's data set, whose folder was then replaced."""
    text = grid_file.read_text()
    grid_file.write_text(f'{text}external_results = dict()\n{entry}[{name!r}] = dict(root="x")\n')
    (line,) = problems_of(grid_file)
    assert line.startswith(f'{entry}: ') and 'names have 1 to 100 characters' in line


def first_frame(video_set):
    return video_set.frame_path('lr_bd', 'moving', 0)


@pytest.mark.parametrize(
    'damage, problem',
    [
        (lambda s: first_frame(s).unlink(), 'frame is missing'),
        (lambda s: first_frame(s).write_bytes(b''), 'not a PNG file'),
        (
            lambda s: first_frame(s).write_bytes(s.frame_path('gt', 'moving', 0).read_bytes()),
            '64x48 instead of 16x12 pixels',
        ),
    ],
)
def test_damaged_test_sets(grid_file, real_set, make_set, damage, problem):
    made = make_set()
    edit(grid_file, f"moving=dict(root='{real_set.root}'", f"moving=dict(root='{made.root}'")
    load_grid(str(grid_file), {})
    damage(made)
    (line,) = problems_of(grid_file)
    assert line.startswith(f'test_sets.moving: {first_frame(made)}: {problem}; ')


def test_damaged_packed_sets(grid_file, tmp_path, real_set, make_set):
    packed = make_packed_set(make_set().root, tmp_path / 'packed')[0].root
    edit(grid_file, f"moving=dict(root='{real_set.root}'", f"moving=dict(root='{packed}'")
    load_grid(str(grid_file), {})
    about = packed / 'gt' / 'moving' / 'zarr.json'
    content = json.loads(about.read_text())
    content['shape'][1] += 4
    about.write_text(json.dumps(content))
    (line,) = problems_of(grid_file)
    assert line.startswith(f'test_sets.moving: {about}: ')
    about.unlink()
    (line,) = problems_of(grid_file)
    assert line.startswith(f'test_sets.moving: {about}: missing')


#: MMEngine says for each parameter what it has found
LOGGED = "optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'flow_net': dict(lr_mult=2)}))\n"


@pytest.mark.slow
def test_starting_builds_the_runs_in_another_process(grid_file, tmp_path, config, capfd):
    config.write_text(config.read_text() + LOGGED)

    def check():
        grid = load_grid(str(grid_file), {})
        check_start(str(grid_file), grid, expand(grid), tmp_path, jobs=2)

    check()
    assert capfd.readouterr() == ('', '')
    edit(config, 'mid_channels=8', 'mid_chanels=8')
    config.write_text(config.read_text() + "load_from = 'gone.pth'\n")
    with pytest.raises(UserError) as error:
        check()
    where = f'networks.tiny ({config})'
    first, missing, wrong = str(error.value).splitlines()
    assert first == f'grid {grid_file}:'
    assert missing == f'  {where} load_from: no such file: gone.pth'
    assert wrong.startswith(f'  {where} model.generator: TypeError: ')
    assert "unexpected keyword argument 'mid_chanels'" in wrong  # Python 3.13 adds a suggestion
