"""All figures of a grid."""

from reports.figures import catalogue
from reports.figures.saved_images import SavedImages
from reports.results import load_grid


def test_file_names_and_captions_are_all_different(small):
    small.grid_json['train_sets']['reds'] = {'label': 'REDS'}
    small.done(small.run('net', 'RI', train_set='reds'), lambda _, t: 30.0, ms=90.0)
    grid = load_grid(small.save())
    listed = catalogue.drawings(grid, SavedImages(small.work_dir, grid))
    names = [drawing.name for drawing in listed]
    assert len(set(names)) == len(names) == len({drawing.caption for drawing in listed})
    assert {'psnr_vs_frame_net_reds', 'psnr_by_video_net_sample_moving', 'drift'} <= set(names)
    assert any('trained on REDS' in drawing.caption for drawing in listed)
