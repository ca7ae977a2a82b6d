// The credit service as the panel sees it. gate.host brings the page: opened(), record(object, id), language(),
// ask(method, path, body), currency(row), and if it likes resized(panel) and named(language, title).
(function (gate) {
  "use strict";
  var host = gate.host;

  // kind is slow, down, answer (it makes no sense), key (not ours) or refused; status is the HTTP status, if any.
  function Failure(kind, status) {
    this.kind = kind;
    this.status = status || 0;
  }

  Failure.prototype.words = function () {
    return gate.words.say("panel.why_" + this.kind, { status: this.status });
  };

  // One call of the service, at most config.seconds long. The host answers {status, body}, with status 0 and
  // perhaps a kind (why) for a service that it could not reach. Rejects with a Failure.
  function call(method, path, body) {
    var timer;
    var late = new Promise(function (_, reject) {
      timer = setTimeout(function () { reject(new Failure("slow")); }, gate.config.seconds * 1000);
    });
    var asked = new Promise(function (resolve) { resolve(host.ask(method, path, body)); });
    return Promise.race([asked, late]).then(function (answer) {
      clearTimeout(timer);
      if (!answer || typeof answer.status !== "number") { throw new Failure("answer"); }
      if (answer.status === 0) { throw new Failure(answer.why || "down"); }
      if (answer.status === 401 || answer.status === 403) { throw new Failure("key", answer.status); }
      if (answer.status < 200 || answer.status > 299) { throw new Failure("refused", answer.status); }
      if (!answer.body || typeof answer.body !== "object") { throw new Failure("answer"); }
      return answer.body;
    }).catch(function (fault) {
      clearTimeout(timer);
      throw fault instanceof Failure ? fault : new Failure("down");
    });
  }

  // A value by a path with dots ("Account_Name.id"), as the mapping writes it.
  function at(row, source) {
    if (!row || !source) { return null; }
    var value = source.path.split(".").reduce(function (node, step) {
      return node === null || node === undefined ? null : node[step];
    }, row);
    return value === null || value === undefined || value === "" ? source.default : value;
  }

  gate.service = { Failure: Failure, call: call, at: at };
})(window.CREDITGATE);
