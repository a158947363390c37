"""draw_skeleton and draw_bbox on BGR pictures."""

import numpy as np

import stance

from ..errors import make
from .openpose import from_openpose

_SETS = {17: "coco17", 133: "wholebody133", 21: "hand21", 26: "halpe26"}
_OPENPOSE_SETS = {17: "ap10k17", 18: "openpose18", 134: "openpose18", 26: "halpe26"}


def draw_skeleton(img, keypoints, scores, openpose_skeleton=False, kpt_thr=0.5, radius=2,
                  line_width=2, to_openpose=False):
    """Draws people on a picture, uint8 (H, W, 3), BGR, in place, and gives it back.

    keypoints (N, K, 2), scores (N, K), or one person's (K, 2) and (K,). K is 17, 21, 26 or 133;
    with openpose_skeleton (or to_openpose, the same) 18, 26 or 134, or an animal's 17."""
    openpose = openpose_skeleton or to_openpose
    keypoints, scores = np.asarray(keypoints, np.float32), np.asarray(scores, np.float32)
    if len(keypoints) == 0:
        return img
    if keypoints.ndim == 2:
        keypoints, scores = keypoints[None], scores.reshape(1, -1)
    count = keypoints.shape[1]
    name = (_OPENPOSE_SETS if openpose else _SETS).get(count)
    if name is None:
        kind = "OpenPose skeleton" if openpose else "skeleton"
        raise make(-6, "STANCE_EUNSUPPORTED", f"there is no {kind} of {count} keypoints", False)
    style = "openpose" if openpose else "simple"
    size = {"radius": 2 * radius, "thickness": 2 * line_width} if openpose and count != 26 else {
        "radius": radius, "thickness": line_width}
    if count == 134:
        _draw(img, *_limbs_only(keypoints, scores), "wholebody133", style, kpt_thr, size)
        keypoints, scores = keypoints[:, :18], scores[:, :18]
    return _draw(img, keypoints, scores, name, style, kpt_thr, size)


def _draw(img, keypoints, scores, name, style, kpt_thr, size):
    people = stance.People(keypoints, scores, keypoint_set=name)
    return stance.draw(img, people, "bgr", style=style, boxes=False, keypoint_threshold=kpt_thr,
                       **size)


def _limbs_only(keypoints, scores):
    """Feet, face and hands of OpenPose's 134 keypoints as COCO-WholeBody's, without the body."""
    keypoints, scores = from_openpose(keypoints, scores)
    scores[:, :17] = -np.inf
    return keypoints, scores


def draw_bbox(img, bboxes, color=(0, 255, 0)):
    """Draws boxes x1, y1, x2, y2 as frames two pixels wide, in place; gives the picture back."""
    height, width = img.shape[:2]
    for box in bboxes:
        x1, y1, x2, y2 = (int(value) for value in np.nan_to_num(box[:4]))
        for left, top, right, bottom in ((x1 - 1, y1 - 1, x2 + 1, y1 + 1),
                                         (x1 - 1, y2 - 1, x2 + 1, y2 + 1),
                                         (x1 - 1, y1 - 1, x1 + 1, y2 + 1),
                                         (x2 - 1, y1 - 1, x2 + 1, y2 + 1)):
            if right > 0 and bottom > 0 and left < width and top < height:
                img[max(top, 0):bottom, max(left, 0):right] = color
    return img
