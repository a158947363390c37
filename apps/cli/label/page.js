/* The page: which picture and person are chosen, the panels, keys, history and saving. */

const HISTORY = 500;
const STATES = ["absent", "hidden", "visible"]; /* by COCO's v */
const $ = (id) => document.getElementById(id);
const { pictures, bad } = readLines($("lines").textContent);
const keep = new Keep(location.pathname);
const selection = { person: -1, joint: -1 };
const past = [], future = [];
let at = 0, unsaved = false, handle = null, lastNudge = "";

const picture = () => pictures[at];
const person = () => picture().people[selection.person];
const joint = () => person()?.joints?.[selection.joint];
const spoken = (k) => KEYPOINTS.names[k].replaceAll("_", " ");
const say = (text) => { $("status").textContent = text; };

function make(name, properties, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

/* A line above the stage that stays until it is dismissed. */
function note(text, action, run) {
  const line = make("p", {}, make("span", { textContent: text }));
  if (action) {
    line.append(make("button", { textContent: action, onclick: () => { line.remove(); run(); } }));
  }
  line.append(make("button", { textContent: "Dismiss", onclick: () => line.remove() }));
  $("notes").append(line);
}

/* Every change goes through here: remembered for undoing, kept in the browser, shown. */
function change(run, lasting = true) {
  if (lasting) remember();
  run();
  keepPicture(false);
  show();
}

function remember() {
  past.push({ at, text: snapshot(picture()), person: selection.person, joint: selection.joint });
  if (past.length > HISTORY) past.shift();
  future.length = 0;
  lastNudge = "";
}

function keepPicture(clean) {
  keep.write(picture(), clean);
  setUnsaved(true);
}

function setUnsaved(value) {
  unsaved = value;
  keep.put("unsaved", value ? "yes" : null);
}

function step(from, to, sentence) {
  const then = from.pop();
  if (!then) return;
  at = then.at;
  to.push({ at, text: snapshot(picture()), person: selection.person, joint: selection.joint });
  lastNudge = "";
  restore(picture(), then.text);
  Object.assign(selection, { person: then.person, joint: then.joint });
  keepPicture(false);
  show();
  say(sentence);
}

/* Choosing. */

function select(index, k) {
  Object.assign(selection, { person: index, joint: k });
  show();
  if (joint()) say(`${spoken(k)}: ${STATES[joint().v]}`);
}

function go(index) {
  if (index < 0 || index >= pictures.length) return;
  at = index;
  stage.adding = false;
  Object.assign(selection, { person: picture().people.length ? 0 : -1, joint: -1 });
  keep.put("at", picture().file);
  show();
  say(`${picture().file}: ${counted(picture().people.length, "person", "people")}`);
}

const counted = (count, one, many) => `${count} ${count === 1 ? one : many}`;

function choosePerson(by) {
  const count = picture().people.length;
  if (count) select((Math.max(selection.person, by > 0 ? -1 : 0) + by + count) % count, -1);
}

function chooseJoint(by) {
  if (!person()) choosePerson(1);
  if (!person()?.joints) return;
  const count = KEYPOINTS.names.length;
  select(selection.person,
         (Math.max(selection.joint, by > 0 ? -1 : 0) + by + count) % count);
}

/* Changing. */

function setVisibility(v) {
  if (!joint()) return;
  change(() => setJoint(person(), selection.joint, { v }));
  say(`${spoken(selection.joint)}: ${STATES[v]}`);
}

function cycle() {
  if (joint()) setVisibility((joint().v + 2) % 3);
}

/* Moves of one joint in a row are undone at once. */
function nudge(dx, dy) {
  if (!joint()) return;
  const which = `${at} ${selection.person} ${selection.joint} ${past.length}`;
  change(() => {
    const { x, y, v } = joint();
    setJoint(person(), selection.joint, { x: x + dx, y: y + dy, v: v || 2 });
  }, which !== lastNudge);
  lastNudge = `${at} ${selection.person} ${selection.joint} ${past.length}`;
}

function addPerson(box) {
  stage.adding = false;
  change(() => {
    picture().people.push(newPerson(box));
    Object.assign(selection, { person: picture().people.length - 1, joint: -1 });
  });
  say("A person was added: drag the joints to their places, or press C when they are right");
}

function addInTheMiddle() {
  const { width, height } = picture();
  addPerson([width * 0.35, height * 0.15, width * 0.3, height * 0.7].map(Math.round));
}

function toggleAdding() {
  stage.adding = !stage.adding;
  show();
  say(stage.adding ? "Drag a box round the person; Enter puts one in the middle" : "");
}

function deletePerson() {
  if (!person()) return;
  change(() => {
    picture().people.splice(selection.person, 1);
    Object.assign(selection, {
      person: Math.min(selection.person, picture().people.length - 1), joint: -1,
    });
  });
  say("The person was deleted; Ctrl+Z brings it back");
}

function confirmAll() {
  if (!person()?.joints) return;
  const fresh = person().joints.every((j) => j.v === 0);
  change(() => person().joints.forEach((j, k) => {
    if (j.v || fresh) setJoint(person(), k, { v: j.v || 2 });
  }));
  say("All joints of this person count as placed by hand");
}

function swap() {
  if (!person()?.joints) return;
  change(() => swapSides(person()));
  say("Left and right were swapped");
}

function addSkeleton() {
  if (!person() || person().joints) return;
  change(() => Object.assign(person(), { joints: defaultJoints(person().box), changed: true }));
}

function setBox(input) {
  const value = Number(input.value), index = Number(input.dataset.index);
  if (!person() || input.value === "" || !Number.isFinite(value) || (index > 1 && value < 1)) {
    show();
    return;
  }
  change(() => {
    person().box[index] = value;
    person().changed = person().boxed = true;
  });
}

/* Marks the picture and goes to the next one without a mark; a second press takes the mark away. */
function mark(state) {
  const on = picture().state !== state;
  change(() => { picture().state = on ? state : ""; });
  if (!on) return;
  const order = pictures.map((_, i) => (at + 1 + i) % pictures.length);
  const next = order.find((i) => pictures[i].state === "");
  if (next !== undefined) go(next);
  else say("Every picture is done: save the labels");
}

/* Saving. */

async function write(text) {
  if (window.showSaveFilePicker) {
    handle ??= await window.showSaveFilePicker({
      id: "stance-label", suggestedName: "annotations.jsonl",
      types: [{ description: "Labels", accept: { "application/jsonl": [".jsonl"] } }],
    });
    const file = await handle.createWritable();
    await file.write(text);
    await file.close();
    return;
  }
  const link = make("a", { href: URL.createObjectURL(new Blob([text])),
                           download: "annotations.jsonl" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function save() {
  const snapshots = pictures.map(writePicture);
  try {
    await write(writeLines(pictures));
  } catch (error) {
    handle = null;
    if (error.name !== "AbortError") note(`The labels could not be saved: ${error.message}`);
    return;
  }
  pictures.forEach((p, i) => {
    if (p.bases.at(-1) === hash(snapshots[i])) return;
    p.bases.push(hash(snapshots[i]));
    keep.write(p, p.state !== "out" && writePicture(p) === snapshots[i]);
  });
  setUnsaved(pictures.some((p, i) => writePicture(p) !== snapshots[i]));
  showKept();
  const out = pictures.filter((p) => p.state === "out").length;
  say(`Saved ${counted(pictures.length - out, "picture", "pictures")}` +
      (out ? `, ${out} left out` : ""));
}

/* Showing. */

/* How much of all names is one folder, which the list need not show. */
function commonFolder() {
  let folder = pictures[0]?.file.replace(/[^/]*$/, "") ?? "";
  for (const p of pictures) {
    while (!p.file.startsWith(folder)) folder = folder.replace(/[^/]*\/$/, "");
  }
  return folder.length;
}

const common = commonFolder();
const looks = []; /* of the rows in the list, so that only those that change are touched */

function showTitle() {
  const name = picture().file.replace(/.*\//s, "");
  const folder = picture().file.slice(0, picture().file.length - name.length);
  document.title = `${unsaved ? "• " : ""}${name} - stance label`;
  $("title").replaceChildren(`${at + 1} / ${pictures.length} \u2002 ${name} \u2002 `,
                             make("span", { className: "folder", textContent: folder }));
  $("title").title = picture().file;
}

function showPictures() {
  const list = $("pictures");
  if (looks.length === 0) {
    list.replaceChildren(...pictures.map((p, i) => make("li", {}, make(
      "button", { title: p.file, onclick: () => go(i) },
      make("span", { className: "mark" }),
      make("span", { className: "name" }, make("bdi", { textContent: p.file.slice(common) }))))));
  }
  pictures.forEach((p, i) => {
    const look = i === at ? `${p.state} current` : p.state;
    if (looks[i] === look) return;
    looks[i] = look;
    const button = list.children[i].firstChild;
    button.className = p.state;
    button.firstChild.textContent = p.state === "done" ? "✓" : p.state === "out" ? "×" : "";
    button.ariaCurrent = i === at ? "true" : "false";
    if (i === at) button.scrollIntoView({ block: "nearest" });
  });
  const done = pictures.filter((p) => p.state === "done").length;
  const total = pictures.length - pictures.filter((p) => p.state === "out").length;
  $("progress").textContent = `${done} of ${total} done`;
  Object.assign($("bar"), { value: done, max: Math.max(total, 1) });
}

function showPeople() {
  const list = $("people"), focused = list.contains(document.activeElement);
  list.replaceChildren(...picture().people.map((p, i) => make("li", {}, make(
    "button", { ariaPressed: String(i === selection.person), onclick: () => select(i, -1) },
    make("span", { textContent: `Person ${i + 1}` }),
    make("span", { className: "score", textContent: describe(p) })))));
  if (focused) list.querySelector("[aria-pressed=true]")?.focus();
}

function describe(p) {
  if (!p.joints) return "box only";
  const placed = p.joints.filter((j) => j.v), hand = placed.filter((j) => j.src === "g").length;
  return hand ? `${hand} of ${placed.length} by hand` : counted(placed.length, "joint", "joints");
}

function showPerson() {
  const p = person();
  $("person").hidden = !p;
  $("delete").disabled = !p;
  if (!p) return;
  $("person-title").textContent = `Person ${selection.person + 1}`;
  $("skeleton").hidden = Boolean(p.joints);
  $("confirm").hidden = $("swap").hidden = $("joints").hidden = !p.joints;
  for (const input of $("box").querySelectorAll("input")) {
    input.value = String(Math.round(p.box[input.dataset.index] * 10) / 10);
  }
  showJoints(p);
}

function showJoints(p) {
  const body = $("joints").tBodies[0];
  if (!body.childElementCount) {
    body.append(...KEYPOINTS.names.map((_, k) => make("tr", {},
      make("td", {}, make("button", { onclick: () => select(selection.person, k) },
        make("span", { className: "swatch", style: `--color: ${KEYPOINTS.colors[k]}` }),
        spoken(k))),
      make("td", {}, make("button", { className: "state", onclick: () => {
        select(selection.person, k);
        cycle();
      } })))));
  }
  (p.joints ?? []).forEach((j, k) => {
    const row = body.children[k], state = row.lastChild.firstChild;
    row.className = `v${j.v}${k === selection.joint ? " picked" : ""}`;
    state.textContent = STATES[j.v];
    state.classList.toggle("hand", j.v > 0 && j.src === "g");
    state.ariaLabel = `${spoken(k)}: ${STATES[j.v]}`;
    state.title = j.src === "g" ? "placed by hand" : `score ${j.conf.toFixed(2)}`;
  });
}

function showKept() {
  $("kept").className = keep.works ? "" : "bad";
  $("kept").textContent = !keep.works ? "This browser keeps nothing: save before you close the page"
    : unsaved ? "Kept in this browser, not saved yet" : "";
}

function show() {
  showTitle();
  $("stage").classList.toggle("out", picture().state === "out");
  $("stage").ariaLabel = `${picture().file}: ` +
    counted(picture().people.length, "person", "people");
  $("done").ariaPressed = String(picture().state === "done");
  $("leave-out").ariaPressed = String(picture().state === "out");
  $("add").ariaPressed = String(stage.adding);
  $("hide").ariaPressed = String(stage.hidden);
  $("previous").disabled = at === 0;
  $("next").disabled = at === pictures.length - 1;
  $("undo").disabled = past.length === 0;
  $("redo").disabled = future.length === 0;
  showPictures();
  showPeople();
  showPerson();
  showKept();
  stage.show(picture(), selection);
}

/* Wiring. */

const stage = new Stage($("stage"), {
  select,
  cycle,
  add: addPerson,
  change: (index, first, run) => {
    if (first) remember();
    run(picture().people[index]);
    showPerson();
    stage.draw();
  },
  settle: () => {
    keepPicture(false);
    show();
  },
});

function hide() {
  stage.hidden = !stage.hidden;
  show();
}

function escape() {
  if (stage.adding) toggleAdding();
  else if (selection.joint >= 0) select(selection.person, -1);
  else select(-1, -1);
}

const undo = () => step(past, future, "Undone");
const redo = () => step(future, past, "Done again");
const buttons = {
  previous: () => go(at - 1), next: () => go(at + 1), done: () => mark("done"),
  "leave-out": () => mark("out"), undo, redo, hide, save, swap, fit: () => stage.fit(),
  "zoom-in": () => stage.zoom(1.25), "zoom-out": () => stage.zoom(0.8), add: toggleAdding,
  delete: deletePerson, confirm: confirmAll, skeleton: addSkeleton,
  help: () => $("keys").showModal(),
};
const keys = {
  ArrowLeft: buttons.previous, ArrowRight: buttons.next, Home: () => go(0),
  End: () => go(pictures.length - 1), d: buttons.done, x: buttons["leave-out"], a: toggleAdding,
  Delete: deletePerson, Backspace: deletePerson, "[": () => choosePerson(-1),
  "]": () => choosePerson(1), ",": () => chooseJoint(-1), ".": () => chooseJoint(1), v: cycle,
  1: () => setVisibility(2), 2: () => setVisibility(1), 3: () => setVisibility(0), c: confirmAll,
  s: swap, h: hide, 0: buttons.fit, "+": buttons["zoom-in"], "=": buttons["zoom-in"],
  "-": buttons["zoom-out"], "?": buttons.help, Escape: escape,
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/* Letters by the key's place when another alphabet, such as Hangul, is being typed. */
function keyOf(event) {
  if (/^[\x20-\x7e]$/.test(event.key)) return event.key.toLowerCase();
  const letter = /^Key([A-Z])$/.exec(event.code);
  return letter ? letter[1].toLowerCase() : event.key;
}

function onKey(event) {
  if ($("keys").open || event.altKey) return;
  const key = keyOf(event), control = event.ctrlKey || event.metaKey;
  let run;
  if (control && key === "s") run = save;
  else if (event.target.matches("input")) return;
  else if (event.shiftKey && ARROWS[key]) {
    run = () => nudge(...ARROWS[key].map((d) => d * (control ? 10 : 1)));
  } else if (control) run = { z: event.shiftKey ? redo : undo, y: redo }[key];
  else if (key === "Enter" && stage.adding) run = addInTheMiddle;
  else run = keys[key];
  if (!run) return;
  event.preventDefault();
  run();
}

function missing(text) {
  $("missing").hidden = !text;
  $("missing").textContent = text;
}

function onPicture() {
  const { naturalWidth: width, naturalHeight: height } = stage.image;
  const fits = width === picture().width && height === picture().height;
  missing(fits ? "" : `This picture has ${width} × ${height} pixels, its labels are for ` +
    `${picture().width} × ${picture().height}: it is another picture, or it was changed.`);
  const ahead = pictures[at + 1];
  if (ahead) new Image().src = ahead.file.split("/").map(encodeURIComponent).join("/");
}

function wire() {
  for (const [id, run] of Object.entries(buttons)) $(id).onclick = run;
  for (const input of $("box").querySelectorAll("input")) input.onchange = () => setBox(input);
  document.addEventListener("keydown", onKey);
  stage.image.onload = onPicture;
  stage.image.onerror = () => missing(
    `'${picture().file}' cannot be shown: it is not there any more, or this browser does not ` +
    "know its format (TIFF, for one).");
  window.addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
}

function start() {
  bad.slice(0, 5).forEach((sentence) => note(`Not shown, and lost when you save: ${sentence}`));
  if (bad.length > 5) note(`… and ${bad.length - 5} more lines that cannot be read.`);
  if (!pictures.length) {
    note("There are no labels in this page: make it anew with 'stance label annotations.jsonl'.");
    return;
  }
  const kept = pictures.map((p) => keep.read(p));
  const differing = pictures.filter((_, i) => kept[i] === "differs");
  unsaved = kept.some((state) => state !== "") && keep.get("unsaved") === "yes";
  wire();
  if (differing.length) {
    note(`The labels of ${counted(differing.length, "picture", "pictures")} changed in the file ` +
         "since this browser kept your work; your work is shown.", "Show the file's", () => {
      differing.forEach((p) => keep.forget(p));
      setUnsaved(false);
      location.reload();
    });
  }
  const last = pictures.findIndex((p) => p.file === keep.get("at"));
  go(Math.max(last, 0));
}

start();
