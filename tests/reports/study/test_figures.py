"""The figures of the study show the numbers of its grids."""

from reports.results import load_grid
from reports.study.figures import cure_figure


def test_psnr_against_iterations_of_training_on(fake):
    fake.test_set('static', 'Static', one=120)
    psnr = {'a': (10.0, 20.0, 12.0), 'b': (12.0, 21.0, 11.0)}
    for network, (start, cured, control) in psnr.items():
        fake.done(fake.run(network), lambda video, t, v=start: v + 0 * t)
        fake.done(fake.run(network, 'PI', repeats=8), lambda video, t, v=cured: v + 0 * t)
        fake.done(fake.run(network, 'RI'), lambda video, t, v=control: v + 0 * t)
    fake.done(fake.run('bicubic'), lambda video, t: 19.0 + 0 * t)
    fake.grid_json['networks']['bicubic'] = {'label': 'Bicubic'}
    (axes,) = cure_figure(load_grid(fake.save())).axes
    # seaborn adds empty lines for the legend
    found = {tuple(line.get_ydata()): tuple(line.get_xdata()) for line in axes.lines}
    found.pop((), None)
    iterations = (0, 600)
    assert found == {(11.0, 20.5): iterations, (11.0, 11.5): iterations, (19.0, 19.0): (0, 1)}
