"""vision.drawing_styles: the same as mp.solutions.drawing_styles."""

from ....solutions.drawing_styles import *  # noqa: F401, F403
from ....solutions.drawing_styles import __all__  # noqa: F401
