"use strict";
// Draws the timeline from the tables beneath it, so that the page holds every text once, and as text.
(() => {
  const chart = document.getElementById("chart");
  const told = chart.dataset;
  const [since, until, apart, narrow, column] = ["since", "until", "apart", "narrow", "column"].map((key) => Number(told[key]));
  const span = Math.max(1, until - since);
  const steps = told.steps.split(" ").map(Number);
  const glyphs = Object.fromEntries(told.glyphs.match(/\w+ \S/gu).map((pair) => pair.split(" ")));
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
  const placed = (element, style) => { Object.assign(element.style, style); return element; };
  const percent = (part) => `${part * 100}%`;
  const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

  // ---- what the tables hold
  const lanes = [...document.querySelectorAll("table[data-lane]")].map((table) => {
    const rows = [...table.tBodies[0].rows].map((row) => {
      const from = Math.min(Math.max(Number(row.dataset.since), since), until);
      return { row, from, to: Number(row.dataset.until ?? from), verdict: row.dataset.verdict, state: row.dataset.state };
    });
    return { name: table.dataset.lane, seat: table.dataset.kind === "seat", rows };
  });

  // ---- which of them are drawn as one: as in scale.py
  const columns = (widths) => {
    const found = [];
    let filled = column;
    widths.forEach((width, index) => {
      if (width < narrow && filled < column) {
        found.at(-1)[1] = index;
        filled += width;
      } else {
        found.push([index, index]);
        filled = width < narrow ? width : column;
      }
    });
    return found;
  };
  const clusters = (places) => {
    const found = [];
    places.forEach((place, index) => {
      if (found.length && place - places[found.at(-1)[0]] < column) found.at(-1)[1] = index;
      else found.push([index, index]);
    });
    return found;
  };
  const groups = (lane, width) => {
    const scale = width / span;
    const parts = lane.seat
      ? clusters(lane.rows.map((each) => (each.from - since) * scale))
      : columns(lane.rows.map((each) => (each.to - each.from) * scale));
    return parts.map(([first, last]) => lane.rows.slice(first, last + 1));
  };

  // ---- what is said of one, or of several
  const iso = (at) => new Date(Math.floor(at / 1000)).toISOString().slice(0, 23) + String(at % 1000).padStart(3, "0");
  const tick = (at, step) => {
    const text = iso(at);
    if (step >= DAY) return text.slice(0, 10);
    if (at % DAY === 0) return text.slice(5, 10);
    return text.slice(11, step >= MINUTE ? 16 : step >= SECOND ? 19 : step >= 1000 ? 23 : 26);
  };
  const cell = (each, index) => each.row.cells[index];
  const text = (each, index) => cell(each, index).textContent;
  const ends = (group, seat) => [text(group[0], seat ? 0 : 1), text(group.at(-1), seat ? 0 : 2)];
  const mix = (group) => {
    const by = { allowed: 0, undecided: 0, denied: 0 };
    const long = (each) => Math.max(1, each.to - each.from);
    const whole = group.reduce((sum, each) => sum + long(each), 0);
    for (const each of group) by[each.verdict] += long(each) / whole;
    return by;
  };
  const shares = (group) => Object.entries(mix(group)).filter(([, part]) => part)
    .map(([name, part]) => `${name} ${part < 0.01 ? "under 1" : Math.round(part * 100)}% of the time`).join(", ");
  const kinds = (group) => {
    const by = new Map();
    for (const each of group) by.set(text(each, 1), (by.get(text(each, 1)) ?? 0) + 1);
    return [...by].map(([kind, number]) => `${number} ${kind}`);
  };
  const label = (group, seat) => {
    const [from, to] = ends(group, seat);
    if (group.length > 1) return `${counted(group.length, seat ? "receipt" : "interval")}, ${from} to ${to}: ${seat ? kinds(group).join(", ") : shares(group)}`;
    if (seat) return `${text(group[0], 1)} at ${from}`;
    return `${cell(group[0], 0).querySelector("bdi").textContent}, ${from} to ${to} (${text(group[0], 3)})`;
  };
  const copied = (each, index, kind) => made("div", { className: kind }, ...[...cell(each, index).childNodes].map((child) => child.cloneNode(true)));
  const details = (lane, group) => {
    const [from, to] = ends(group, lane.seat);
    const quiet = (...words) => made("p", { className: "quiet" }, made("bdi", {}, lane.name), ` · ${words.join("")}`);
    if (group.length > 1) {
      const of = lane.seat ? kinds(group).map((kind) => made("li", {}, made("bdi", {}, kind))) : [made("li", {}, shares(group))];
      const hint = "Too near each other to be told apart here: zoom in with + , Enter or a double click.";
      return [
        made("p", { className: "title" }, counted(group.length, lane.seat ? "receipt" : "interval")),
        quiet(`${from} to ${to}`), made("ul", {}, ...of), made("p", { className: "quiet" }, hint),
      ];
    }
    const [each] = group;
    if (lane.seat) return [copied(each, 1, "title"), quiet(from), copied(each, 4, ""), copied(each, 2, "quiet")];
    const ended = copied(each, 5, "ended");
    ended.prepend(made("p", { className: "quiet" }, "What ended it"));
    return [copied(each, 0, "title"), quiet(`${from} to ${to} (${text(each, 3)})`), copied(each, 4, "why"), ended].filter((part) => part.textContent);
  };

  // ---- the frame
  const axis = made("div", { className: "axis", "aria-hidden": "true" });
  const rules = made("div", { className: "rules", "aria-hidden": "true" });
  const tracks = lanes.map(() => made("div", { className: "track", role: "presentation" }));
  const grid = made("div", { role: "grid", "aria-label": `Timeline of ${told.task}: arrows move along a lane and between lanes` },
    ...lanes.map((lane, number) => made("div", { className: `lane ${lane.seat ? "seat" : "gate"}`, role: "row" },
      made("div", { className: "name", role: "rowheader" }, made("bdi", {}, lane.name),
        made("small", {}, lane.seat ? counted(lane.rows.length, "receipt") : counted(Math.max(0, lane.rows.length - 1), "change"))),
      tracks[number])));
  const inner = made("div", { className: "lanes" }, rules, axis, grid);
  const scroll = made("div", { className: "scroll" }, inner);
  const tip = made("div", { className: "tip", role: "tooltip", id: "tip", hidden: true });
  const range = made("output", {});
  const button = (name, sign, act) => made("button", { type: "button", title: name, "aria-label": name, onclick: act }, sign);
  const out = button("Zoom out", "−", () => zoom(factor / 2));
  const into = button("Zoom in", "+", () => zoom(factor * 2));
  const whole = button("Whole stretch", "Whole", () => zoom(1));
  const sample = (kind, words) => {
    const shape = made("span", { className: `item ${kind}`, "aria-hidden": "true" }, kind === "many" ? "3" : "");
    if (kind === "mixed") shape.append(...stacked({ allowed: 1 / 3, undecided: 1 / 3, denied: 1 / 3 }));
    return made("li", {}, shape, words);
  };
  const stacked = (by) => {
    let bottom = 0;
    const seen = Object.entries(by).filter(([, part]) => part).map(([name, part]) => [name, Math.max(0.1, part)]);
    const whole = seen.reduce((sum, [, part]) => sum + part, 0);
    return seen.map(([name, least]) => {
      const part = least / whole;
      const part_ = placed(made("div", { className: `part ${name}` }), { bottom: percent(bottom), height: percent(part) });
      bottom += part;
      return part_;
    });
  };
  const legend = made("ul", { className: "legend", "aria-label": "Legend" },
    ...Object.keys(glyphs).map((name) => sample(name, `${glyphs[name]} ${name}`)),
    sample("mixed", "many changes, by share of time"), sample("mark", "a receipt"), sample("many", "several"));
  const keys = [["←", "→", " along a lane, "], ["↑", "↓", " between lanes, "], ["Enter", " to its row, "], ["+", "−", "0", " zoom, "], ["Esc", " closes; a click pins"]];
  const hint = made("p", { className: "hint" }, ...keys.flatMap((row) => row.map((part, at) => (at < row.length - 1 ? made("kbd", {}, part) : part))));
  chart.replaceChildren(made("div", { className: "bar" }, legend, made("div", { className: "zoom" }, range, out, into, whole)), scroll, hint, tip);

  // ---- drawing
  let factor = 1, active = null, shown = null, pinned = false, leaving = 0;
  const groupOf = new WeakMap();
  const room = () => tracks.length ? tracks[0].clientWidth / factor : 1;

  const drawn = (lane, group) => {
    const [first, last] = [group[0], group.at(-1)];
    const several = group.length > 1;
    const kind = lane.seat ? (several ? "many" : "mark") : several ? "mixed" : first.verdict;
    const item = made("div", { className: `item ${kind}`, role: "gridcell", tabIndex: -1, "aria-label": label(group, lane.seat) });
    placed(item, { left: percent((first.from - since) / span) });
    if (!lane.seat) {
      placed(item, { width: percent((last.to - first.from) / span) });
      const wide = ((last.to - first.from) / span) * room() * factor > 80;
      if (several) item.append(...stacked(mix(group)));
      else if (wide) item.append(made("span", { className: "text" }, `${glyphs[first.verdict]} `, made("bdi", {}, first.state)));
    } else if (several) item.append(String(group.length));
    groupOf.set(item, { lane, group });
    return item;
  };
  const draw = () => {
    const kept = active && groupOf.get(active)?.group[0];
    const focused = active !== null && document.activeElement === active;
    hide();
    const width = room() * factor;
    lanes.forEach((lane, number) => tracks[number].replaceChildren(...groups(lane, width).map((group) => drawn(lane, group))));
    const items = [...grid.querySelectorAll(".item")];
    const again = kept && items.find((item) => groupOf.get(item).group.includes(kept));
    activate(again ?? items[0] ?? null);
    if (focused) again?.focus({ preventScroll: true });
    out.disabled = whole.disabled = factor <= 1;
    into.disabled = room() * factor * 2 > WIDEST;
    ticks();
  };
  const seen = () => {
    const scale = span / (room() * factor);
    return [since + scroll.scrollLeft * scale, Math.min(until, since + (scroll.scrollLeft + room()) * scale)];
  };
  const ticks = () => {
    const width = room() * factor;
    const least = (span * apart) / width;
    const step = steps.find((each) => each >= least) ?? steps.at(-1);
    const [from, to] = seen();
    const [labels, lines] = [[], []];
    for (let at = Math.ceil((from - step) / step) * step; at <= Math.min(until, to + step); at += step) {
      if (at < since) continue;
      const left = percent((at - since) / span);
      const pixels = ((at - since) / span) * width;
      const end = pixels < 20 ? "first" : pixels > width - 40 ? "last" : "";
      labels.push(placed(made("span", { className: end }, tick(at, step)), { left }));
      lines.push(placed(made("i"), { left }));
    }
    axis.replaceChildren(...labels);
    rules.replaceChildren(...lines);
    const near = Math.min(step, SECOND);
    range.textContent = factor > 1 ? `${tick(Math.round(from), near)} – ${tick(Math.round(to), near)}` : "";
  };
  const zoom = (wanted, about) => {
    const most = Math.max(1, WIDEST / room());
    const next = Math.min(most, Math.max(1, wanted));
    const [from, to] = seen();
    const spot = about ?? middle(shown ?? (document.activeElement === active ? active : null)) ?? (from + to) / 2;
    const offset = about === undefined ? room() / 2 : ((spot - from) / (to - from)) * room();
    factor = next;
    inner.style.setProperty("--zoom", String(factor));
    scroll.scrollLeft = ((spot - since) / span) * room() * factor - offset;
    draw();
  };
  const middle = (item) => {
    const found = item && groupOf.get(item)?.group;
    return found ? (found[0].from + found.at(-1).to) / 2 : null;
  };
  const enter = (item) => {
    const { group } = groupOf.get(item);
    if (group.length === 1 || into.disabled) return reveal(group[0].row);
    const long = Math.max(1, group.at(-1).to - group[0].from);
    zoom(Math.max(factor * 2, (span / long) * 0.8));
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
      const { lane, group } = groupOf.get(item);
      tip.replaceChildren(...details(lane, group));
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

  grid.addEventListener("mouseover", (event) => { const item = itemAt(event); if (item && !pinned) show(item); });
  grid.addEventListener("mouseout", leave);
  tip.addEventListener("mouseenter", () => clearTimeout(leaving));
  tip.addEventListener("mouseleave", leave);
  grid.addEventListener("focusin", (event) => { const item = itemAt(event); if (item) { activate(item); approach(item); show(item); } });
  grid.addEventListener("focusout", leave);
  grid.addEventListener("dblclick", (event) => { const item = itemAt(event); if (item && groupOf.get(item).group.length > 1) enter(item); });
  document.addEventListener("click", (event) => {
    const item = itemAt(event);
    if (item) {
      show(item);
      pinned = true;
      const hidden = item.getBoundingClientRect().bottom + 16 - tip.getBoundingClientRect().top;
      if (narrowed.matches && hidden > 0) scrollBy(0, hidden); // what is told of lies under what tells it
    }
    else if (!tip.contains(event.target) && !event.target.closest?.("button")) hide();
  });
  scroll.addEventListener("scroll", () => requestAnimationFrame(() => { ticks(); if (shown) settle(shown); }), { passive: true });
  scroll.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const [from, to] = seen();
    const part = (event.clientX - scroll.getBoundingClientRect().right + room()) / room();
    zoom(factor * 2 ** (-event.deltaY / 200), from + Math.min(1, Math.max(0, part)) * (to - from));
  }, { passive: false });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  // ---- walking
  const approach = (item) => {
    const [box, frame] = [item.getBoundingClientRect(), scroll.getBoundingClientRect()];
    const left = frame.right - room();
    if (box.right < left + 8) scroll.scrollLeft -= left - box.left + 40;
    else if (box.left > frame.right - 8) scroll.scrollLeft += box.left - frame.right + Math.min(box.width, room() / 2) + 40;
  };
  const nearest = (track, at) => {
    const away = (item) => {
      const { group } = groupOf.get(item);
      return Math.max(group[0].from - at, at - group.at(-1).to, 0);
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
  grid.addEventListener("keydown", (event) => {
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
  addEventListener("beforeprint", () => { document.getElementById("tables").open = true; });
})();
