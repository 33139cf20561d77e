"""How much of GT's fine detail an SR frame has: 1 is as much, less is blur, more is noise."""

import cv2

from harness.evaluation.scorer import register_metric


@register_metric('sharpness')
class Sharpness:
    """Variance of the Laplacian of SR over that of GT, in the region that is scored."""

    def __call__(self, gt, sr, region):
        grey = (cv2.cvtColor(image[region], cv2.COLOR_RGB2GRAY) for image in (gt, sr))
        of_gt, of_sr = (cv2.Laplacian(image, cv2.CV_64F).var() for image in grey)
        return of_sr / of_gt if of_gt else float('nan')
