"""stance_train: the training recipe of RTMPose, for the networks that stance runs."""

__version__ = "0.1"
