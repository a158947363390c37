/* The labels: reading and writing lines, what is kept in the browser, and undoing.
 *
 * A picture is {file, width, height, entry, bases, people, state}: `entry` is its line as it was
 * read, `bases` are hashes of the lines that its work began from, the last saved one at the end,
 * `state` is "", "done" or "out". A person is {raw, box, joints, changed, boxed}; a joint is
 * {x, y, v, src, conf} with COCO's v: 2 visible, 1 hidden, 0 absent. joints is null for a box
 * only. */

const KEYPOINTS = JSON.parse(document.getElementById("keypoint-set").textContent);

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const areNumbers = (value, count) =>
  Array.isArray(value) && value.length === count && value.every(isNumber);
const round = (value) => Math.round(value * 100) / 100;

/* FNV-1a: tells whether the file changed since the browser kept something. */
function hash(text) {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  }
  return (sum >>> 0).toString(16) + "-" + text.length;
}

function readJoints(person) {
  const points = person.keypoints;
  if (points === undefined || points === null) return null;
  if (!Array.isArray(points) || points.length !== KEYPOINTS.names.length ||
      !points.every((point) => areNumbers(point, 3))) {
    throw new Error(`keypoints must be ${KEYPOINTS.names.length} × [x, y, v]`);
  }
  const letters = typeof person.kp_src === "string" ? person.kp_src : "";
  const conf = Array.isArray(person.conf) ? person.conf : [];
  return points.map(([x, y, v], k) => ({
    x, y, v: v >= 2 ? 2 : v >= 1 ? 1 : 0, src: letters[k] || "g",
    conf: isNumber(conf[k]) ? conf[k] : 1,
  }));
}

function readPerson(raw) {
  if (!raw || typeof raw !== "object" || !areNumbers(raw.box, 4)) {
    throw new Error("a person must have a box of four numbers");
  }
  return { raw, box: [...raw.box], joints: readJoints(raw), changed: false, boxed: false };
}

function readPicture(line) {
  const entry = JSON.parse(line);
  if (!entry || typeof entry.file !== "string" || !(entry.width > 0) || !(entry.height > 0)) {
    throw new Error("file, width and height are needed");
  }
  const persons = entry.persons ?? [];
  if (!Array.isArray(persons)) throw new Error("persons must be a list");
  return {
    file: entry.file, width: entry.width, height: entry.height, entry, bases: [hash(line)],
    people: persons.map(readPerson), state: entry.done === true ? "done" : "",
  };
}

/* {pictures, bad}: `bad` are sentences about lines that could not be read. */
function readLines(text) {
  const pictures = [], bad = [], names = new Set();
  text.split("\n").forEach((line, index) => {
    line = line.trim();
    if (!line) return;
    try {
      const picture = readPicture(line);
      if (names.has(picture.file)) throw new Error("the picture has a line already");
      names.add(picture.file);
      pictures.push(picture);
    } catch (error) {
      bad.push(`line ${index + 1}: ${error.message}`);
    }
  });
  return { pictures, bad };
}

/* The person as the trainer reads it; what nobody touched is written as it was. */
function writePerson(person) {
  if (!person.changed) return person.raw;
  const out = { ...person.raw, box: person.box.map(round) };
  if (person.boxed) out.score = 1;
  const placed = (person.joints ?? []).filter((joint) => joint.v > 0);
  const hand = placed.filter((joint) => joint.src === "g").length;
  if (placed.length > 0) {
    out.keypoints = person.joints.map((j) => (j.v ? [round(j.x), round(j.y), j.v] : [0, 0, 0]));
    out.conf = person.joints.map((j) => (j.v ? j.conf : 0));
    out.kp_src = person.joints.map((j) => (j.v ? j.src : "-")).join("");
  } else {
    delete out.keypoints;
    delete out.conf;
    delete out.kp_src;
  }
  out.label_kind = hand === placed.length ? "gt" : hand > 0 ? "mixed" : "pseudo";
  return out;
}

function writePicture(picture) {
  const entry = { ...picture.entry, persons: picture.people.map(writePerson) };
  delete entry.done;
  if (picture.state === "done") entry.done = true;
  return JSON.stringify(entry);
}

/* Every picture but those left out. */
function writeLines(pictures) {
  return pictures.filter((picture) => picture.state !== "out")
    .map((picture) => writePicture(picture) + "\n").join("");
}

/* Where joints go in a new box, as parts of its width and height: somebody who stands and looks at
 * the camera, so that the person's left is on the right. */
const STANDING = {
  nose: [0.5, 0.08], left_eye: [0.55, 0.06], right_eye: [0.45, 0.06], left_ear: [0.61, 0.08],
  right_ear: [0.39, 0.08], head: [0.5, 0.01], neck: [0.5, 0.17], left_shoulder: [0.7, 0.2],
  right_shoulder: [0.3, 0.2], left_elbow: [0.82, 0.35], right_elbow: [0.18, 0.35],
  left_wrist: [0.88, 0.48], right_wrist: [0.12, 0.48], hip: [0.5, 0.51], left_hip: [0.63, 0.52],
  right_hip: [0.37, 0.52], left_knee: [0.65, 0.74], right_knee: [0.35, 0.74],
  left_ankle: [0.66, 0.95], right_ankle: [0.34, 0.95], left_heel: [0.64, 0.98],
  right_heel: [0.36, 0.98], left_big_toe: [0.72, 0.99], right_big_toe: [0.28, 0.99],
  left_small_toe: [0.76, 0.98], right_small_toe: [0.24, 0.98],
};

function defaultPlace(name, box) {
  const [x, y] = STANDING[name] ?? [0.5, 0.5];
  return { x: box[0] + x * box[2], y: box[1] + y * box[3] };
}

/* Joints that nobody placed yet: they are absent until they are dragged or confirmed. */
function defaultJoints(box) {
  return KEYPOINTS.names.map((name) => ({ ...defaultPlace(name, box), v: 0, src: "-", conf: 0 }));
}

function newPerson(box) {
  return { raw: { box, score: 1 }, box, joints: defaultJoints(box), changed: true, boxed: true };
}

/* A person put this joint where it is, or says that it is right there. */
function setJoint(person, k, change) {
  const joint = Object.assign(person.joints[k], change);
  person.changed = true;
  joint.src = joint.v ? "g" : "-";
  joint.conf = joint.v ? 1 : 0;
  if (joint.v && joint.x === 0 && joint.y === 0) {
    Object.assign(joint, defaultPlace(KEYPOINTS.names[k], person.box));
  }
}

function swapSides(person) {
  const old = person.joints;
  person.joints = old.map((joint, k) => {
    const from = KEYPOINTS.flip[k];
    return { ...old[from], src: from !== k && old[from].v ? "g" : old[from].src,
             conf: from !== k && old[from].v ? 1 : old[from].conf };
  });
  person.changed = true;
}

/* What changes about a picture, as text: for undoing and for the browser's storage. */
const snapshot = (picture) => JSON.stringify({ people: picture.people, state: picture.state });

function restore(picture, text) {
  const { people, state } = JSON.parse(text);
  picture.people = people;
  picture.state = state;
}

/* The browser's storage: one item for each picture that was changed. `clean`: its last base is what
 * was saved. */
class Keep {
  constructor(name) {
    this.prefix = `stance-label:${name}:`;
    this.works = true;
  }

  put(key, value) {
    try {
      if (value === null) localStorage.removeItem(this.prefix + key);
      else localStorage.setItem(this.prefix + key, value);
    } catch {
      this.works = false;
    }
  }

  get(key) {
    try {
      return localStorage.getItem(this.prefix + key);
    } catch {
      this.works = false;
      return null;
    }
  }

  write(picture, clean) {
    const { people, state, bases } = picture;
    this.put(`picture:${picture.file}`, JSON.stringify({ people, state, bases, clean }));
  }

  forget(picture) {
    this.put(`picture:${picture.file}`, null);
  }

  /* "": nothing kept; "kept": taken; "differs": taken, but the file has changed otherwise. */
  read(picture) {
    const text = this.get(`picture:${picture.file}`);
    if (!text) return "";
    try {
      const { people, state, bases, clean } = JSON.parse(text);
      const now = picture.bases[0];
      const known = bases.indexOf(now);
      if (clean && known === bases.length - 1) {
        this.forget(picture);
        return "";
      }
      people.forEach((person) => readPerson({ box: person.box }));
      Object.assign(picture, { people, state, bases: known < 0 ? [now] : bases });
      return known < 0 ? "differs" : "kept";
    } catch {
      this.forget(picture);
      return "";
    }
  }
}
