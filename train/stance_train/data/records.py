"""Records: what a data set says about a picture and the people on it, and the readers of each form.

Forms: `jsonl` (one picture a line, as `stance pose --json` or our own lines write them) and `coco`
(COCO JSON, also of CrowdPose, MPII or AIC when `keypoint_set` says so). Keypoints come out in the
order of the wanted set, with one weight per joint: 0 where nothing is known, else how far to trust
it. Boxes are x, y, width, height. Pixels: (0, 0) is the centre of the first one.
"""

import json
import math
import os
from dataclasses import dataclass, field

import numpy as np

from ..errors import TrainError
from ..keypoints import KeypointSet

MAX_PEOPLE = 1000


@dataclass
class Person:
    box: np.ndarray                   # x, y, w, h
    keypoints: np.ndarray = None      # [K, 2]; None: a box only
    weights: np.ndarray = None        # [K], 0 to 1
    visible: np.ndarray = None        # [K], COCO's v: 0, 1, 2
    by_hand: np.ndarray = None        # [K], True where a person placed the point
    score: float = 1.0
    crowd: bool = False


@dataclass
class Picture:
    path: str
    width: int
    height: int
    source: str
    people: list = field(default_factory=list)
    ignore: list = field(default_factory=list)   # boxes without a say in the detector's loss
    complete: bool = True                        # every person has a box
    origin: str = ""                             # name in the collection that it came from
    identity: int = 0                            # COCO's image id, or the running number


@dataclass
class Set:
    """One data set of the configuration."""
    pictures: list
    options: dict


def _numbers(value, count, where, what):
    if (not isinstance(value, list) or len(value) != count
            or not all(isinstance(v, (int, float)) and math.isfinite(v) for v in value)):
        raise TrainError(f"{where}: {what} must be {count} finite numbers")
    return np.array(value, np.float32)


def _read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror}; give the annotations' path") from None
    except ValueError as error:
        raise TrainError(f"{path}: not valid JSON ({error})") from None


def _person_from_line(entry, kinds, table, where, keypoint_threshold):
    """A person of our JSON lines, or of `stance pose --json` (`boxes` as corners)."""
    if not isinstance(entry, dict) or "box" not in entry:
        raise TrainError(f"{where}: a person must be an object with a \"box\"")
    box = _numbers(entry["box"], 4, where, "a person's box")
    from_stance = "box_score" in entry
    if from_stance:
        box = np.array([box[0], box[1], box[2] - box[0], box[3] - box[1]], np.float32)
    person = Person(box, score=float(entry.get("score", 1)), crowd=bool(entry.get("crowd", False)))
    points = entry.get("keypoints")
    if points is None:
        return person
    count = kinds.count
    if not isinstance(points, list) or len(points) != count:
        raise TrainError(f"{where}: {len(points) if isinstance(points, list) else 'no'} keypoints "
                         f"where {kinds.name} has {count}; set the data set's keypoint_set")
    points = np.stack([_numbers(p, 3, where, "a keypoint") for p in points])
    if from_stance:   # the third number is a score: a pseudo label
        conf = np.clip(points[:, 2], 0, 1)
        conf[conf < keypoint_threshold] = 0
        visible = np.where(conf > 0, 2, 0)
        by_hand = np.zeros(count, bool)
    else:
        conf = np.clip(_numbers(entry.get("conf", [1.0] * count), count, where, "conf"), 0, 1)
        visible = points[:, 2].astype(int)
        by_hand = np.array([c == "g" for c in entry.get("kp_src", "g" * count)])
        if len(by_hand) != count:
            raise TrainError(f"{where}: kp_src must have {count} letters")
    chosen = np.maximum(table, 0)
    present = (table >= 0) & (visible[chosen] > 0)
    person.keypoints = points[chosen, :2] * present[:, None]
    person.weights = (conf[chosen] * present).astype(np.float32)
    person.visible = visible[chosen] * present
    person.by_hand = by_hand[chosen] & present
    return person


def read_lines(path, root, keypoint_set, wanted, options):
    """Our JSON lines, or the lines of `stance pose --json` (pseudo labels)."""
    pictures, split = [], options.get("split")
    kinds = KeypointSet(keypoint_set)
    table = wanted.map_from(kinds, path)
    threshold = options.get("keypoint_threshold", 0.3)
    try:
        file = open(path, encoding="utf-8")
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror}; give the annotations' path") from None
    with file:
        for number, line in enumerate(file, 1):
            where = f"{path}:{number}"
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise TrainError(f"{where}: not valid JSON ({error})") from None
            if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
                raise TrainError(f"{where}: a line must be an object with a \"file\"")
            people = entry.get("persons", entry.get("people", []))
            if not isinstance(people, list) or len(people) > MAX_PEOPLE:
                raise TrainError(f"{where}: \"persons\" must be a list of at most {MAX_PEOPLE}")
            if split and entry.get("split", split) != split:
                continue
            size = _numbers([entry.get("width"), entry.get("height")], 2, where, "width and height")
            pictures.append(Picture(
                os.path.join(root, entry["file"]), int(size[0]), int(size[1]),
                entry.get("source", options.get("name", os.path.basename(path))),
                [_person_from_line(p, kinds, table, where, threshold) for p in people],
                [_numbers(b, 4, where, "an ignore box") for b in entry.get("ignore", [])],
                bool(entry.get("complete_boxes", True)), str(entry.get("path", entry["file"])),
                number))
    return pictures


def read_coco(path, root, keypoint_set, wanted, options):
    """COCO JSON: the people of category `person` (or the only category)."""
    data = _read_json(path)
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        raise TrainError(f"{path}: no \"images\"; this is not a COCO annotation file")
    categories = {c.get("id"): c for c in data.get("categories", []) if isinstance(c, dict)}
    people_ids = [i for i, c in categories.items()
                  if c.get("name") == "person" or len(categories) == 1]
    names = next((categories[i]["keypoints"] for i in people_ids
                  if isinstance(categories[i].get("keypoints"), list)), None)
    kinds = (KeypointSet(keypoint_set) if keypoint_set or not names
             else KeypointSet(os.path.basename(path), names))
    table = wanted.map_from(kinds, path)
    pictures = {}
    for image in data["images"]:
        try:
            pictures[image["id"]] = Picture(os.path.join(root, image["file_name"]),
                                            int(image["width"]), int(image["height"]),
                                            options.get("name", os.path.basename(path)),
                                            origin=image["file_name"], identity=image["id"])
        except (KeyError, TypeError, ValueError):
            raise TrainError(f"{path}: an image lacks id, file_name, width or height") from None
    for entry in data.get("annotations", []):
        where = f"{path}: annotation {entry.get('id') if isinstance(entry, dict) else '?'}"
        try:
            if people_ids and entry["category_id"] not in people_ids:
                continue
            picture = pictures[entry["image_id"]]
        except (KeyError, TypeError):
            raise TrainError(f"{where}: its image_id or category_id is missing or unknown") from None
        box = _numbers(entry.get("bbox"), 4, where, "bbox")
        person = Person(box, crowd=bool(entry.get("iscrowd")))
        points = entry.get("keypoints")
        if points is not None and not person.crowd:
            points = _numbers(points, 3 * kinds.count, where, "keypoints").reshape(-1, 3)
            chosen = np.maximum(table, 0)
            visible = points[chosen, 2].astype(int) * (table >= 0)
            person.visible = visible
            person.weights = (visible > 0).astype(np.float32)
            person.keypoints = points[chosen, :2] * (visible > 0)[:, None]
            person.by_hand = visible > 0
            if not person.weights.any():
                person.keypoints = None
        (picture.ignore if person.crowd else picture.people).append(box if person.crowd else person)
    return list(pictures.values())


READERS = {"jsonl": read_lines, "coco": read_coco}


def read_set(options, wanted):
    """A data set of the configuration: {path, [form], [root], [keypoint_set], [split], ...}."""
    path = options.get("path")
    if not path:
        raise TrainError("a data set without \"path\"; give the annotations' path")
    if os.path.isdir(path):
        path = os.path.join(path, "annotations.jsonl")
    form = options.get("form", "coco" if path.endswith(".json") else "jsonl")
    if form not in READERS:
        raise TrainError(f"{path}: form {form!r} is not known; known: {', '.join(READERS)}")
    root = options.get("root", os.path.dirname(path))
    keypoint_set = options.get("keypoint_set", "coco17" if form == "jsonl" else None)
    pictures = READERS[form](path, root, keypoint_set, wanted, options)
    leave_out = options.get("leave_out", [])
    pictures = [p for p in pictures if not any(name in p.origin for name in leave_out)]
    if not pictures:
        raise TrainError(f"{path}: no picture in it"
                         + (f" of split {options['split']!r}" if options.get("split") else ""))
    return Set(pictures, options)
