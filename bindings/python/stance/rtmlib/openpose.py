"""Keypoints in OpenPose's order: COCO's 17 become 18, COCO-WholeBody's 133 become 134."""

import numpy as np

#: OpenPose's 18 from COCO's 17; -1: the neck, between the shoulders.
_BODY = (0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
_LEFT_SHOULDER, _RIGHT_SHOULDER = 5, 6
_COCO_COUNT = 17


def to_openpose(keypoints, scores):
    """(N, K, 2) and (N, K) in OpenPose's order; sets other than COCO's and COCO-WholeBody's stay as
    they are. A neck scores as the weaker shoulder."""
    if keypoints.shape[1] not in (17, 133):
        return keypoints, scores
    shoulders = [_LEFT_SHOULDER, _RIGHT_SHOULDER]
    neck = keypoints[:, shoulders].mean(1, keepdims=True)
    neck_score = scores[:, shoulders].min(1, keepdims=True)
    order = np.where(np.array(_BODY) < 0, 0, _BODY)
    points = np.concatenate([keypoints[:, order], keypoints[:, _COCO_COUNT:]], 1)
    values = np.concatenate([scores[:, order], scores[:, _COCO_COUNT:]], 1)
    points[:, 1:2], values[:, 1:2] = neck, neck_score
    return points, values


def from_openpose(keypoints, scores):
    """The way back, for drawing: (N, 134, …) to COCO-WholeBody's 133."""
    order = [_BODY.index(i) for i in range(_COCO_COUNT)]
    return (np.concatenate([keypoints[:, order], keypoints[:, _COCO_COUNT + 1:]], 1),
            np.concatenate([scores[:, order], scores[:, _COCO_COUNT + 1:]], 1))
