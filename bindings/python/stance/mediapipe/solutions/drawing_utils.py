"""mp.solutions.drawing_utils: landmarks as discs and lines on pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import make
from ...paint import disc, line

__all__ = ["BLACK_COLOR", "BLUE_COLOR", "DrawingSpec", "GREEN_COLOR", "RED_COLOR", "WHITE_COLOR",
           "draw_landmarks"]

# In the channel order of the picture that is drawn on; named as for BGR.
WHITE_COLOR = (224, 224, 224)
BLACK_COLOR = (0, 0, 0)
RED_COLOR = (0, 0, 255)
GREEN_COLOR = (0, 128, 0)
BLUE_COLOR = (255, 0, 0)

_VISIBILITY_THRESHOLD = 0.3


@dataclass
class DrawingSpec:
    """color: in the picture's channel order; thickness, circle_radius: in pixels."""

    color: tuple = WHITE_COLOR
    thickness: int = 2
    circle_radius: int = 2


def _place(landmark, width, height):
    """The pixel of a landmark, or None when it is not visible or outside the picture."""
    seen = [value for value in (landmark.visibility, landmark.presence) if value is not None]
    inside = 0 <= landmark.x <= 1 and 0 <= landmark.y <= 1
    if not inside or any(not value >= _VISIBILITY_THRESHOLD for value in seen):
        return None
    return landmark.x * width - 0.5, landmark.y * height - 0.5


def draw_landmarks(image, landmark_list, connections=None,
                   landmark_drawing_spec=DrawingSpec(color=RED_COLOR),
                   connection_drawing_spec=DrawingSpec(), is_drawing_landmarks=True):
    """Draws on a picture, uint8 (H, W, 3), in place.

    landmark_list: with .landmark, or a list of landmarks; None: nothing is drawn.
    connections: pairs of landmarks that get a line. The specs: one for all, or by landmark and by
    connection. Landmarks with a visibility below 0.3 are left out."""
    if landmark_list is None:
        return
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.shape[2:] != (3,):
        raise make(-8, "STANCE_ESHAPE", "a picture to draw on is a uint8 array (height, width, 3)",
                   False)
    height, width = image.shape[:2]
    landmarks = getattr(landmark_list, "landmark", landmark_list)
    places = [_place(landmark, width, height) for landmark in landmarks]
    if connections and connection_drawing_spec:
        _draw_lines(image, places, connections, connection_drawing_spec)
    if is_drawing_landmarks and landmark_drawing_spec:
        _draw_discs(image, places, landmark_drawing_spec)


def _draw_lines(image, places, connections, specs):
    for a, b in connections:
        if not (0 <= a < len(places) and 0 <= b < len(places)):
            raise make(-1, "STANCE_EARGUMENT",
                       f"there is no connection {a}–{b} among {len(places)} landmarks", False)
        spec = specs[(a, b)] if isinstance(specs, Mapping) else specs
        if places[a] and places[b]:
            line(image, places[a], places[b], spec.color, spec.thickness)


def _draw_discs(image, places, specs):
    """Each on a light rim, so that it is seen on anything."""
    for i, place in enumerate(places):
        spec = specs[i] if isinstance(specs, Mapping) else specs
        if place:
            disc(image, place, max(spec.circle_radius + 1, spec.circle_radius * 1.2), WHITE_COLOR)
            disc(image, place, spec.circle_radius, spec.color)
