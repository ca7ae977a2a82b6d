// The surroundings of a client script, as far as the vendor's manual says what they are (Client Script: ZDK): no
// window, no document, no timers, no storage; calls of functions and connections wait for their answer.
// One JSON line a question goes out on standard output, one line an answer comes in on standard input. The first
// line that comes in is the script and the page; the last that goes out is {done} or {fault}.
// What is not known here is an error: a script that relies on it would be believed to work.
"use strict";
const fs = require("fs");
const vm = require("vm");

let rest = "";
function read() {
  const chunk = Buffer.alloc(65536);
  while (!rest.includes("\n")) {
    const size = fs.readSync(0, chunk, 0, chunk.length, null);
    if (size === 0) { process.exit(1); }
    rest += chunk.toString("latin1", 0, size);
  }
  const end = rest.indexOf("\n");
  const line = rest.slice(0, end);
  rest = rest.slice(end + 1);
  return JSON.parse(Buffer.from(line, "latin1").toString("utf8"));
}

function write(message) { fs.writeSync(1, JSON.stringify(message) + "\n"); }

function asked(question) {
  write(question);
  const answer = read();
  if (answer.fault !== undefined) { throw new Error(answer.fault); }
  return answer.value;
}

function strict(name, known) {
  return new Proxy(known, {
    get(target, key) {
      if (typeof key === "symbol" || key === "then" || key === "toJSON") { return undefined; }
      if (!(key in target)) { throw new Error(name + "." + String(key) + " is not known here"); }
      return target[key];
    }
  });
}

const given = read();
const changed = {};
const messages = [];

function told(kind, text, options) {
  if (typeof text !== "string" || !text) { throw new Error("a message must be a text"); }
  messages.push({ kind: kind, type: (options && options.type) || "info", text: text });
}

function field(name) {
  if (!(name in given.values)) { return undefined; }
  return strict("field", {
    getValue() { return name in changed ? changed[name] : given.values[name]; },
    setValue(value) { changed[name] = value; },
    showError(text) { told("error", text, { type: "error" }); },
    setReadOnly() { }
  });
}

const ZDK = strict("ZDK", {
  Page: strict("ZDK.Page", {
    getField: field,
    getForm() { return strict("form", { getValues() { return Object.assign({}, given.values, changed); } }); }
  }),
  Client: strict("ZDK.Client", {
    showMessage(text, options) { told("message", text, options); },
    showAlert(text) { told("alert", text, { type: "error" }); }
  }),
  Apps: strict("ZDK.Apps", {
    CRM: strict("ZDK.Apps.CRM", {
      Functions: strict("ZDK.Apps.CRM.Functions", {
        execute(name, args) {
          return { _code: "success", _details: { output: asked({ call: "function", name: name, args: args }) } };
        }
      }),
      Connections: strict("ZDK.Apps.CRM.Connections", {
        invoke(name, url, method, kind, parameters, headers) {
          return { response: asked({ call: "connection", name: name, url: url, method: method, kind: kind,
            parameters: parameters, headers: headers }) };
        }
      })
    })
  })
});

try {
  const around = vm.createContext({ ZDK: ZDK, $Page: { record_id: given.id, module: given.module },
    log() { } });
  const done = vm.runInContext("(function () {\n" + given.script + "\n})()", around, { filename: "onSave.js" });
  if (done !== undefined && typeof done !== "boolean") { throw new Error("onSave must return true or false"); }
  write({ done: done !== false, changed: changed, messages: messages });
} catch (fault) {
  write({ fault: String(fault && fault.stack ? fault.stack.split("\n").slice(0, 3).join(" | ") : fault) });
}
