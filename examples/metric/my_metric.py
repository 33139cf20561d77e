"""Sharpness of an SR frame relative to GT: below 1 is blurred, above 1 noisy."""

import cv2

from harness.evaluation.scorer import register_metric


@register_metric('sharpness')
class Sharpness:
    """Variance of the Laplacian of SR divided by that of GT, in the scored region."""

    def __call__(self, gt, sr, region):
        grey = (cv2.cvtColor(image[region], cv2.COLOR_RGB2GRAY) for image in (gt, sr))
        of_gt, of_sr = (cv2.Laplacian(image, cv2.CV_64F).var() for image in grey)
        return of_sr / of_gt if of_gt else float('nan')
