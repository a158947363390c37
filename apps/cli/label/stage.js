/* The stage: the picture, boxes and skeletons over it, zooming, and what the pointer does there.
 * `actions` are the page's: select, cycle, add, change (with a function that changes the person) and
 * settle, when such changes end. */

const SVG = "http://www.w3.org/2000/svg";
const SLACK = 3; /* pixels that a click may move */

function shape(name, attributes, parent) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.append(node);
  return node;
}

class Stage {
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
    this.image = root.querySelector("img");
    this.svg = root.querySelector("svg");
    this.view = { scale: 1, x: 0, y: 0 };
    this.adding = false;
    this.hidden = false;
    this.drag = null;
    this.svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.svg.addEventListener("pointerdown", (event) => this.down(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerup", (event) => this.up(event));
    this.svg.addEventListener("pointercancel", (event) => this.up(event));
    this.svg.addEventListener("contextmenu", (event) => this.menu(event));
    new ResizeObserver(() => this.resized()).observe(root);
  }

  /* Shows a picture; the view is kept when it is the one shown already. */
  show(picture, selection) {
    const fresh = picture !== this.picture;
    this.picture = picture;
    this.selection = selection;
    if (fresh) {
      this.image.src = picture.file.split("/").map(encodeURIComponent).join("/");
      this.fit();
    } else {
      this.draw();
    }
  }

  fit() {
    const { clientWidth: width, clientHeight: height } = this.root;
    const { width: w, height: h } = this.picture;
    const scale = Math.max(0.01, Math.min((width - 32) / w, (height - 32) / h, 8));
    this.view = { scale, x: (width - w * scale) / 2, y: (height - h * scale) / 2 };
    this.fitted = true;
    this.draw();
  }

  resized() {
    if (!this.picture) return;
    if (this.fitted) this.fit();
    else this.draw();
  }

  zoom(factor, x = this.root.clientWidth / 2, y = this.root.clientHeight / 2) {
    const { view } = this;
    const scale = Math.min(64, Math.max(0.02, view.scale * factor));
    view.x = x - ((x - view.x) * scale) / view.scale;
    view.y = y - ((y - view.y) * scale) / view.scale;
    view.scale = scale;
    this.fitted = false;
    this.draw();
  }

  /* The centre of the first pixel is (0, 0). */
  toScreen(x, y) {
    const { scale, x: left, y: top } = this.view;
    return [left + (x + 0.5) * scale, top + (y + 0.5) * scale];
  }

  toPicture(event) {
    const place = this.svg.getBoundingClientRect();
    const { scale, x, y } = this.view;
    return [(event.clientX - place.left - x) / scale - 0.5,
            (event.clientY - place.top - y) / scale - 0.5];
  }

  draw() {
    const { view, picture, svg } = this;
    Object.assign(this.image.style, {
      width: `${picture.width}px`, height: `${picture.height}px`,
      transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})`,
      imageRendering: view.scale > 3 ? "pixelated" : "auto",
    });
    svg.replaceChildren();
    svg.classList.toggle("adding", this.adding);
    if (this.hidden) return;
    const order = picture.people.map((_, i) => i).filter((i) => i !== this.selection.person);
    if (picture.people[this.selection.person]) order.push(this.selection.person);
    order.forEach((i) => this.drawPerson(picture.people[i], i));
    if (this.drag?.box) this.drawBox(this.drag.box, shape("g", { class: "person new" }, svg));
  }

  drawBox(box, group) {
    const [left, top] = this.toScreen(box[0] - 0.5, box[1] - 0.5);
    const { scale } = this.view;
    return shape("rect", { class: "box", x: left, y: top, width: Math.max(0, box[2] * scale),
                           height: Math.max(0, box[3] * scale) }, group);
  }

  drawPerson(person, index) {
    const chosen = index === this.selection.person;
    const group = shape("g", { class: chosen ? "person chosen" : "person" }, this.svg);
    group.dataset.person = index;
    this.drawBox(person.box, group);
    if (person.joints) {
      this.drawBones(person, group, chosen);
      this.drawJoints(person, group, chosen);
    }
    if (chosen) this.drawCorners(person.box, group);
    const [x, y] = this.toScreen(person.box[0], person.box[1]);
    shape("text", { class: "number", x: x + 4, y: y - 5 }, group).textContent = index + 1;
  }

  /* An absent joint shows as a guess while its person is chosen, if it has a place at all. */
  shows(joint, chosen) {
    return joint.v > 0 || (chosen && (joint.x !== 0 || joint.y !== 0));
  }

  drawBones(person, group, chosen) {
    KEYPOINTS.edges.forEach(([a, b], e) => {
      const [from, to] = [person.joints[a], person.joints[b]];
      if (!this.shows(from, chosen) || !this.shows(to, chosen)) return;
      const [x1, y1] = this.toScreen(from.x, from.y), [x2, y2] = this.toScreen(to.x, to.y);
      const least = Math.min(from.v, to.v);
      shape("line", { class: `bone v${least}`, x1, y1, x2, y2,
                      stroke: KEYPOINTS.edge_colors[e] }, group);
    });
  }

  drawJoints(person, group, chosen) {
    const order = person.joints.map((_, k) => k);
    if (chosen) order.sort((a, b) => (a === this.selection.joint) - (b === this.selection.joint));
    order.forEach((k) => { /* the chosen one on top */
      const joint = person.joints[k];
      if (!this.shows(joint, chosen)) return;
      const [cx, cy] = this.toScreen(joint.x, joint.y);
      const picked = chosen && k === this.selection.joint;
      const dot = shape("circle", { class: `joint v${joint.v}${picked ? " picked" : ""}`, cx, cy,
                                    r: picked ? 7 : chosen ? 5 : 3.5,
                                    style: `--color: ${KEYPOINTS.colors[k]}` }, group);
      const target = shape("circle", { class: "target", cx, cy, r: 11 }, group);
      dot.dataset.joint = target.dataset.joint = k;
      shape("title", {}, target).textContent = KEYPOINTS.names[k].replaceAll("_", " ");
      if (picked) {
        shape("text", { class: "caption", x: cx + 11, y: cy - 8 }, group).textContent =
          KEYPOINTS.names[k].replaceAll("_", " ");
      }
    });
  }

  drawCorners([x, y, w, h], group) {
    [[x, y, "nwse"], [x + w, y, "nesw"], [x + w, y + h, "nwse"], [x, y + h, "nesw"]]
      .forEach(([left, top, cursor], corner) => {
        const [cx, cy] = this.toScreen(left - 0.5, top - 0.5);
        shape("rect", { class: "corner", x: cx - 5, y: cy - 5, width: 10, height: 10,
                        style: `cursor: ${cursor}-resize` }, group).dataset.corner = corner;
      });
  }

  wheel(event) {
    event.preventDefault();
    const place = this.svg.getBoundingClientRect();
    const steps = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    this.zoom(Math.exp(-Math.max(-200, Math.min(200, steps)) / 400), event.clientX - place.left,
              event.clientY - place.top);
  }

  hit(event) {
    const { joint, corner } = event.target.dataset;
    const person = event.target.closest("[data-person]")?.dataset.person;
    const number = (text) => (text === undefined ? -1 : Number(text));
    return { joint: number(joint), corner: number(corner), person: number(person) };
  }

  down(event) {
    if (event.button > 1 || this.drag) return;
    event.preventDefault();
    this.root.focus({ preventScroll: true });
    this.svg.setPointerCapture(event.pointerId);
    const hit = event.button === 1 ? { joint: -1, corner: -1, person: -1 } : this.hit(event);
    const start = this.toPicture(event);
    this.drag = { ...hit, start, at: [event.clientX, event.clientY], moved: false,
                  view: { ...this.view }, pointer: event.pointerId };
    if (this.adding && event.button === 0) this.drag.box = [...start, 0, 0];
    else if (hit.person >= 0) this.actions.select(hit.person, hit.joint);
  }

  move(event) {
    const { drag } = this;
    if (!drag || drag.pointer !== event.pointerId) return;
    const [dx, dy] = [event.clientX - drag.at[0], event.clientY - drag.at[1]];
    if (!drag.moved && Math.hypot(dx, dy) < SLACK) return;
    const first = !drag.moved;
    drag.moved = true;
    if (drag.box) {
      drag.box = this.boxBetween(drag.start, this.toPicture(event));
      this.draw();
    } else if (drag.joint >= 0) {
      this.dragJoint(event, first);
    } else if (drag.corner >= 0) {
      this.dragCorner(event, first);
    } else {
      this.view = { ...drag.view, x: drag.view.x + dx, y: drag.view.y + dy };
      this.fitted = false;
      this.draw();
    }
  }

  dragJoint(event, first) {
    const { drag } = this;
    const [x, y] = this.toPicture(event);
    this.actions.change(drag.person, first, (person) => {
      const joint = person.joints[drag.joint];
      if (first) drag.offset = [joint.x - drag.start[0], joint.y - drag.start[1]];
      setJoint(person, drag.joint,
               { x: x + drag.offset[0], y: y + drag.offset[1], v: joint.v || 2 });
    });
  }

  dragCorner(event, first) {
    const { drag } = this;
    this.actions.change(drag.person, first, (person) => {
      if (first) {
        const [x, y, w, h] = person.box;
        drag.fixed = [drag.corner % 3 === 0 ? x + w : x, drag.corner < 2 ? y + h : y];
      }
      const [x, y] = this.toPicture(event);
      person.box = this.boxBetween(drag.fixed, [x + 0.5, y + 0.5]);
      person.changed = person.boxed = true;
    });
  }

  /* A box of at least a pixel, inside the picture. */
  boxBetween(a, b) {
    const { width, height } = this.picture;
    const inside = (value, most) => Math.min(most, Math.max(0, value));
    const [x1, x2] = [inside(a[0], width), inside(b[0], width)].sort((p, q) => p - q);
    const [y1, y2] = [inside(a[1], height), inside(b[1], height)].sort((p, q) => p - q);
    const [w, h] = [Math.max(1, x2 - x1), Math.max(1, y2 - y1)];
    return [Math.min(x1, width - w), Math.min(y1, height - h), w, h];
  }

  up(event) {
    const { drag } = this;
    if (!drag || drag.pointer !== event.pointerId) return;
    this.drag = null;
    if (drag.box) {
      if (drag.moved && event.type === "pointerup") this.actions.add(drag.box);
      else this.draw();
    } else if (!drag.moved && drag.person < 0) {
      this.actions.select(-1, -1);
    } else if (drag.moved && (drag.joint >= 0 || drag.corner >= 0)) {
      this.actions.settle();
    }
  }

  menu(event) {
    event.preventDefault();
    const { person, joint } = this.hit(event);
    if (joint < 0) return;
    this.actions.select(person, joint);
    this.actions.cycle();
  }
}
