"""Data sets: records of pictures and people, their pixels, and what augmentation does to them."""
