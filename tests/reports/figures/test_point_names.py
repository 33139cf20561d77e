"""Names beside points."""

from matplotlib.figure import Figure

from reports.figures import point_names


def test_names_cover_neither_points_nor_each_other():
    figure = Figure(figsize=(2, 2))
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    points = [point_names.Point(0.5 + 0.01 * i, 0.5, f'name {i}', 'black') for i in range(4)]
    points.append(point_names.Point(0.56, 0.54, '', 'black'))
    point_names.name_points(axes, points)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    boxes = [point_names._extent(text, renderer) for text in axes.texts]
    assert len(boxes) == 4
    centres = [axes.transData.transform((point.x, point.y)) for point in points]
    for i, box in enumerate(boxes):
        assert not any(box.contains(*centre) for centre in centres)
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert point_names._within(box, axes.get_window_extent(renderer))
