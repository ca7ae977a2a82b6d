// The pieces that the panel is built from. Everything from outside goes in as text, never as HTML.
(function (gate) {
  "use strict";
  var SVG = "http://www.w3.org/2000/svg";

  function filled(node, attributes, children) {
    Object.keys(attributes || {}).forEach(function (name) {
      if (name === "on") {
        Object.keys(attributes.on).forEach(function (event) { node.addEventListener(event, attributes.on[event]); });
      } else if (attributes[name] !== null && attributes[name] !== undefined) {
        node.setAttribute(name, attributes[name]);
      }
    });
    [].concat(children === undefined ? [] : children).forEach(function (child) {
      if (child === null || child === undefined || child === "") { return; }
      node.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
    });
    return node;
  }

  function el(tag, attributes, children) { return filled(document.createElement(tag), attributes, children); }

  function svg(tag, attributes, children) { return filled(document.createElementNS(SVG, tag), attributes, children); }

  function section(key, children) {
    var id = "part-" + key.replace(/\W/g, "-");
    return el("section", { "aria-labelledby": id },
      [el("h2", { id: id }, gate.words.say(key))].concat(children));
  }

  function list(texts) {
    return el("ul", {}, texts.map(function (text) { return el("li", {}, text); }));
  }

  function pairs(rows) {
    var parts = [];
    rows.forEach(function (row) {
      if (row) { parts.push(el("dt", {}, gate.words.say(row[0])), el("dd", {}, row[1])); }
    });
    return el("dl", {}, parts);
  }

  // A bar of stretches [class, share of 1]; told is what it says to those who do not see it.
  function bar(stretches, told) {
    var from = 0;
    var drawn = stretches.map(function (one) {
      var width = Math.max(0, Math.min(1 - from, one[1])) * 100;
      var part = svg("rect", { "class": one[0], x: from * 100, y: 0, width: width, height: 10 });
      from += width / 100;
      return part;
    });
    return svg("svg", { "class": "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img",
      "aria-label": told }, drawn);
  }

  function button(key, kind, act) {
    return el("button", { type: "button", "class": kind || null, on: { click: act } }, gate.words.say(key));
  }

  function notice(kind, children) {
    return el("div", { "class": "notice" + (kind ? " " + kind : ""), role: "status" }, children);
  }

  function show(node, children) {
    while (node.firstChild) { node.removeChild(node.firstChild); }
    return filled(node, {}, children);
  }

  gate.parts = { el: el, section: section, list: list, pairs: pairs, bar: bar, button: button, notice: notice,
    show: show };
})(window.CREDITGATE);
