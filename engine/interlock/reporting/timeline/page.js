"use strict";
// Lets a person walk through the chart and zoom into it. What is drawn as one on which width of the axis, and every word
// but the axis', is in the page; texts of what is told of a piece are copied from the tables beneath it.
(() => {
  const chart = document.getElementById("chart");
  const told = chart.dataset;
  const [since, until] = [Number(told.since), Number(told.until)];
  const span = Math.max(1, until - since);
  const [widths, steps] = [told.widths, told.steps].map((listed) => listed.split(" ").map(Number));
  const narrowed = matchMedia("(max-width: 700px)");
  const WIDEST = 8e6; // pixels: browsers lay out no element much wider
  const SECOND = 1e6, MINUTE = 60 * SECOND, DAY = 86400 * SECOND;

  const made = (tag, properties = {}, ...content) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in element && name !== "role") element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...content);
    return element;
  };
  const drawn = (tag, attributes, ...content) => {
    const element = document.createElementNS(image.namespaceURI, tag);
    put(element, attributes);
    element.append(...content);
    return element;
  };
  const put = (element, attributes) => { for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value); };

  // ---- the chart, and what the tables hold of its pieces
  const scroll = chart.querySelector(".scroll");
  const image = scroll.querySelector("svg");
  const axis = image.querySelector(".axis");
  const side = Number(image.querySelector(".ground").getAttribute("x"));
  const top = Number(axis.querySelector("text").getAttribute("y"));
  const [, , , height] = image.getAttribute("viewBox").split(" ").map(Number);
  const tables = [...document.querySelectorAll("table[data-lane]")];
  const lanes = [...image.querySelectorAll(".lane")].map((lane, number) => {
    const rows = [...tables[number].tBodies[0].rows].map((row) => {
      const from = Math.min(Math.max(Number(row.dataset.since), since), until);
      return { row, from, to: Number(row.dataset.until ?? from) };
    });
    const seat = lane.classList.contains("seat");
    const [label, ground, track] = [".label", ".ground", ".track"].map((name) => lane.querySelector(name));
    const pieces = [...lane.querySelectorAll(".item")].map((item) => {
      const order = item.dataset.rows.split(" ").map(Number);
      const [first, last] = order.map((index) => rows[index]);
      const title = item.querySelector("title");
      put(item, { role: "gridcell", tabindex: -1, "aria-label": title.textContent });
      title.remove(); // a browser would show it beside what is told
      return { item, seat, lane, order, name: tables[number].dataset.lane, first, last, levels: Number(item.dataset.levels), box: item.querySelector("svg") };
    }).sort((one, other) => one.order[0] - other.order[0]);
    lane.querySelector(".other")?.remove();
    put(lane, { role: "row" });
    put(label, { role: "rowheader" });
    put(track, { role: "presentation" });
    return { seat, label, ground, track, pieces };
  });
  const pieceOf = new Map(lanes.flatMap((lane) => lane.pieces).map((piece) => [piece.item, piece]));
  const tracks = lanes.map((lane) => lane.track);
  image.removeAttribute("viewBox");
  put(image, { role: "grid", height, "aria-label": `Timeline of ${told.task}: arrows move along a lane and between lanes` });

  // ---- what is told of a piece
  const iso = (at) => new Date(Math.floor(at / 1000)).toISOString().slice(0, 23) + String(at % 1000).padStart(3, "0");
  const tick = (at, step) => {
    const text = iso(at);
    if (step >= DAY) return text.slice(0, 10);
    if (at % DAY === 0) return text.slice(5, 10);
    return text.slice(11, step >= MINUTE ? 16 : step >= SECOND ? 19 : step >= 1000 ? 23 : 26);
  };
  const cell = (each, index) => each.row.cells[index];
  const text = (each, index) => cell(each, index).textContent;
  const copied = (each, index, kind) => made("div", { className: kind }, ...[...cell(each, index).childNodes].map((child) => child.cloneNode(true)));
  const details = ({ item, seat, name, first, last }) => {
    const quiet = (...words) => made("p", { className: "quiet" }, made("bdi", {}, name), ` · ${words.join("")}`);
    if (first !== last) {
      const hint = "Too near each other to be told apart here: zoom in with + , Enter or a double click.";
      return [made("p", { className: "title" }, made("bdi", {}, item.getAttribute("aria-label"))), quiet(hint)];
    }
    if (seat) return [copied(first, 1, "title"), quiet(text(first, 0)), copied(first, 4, ""), copied(first, 2, "quiet")];
    const ended = copied(first, 5, "ended");
    ended.prepend(made("p", { className: "quiet" }, "What ended it"));
    const when = `${text(first, 1)} to ${text(first, 2)} (${text(first, 3)})`;
    return [copied(first, 0, "title"), quiet(when), copied(first, 4, "why"), ended].filter((part) => part.textContent);
  };

  // ---- the frame
  const tip = made("div", { className: "tip", role: "tooltip", id: "tip", hidden: true });
  const range = made("output", {});
  const button = (name, sign, act) => made("button", { type: "button", title: name, "aria-label": name, onclick: act }, sign);
  const out = button("Zoom out", "−", () => zoom(factor / 2));
  const into = button("Zoom in", "+", () => zoom(factor * 2));
  const whole = button("Whole stretch", "Whole", () => zoom(1));
  const keys = [["←", "→", " along a lane, "], ["↑", "↓", " between lanes, "], ["Enter", " to its row, "], ["+", "−", "0", " zoom, "], ["Esc", " closes; a click pins, a drag or the wheel moves, "], ["Ctrl", " and the wheel zoom"]];
  const hint = made("p", { className: "hint" }, ...keys.flatMap((row) => row.map((part, at) => (at < row.length - 1 ? made("kbd", {}, part) : part))));
  chart.querySelector(".bar").append(made("div", { className: "zoom" }, range, out, into, whole));
  chart.append(hint, tip);

  // ---- moving what is drawn along the axis
  let factor = 1, active = null, placed = [], shown = null, pinned = false, leaving = 0;
  let pointer = null, drag = null, dragged = false; // where the pointer last was, in pixels from the left of the axis
  const room = () => Math.max(1, scroll.clientWidth - 2 * side);
  const level = () => Math.max(0, widths.findLastIndex((each) => each <= room() * factor));
  const pixels = (at) => ((at - since) / span) * room() * factor + side;

  const place = ({ item, seat, first, last, box }) => {
    const left = pixels(first.from);
    if (seat) {
      put(box, { x: left - box.getAttribute("width") / 2 });
      return { box, left, spare: 0 };
    }
    const wide = Math.max(first === last ? 3 : 6, pixels(last.to) - left);
    put(box, { x: left, width: wide });
    item.classList.toggle("wide", wide >= Number(item.dataset.room));
    return { box, left, spare: wide - Number(item.dataset.room) };
  };
  const draw = () => {
    const kept = active && pieceOf.get(active);
    const focused = active !== null && document.activeElement === active;
    const held = pinned && shown ? pieceOf.get(shown) : null;
    hide();
    const near = level();
    put(image, { width: room() * factor + 2 * side });
    placed = [];
    for (const { ground, track, pieces } of lanes) {
      const those = pieces.filter((piece) => piece.levels & (1 << near));
      placed.push(...those.map(place));
      put(ground, { width: room() * factor });
      track.replaceChildren(...those.map((piece) => piece.item));
    }
    const items = [...image.querySelectorAll(".item")];
    const again = kept && items.find((item) => holds(pieceOf.get(item), kept));
    activate(again ?? items[0] ?? null);
    if (focused) again?.focus({ preventScroll: true });
    out.disabled = whole.disabled = factor <= 1;
    into.disabled = room() * factor * 2 > WIDEST;
    follow();
    const pin = held && items.find((item) => holds(pieceOf.get(item), held));
    if (pin) {
      show(pin);
      pinned = true;
    }
  };
  const holds = (piece, { lane, order: [at] }) => piece.lane === lane && piece.order[0] <= at && at <= piece.order[1];
  const seen = () => {
    const scale = span / (room() * factor);
    return [since + scroll.scrollLeft * scale, Math.min(until, since + (scroll.scrollLeft + room()) * scale)];
  };
  const follow = () => { // labels stay in sight, and only ticks that are in sight are drawn
    for (const { label } of lanes) put(label, { transform: `translate(${scroll.scrollLeft} 0)` });
    for (const { box, left, spare } of placed.filter((each) => each.spare > 0)) {
      put(box.querySelector(".words"), { x: 10 + Math.min(spare, Math.max(0, scroll.scrollLeft - left)) });
    }
    const [from, to] = seen();
    const step = steps[level()];
    const ends = side + room() * factor;
    const marks = [];
    for (let at = Math.ceil((from - step) / step) * step; at <= Math.min(until, to + step); at += step) {
      if (at < since) continue;
      const x = pixels(at);
      const anchor = x > ends - 40 ? "end" : x < side + 20 ? "start" : "middle";
      marks.push(drawn("line", { class: "rule", x1: x, x2: x, y1: top + 6, y2: height - 8 }));
      marks.push(drawn("text", { class: "tick", x, y: top, "text-anchor": anchor }, tick(at, step)));
    }
    axis.replaceChildren(...marks);
    const near = Math.min(step, SECOND);
    range.textContent = factor > 1 ? `${tick(Math.round(from), near)} – ${tick(Math.round(to), near)}` : "";
  };
  // What is zoomed about stays where it is: a spot that is given, else what is pinned or has the focus, else the pointer.
  const zoom = (wanted, about, centred = false) => {
    const most = Math.max(1, WIDEST / room());
    const next = Math.min(most, Math.max(1, wanted));
    const [from, to] = seen();
    const under = pointer === null ? null : from + (pointer / room()) * (to - from);
    const focused = document.activeElement === active ? active : null;
    const spot = about ?? sight(pinned ? shown : focused, from, to) ?? under ?? (from + to) / 2;
    const offset = centred ? room() / 2 : ((spot - from) / (to - from)) * room();
    factor = next;
    put(image, { width: room() * factor + 2 * side });
    scroll.scrollLeft = ((spot - since) / span) * room() * factor - offset;
    draw();
  };
  const sight = (item, from, to) => { // the middle of what is in sight of an item, if some of it is
    const found = item && pieceOf.get(item);
    const [left, right] = found ? [Math.max(found.first.from, from), Math.min(found.last.to, to)] : [1, 0];
    return left <= right ? (left + right) / 2 : null;
  };
  const middle = (item) => {
    const found = item && pieceOf.get(item);
    return found ? (found.first.from + found.last.to) / 2 : null;
  };
  const enter = (item) => {
    const { first, last } = pieceOf.get(item);
    if (first === last || into.disabled) return reveal(first.row);
    const long = Math.max(1, last.to - first.from);
    zoom(Math.max(factor * 2, (span / long) * 0.8), middle(item), true);
  };
  const reveal = (row) => {
    hide();
    document.getElementById("tables").open = true;
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "center" });
  };

  // ---- telling
  const activate = (item) => {
    if (active) active.tabIndex = -1;
    active = item;
    if (active) active.tabIndex = 0;
  };
  const show = (item) => {
    clearTimeout(leaving);
    if (shown !== item) {
      hide();
      shown = item;
      tip.replaceChildren(...details(pieceOf.get(item)));
      tip.hidden = false;
      tip.scrollTop = 0;
      item.classList.add("shown");
      item.setAttribute("aria-describedby", "tip");
    }
    settle(item);
  };
  const settle = (item) => {
    const [box, frame] = [item.getBoundingClientRect(), scroll.getBoundingClientRect()];
    const left = Math.min(Math.max(box.left, frame.left), innerWidth - tip.offsetWidth - 12);
    const [above, below] = [box.top - 16, innerHeight - box.bottom - 16];
    tip.style.setProperty("--room", "100vh");
    const under = tip.offsetHeight <= below || below >= above;
    tip.style.setProperty("--room", `${under ? below : above}px`);
    tip.style.setProperty("--x", `${Math.max(12, left)}px`);
    tip.style.setProperty("--y", `${under ? box.bottom + 8 : box.top - 8 - tip.offsetHeight}px`);
  };
  const hide = () => {
    clearTimeout(leaving);
    pinned = false;
    tip.hidden = true;
    shown?.classList.remove("shown");
    shown?.removeAttribute("aria-describedby");
    shown = null;
  };
  const itemAt = (event) => (event.target instanceof Element ? event.target.closest(".track .item") : null);
  const leave = () => {
    clearTimeout(leaving); // time enough to reach what is told, to read on or to copy a fix
    leaving = setTimeout(() => { if (!pinned && document.activeElement !== shown) hide(); }, 220);
  };

  image.addEventListener("mouseover", (event) => { const item = itemAt(event); if (item && !pinned) show(item); });
  image.addEventListener("mouseout", leave);
  tip.addEventListener("mouseenter", () => clearTimeout(leaving));
  tip.addEventListener("mouseleave", leave);
  image.addEventListener("focusin", (event) => { const item = itemAt(event); if (item) { activate(item); approach(item); show(item); } });
  image.addEventListener("focusout", leave);
  image.addEventListener("dblclick", (event) => { const item = itemAt(event); if (item && pieceOf.get(item).first !== pieceOf.get(item).last) enter(item); });
  document.addEventListener("click", (event) => {
    if (dragged) return; // what moved the chart pins nothing
    const item = itemAt(event);
    if (item) {
      show(item);
      pinned = true;
      const hidden = item.getBoundingClientRect().bottom + 16 - tip.getBoundingClientRect().top;
      if (narrowed.matches && hidden > 0) scrollBy(0, hidden); // what is told of lies under what tells it
    }
    else if (!tip.contains(event.target) && !event.target.closest?.("button")) hide();
  });
  scroll.addEventListener("scroll", () => requestAnimationFrame(() => { follow(); if (shown) settle(shown); }), { passive: true });
  const along = (event) => Math.min(room(), Math.max(0, event.clientX - scroll.getBoundingClientRect().left - side));
  scroll.addEventListener("wheel", (event) => {
    pointer = along(event);
    const [from, to] = seen();
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(factor * 2 ** (-event.deltaY / 200), from + (pointer / room()) * (to - from));
      return;
    }
    const before = scroll.scrollLeft; // a wheel that turns one way alone moves along the axis; at its end, the page
    if (!event.deltaX) scroll.scrollLeft += event.deltaMode ? event.deltaY * 40 : event.deltaY;
    if (scroll.scrollLeft !== before) event.preventDefault();
  }, { passive: false });
  scroll.addEventListener("pointermove", (event) => { pointer = along(event); });
  scroll.addEventListener("pointerdown", (event) => { // a finger moves it without this
    dragged = false;
    if (event.pointerType !== "touch" && event.button === 0) drag = { x: event.clientX, left: scroll.scrollLeft };
  });
  addEventListener("pointermove", (event) => {
    if (!drag) return;
    dragged ||= factor > 1 && Math.abs(event.clientX - drag.x) > 4;
    if (!dragged) return;
    chart.classList.add("dragged");
    if (!pinned) hide();
    scroll.scrollLeft = drag.left + drag.x - event.clientX;
  });
  const drop = () => { drag = null; chart.classList.remove("dragged"); };
  addEventListener("pointerup", drop);
  addEventListener("pointercancel", drop);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  // ---- walking
  const approach = (item) => {
    const [box, frame] = [item.getBoundingClientRect(), scroll.getBoundingClientRect()];
    if (box.right < frame.left + 8) scroll.scrollLeft -= frame.left - box.left + 40;
    else if (box.left > frame.right - 8) scroll.scrollLeft += box.left - frame.right + Math.min(box.width, room() / 2) + 40;
  };
  const nearest = (track, at) => {
    const away = (item) => {
      const { first, last } = pieceOf.get(item);
      return Math.max(first.from - at, at - last.to, 0);
    };
    return [...track.children].reduce((best, item) => (best && away(best) <= away(item) ? best : item), null);
  };
  const beside = (item, by) => {
    const filled = tracks.filter((track) => track.children.length);
    const track = filled[filled.indexOf(item.parentElement) + by];
    return track ? nearest(track, middle(item)) : null;
  };
  const moves = {
    ArrowRight: (item) => item.nextElementSibling,
    ArrowLeft: (item) => item.previousElementSibling,
    ArrowDown: (item) => beside(item, 1),
    ArrowUp: (item) => beside(item, -1),
    Home: (item) => item.parentElement.firstElementChild,
    End: (item) => item.parentElement.lastElementChild,
  };
  const acts = { Enter: enter, " ": enter, "+": () => zoom(factor * 2), "=": () => zoom(factor * 2), "-": () => zoom(factor / 2), 0: () => zoom(1) };
  image.addEventListener("keydown", (event) => {
    const item = itemAt(event);
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const [move, act] = [moves[event.key], acts[event.key]];
    if (!move && !act) return;
    event.preventDefault();
    if (act) act(item);
    else move(item)?.focus({ preventScroll: event.key !== "ArrowDown" && event.key !== "ArrowUp" });
  });

  let width = 0;
  new ResizeObserver(() => { if (scroll.clientWidth !== width) { width = scroll.clientWidth; draw(); } }).observe(scroll);
  const all = document.getElementById("tables");
  let printed = false;
  addEventListener("beforeprint", () => { printed = !all.open; all.open = true; });
  addEventListener("afterprint", () => { if (printed) all.open = false; });
})();
