"""vision.drawing_utils: the same as mp.solutions.drawing_utils."""

from ....solutions.drawing_utils import *  # noqa: F401, F403
from ....solutions.drawing_utils import __all__  # noqa: F401
