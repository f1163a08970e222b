"use strict";
// Zoom and hover of the picture, and the filter of the event list. The page is complete without it.
(() => {
  const tip = document.getElementById("tip");
  for (const svg of document.querySelectorAll("svg.zoom")) picture(svg);
  filter();

  function picture(svg) {
    const left = +svg.dataset.left, right = +svg.dataset.right, end = +svg.dataset.end, bottom = +svg.dataset.bottom;
    const placed = [...svg.querySelectorAll("[data-a]")].map((el) => ({
      el, a: +el.dataset.a, b: "b" in el.dataset ? +el.dataset.b : null, kind: el.tagName,
    }));
    const lines = [...svg.querySelectorAll("[data-x]")];
    const curve = svg.querySelector(".curve");
    const steps = curve.dataset.steps.split(" ").filter(Boolean).map((s) => s.split(",").map(Number));
    const axis = svg.querySelector(".axis");
    const gaps = axis.dataset.steps.split(" ").map(Number);
    const cursor = svg.querySelector(".cursor"), selection = svg.querySelector(".selection");
    let from = 0, to = end, dragX = null;

    const x = (t) => left + ((right - left) * (t - from)) / (to - from);
    const time = (px) => from + ((to - from) * (px - left)) / (right - left);

    function draw() {
      for (const { el, a, b, kind } of placed) {
        if (kind === "circle") el.setAttribute("cx", x(a));
        else if (kind === "rect") {
          // Far outside the view the numbers grow beyond what browsers draw, so they are cut.
          const start = Math.min(Math.max(x(a), left), right), stop = Math.min(x(b), right);
          el.setAttribute("x", start);
          el.setAttribute("width", Math.max(stop - start, x(b) > left && x(a) < right ? 0.5 : 0));
        } else {
          const start = Math.max(x(a), left), stop = Math.min(x(b), right);
          el.setAttribute("x", (start + stop) / 2);
          el.setAttribute("visibility", stop - start > 6.5 * el.textContent.length + 8 ? "visible" : "hidden");
        }
      }
      for (const el of lines) el.setAttribute("transform", `translate(${x(+el.dataset.x)} 0)`);
      curve.setAttribute("d", steps.map(([t, y], i) => `${i ? "L" : "M"}${x(t).toFixed(2)} ${y}`).join(" "));
      const gap = gaps.find((g) => (to - from) / g <= 12) || (to - from) / 10;
      axis.replaceChildren();
      for (let i = Math.ceil(from / gap); i * gap <= to; i++) {
        const px = x(i * gap);
        add("line", { class: "grid", x1: px, x2: px, y1: cursor.getAttribute("y1"), y2: bottom + 4 });
        const text = add("text", { class: "tick", x: px, y: bottom + 17, "text-anchor": "middle" });
        text.textContent = +(i * gap).toFixed(3) + " s";
      }
    }

    function add(name, attributes) {
      const el = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const key in attributes) el.setAttribute(key, attributes[key]);
      axis.append(el);
      return el;
    }

    function show(a, b) {
      from = Math.max(0, a);
      to = Math.min(end, Math.max(b, from + 0.002));
      draw();
    }

    function place(event) {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      return Math.min(Math.max(point.x, left), right);
    }

    svg.addEventListener("pointerdown", (event) => {
      dragX = place(event);
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      const px = place(event);
      cursor.setAttribute("x1", px);
      cursor.setAttribute("x2", px);
      if (dragX !== null) {
        selection.setAttribute("x", Math.min(dragX, px));
        selection.setAttribute("width", Math.abs(px - dragX));
      }
      hint(event, time(px));
    });
    svg.addEventListener("pointerup", (event) => {
      const px = place(event), start = dragX;
      dragX = null;
      selection.setAttribute("width", 0);
      if (start !== null && Math.abs(px - start) > 4) show(time(Math.min(start, px)), time(Math.max(start, px)));
    });
    svg.addEventListener("pointercancel", () => {
      dragX = null;
      selection.setAttribute("width", 0);
    });
    svg.addEventListener("dblclick", () => show(0, end));
    svg.addEventListener("pointerleave", () => {
      tip.hidden = true;
      cursor.setAttribute("x1", -9);
      cursor.setAttribute("x2", -9);
    });

    // What lasts at this moment, and the points within a few pixels of it.
    function hint(event, t) {
      const near = (5 * (to - from)) / (right - left);
      const text = placed.filter(({ el, a, b, kind }) => kind !== "text" && !el.classList.contains("band") &&
        (b === null ? Math.abs(a - t) <= near : a <= t && t < b));
      tip.replaceChildren(line(t.toFixed(3) + " s", "when"));
      for (const { el } of text.slice(0, 9)) tip.append(line(el.firstElementChild.textContent, el.getAttribute("class")));
      if (text.length > 9) tip.append(line(`and ${text.length - 9} more: zoom in`, ""));
      tip.hidden = false;
      const wide = tip.offsetWidth, space = document.documentElement.clientWidth;
      tip.style.left = Math.min(event.clientX + 14, space - wide - 8) + window.scrollX + "px";
      tip.style.top = event.clientY + 16 + window.scrollY + "px";
    }

    function line(text, css) {
      const el = document.createElement("div");
      el.className = css;
      el.textContent = text;
      return el;
    }

    for (const button of svg.closest("section").querySelectorAll("button[data-from]")) {
      button.addEventListener("click", () => show(+button.dataset.from, +button.dataset.to));
    }
  }

  function filter() {
    const words = document.getElementById("words"), boxes = [...document.querySelectorAll("input[data-src]")];
    if (!words) return;
    const rows = [...document.querySelectorAll("#events tbody tr")].map((el) => ({
      el, src: el.dataset.src, text: el.textContent.toLowerCase(),
    }));
    const count = document.getElementById("count");
    function apply() {
      const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.dataset.src));
      const parts = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { el, src, text } of rows) {
        el.hidden = !(wanted.has(src) && parts.every((part) => text.includes(part)));
        shown += !el.hidden;
      }
      count.textContent = `${shown} of ${rows.length}`;
    }
    words.addEventListener("input", apply);
    for (const box of boxes) box.addEventListener("change", apply);
    apply();
  }
})();
