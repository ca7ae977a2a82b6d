// The page's surroundings: the CRM's record and user, and the credit service behind the CRM's own connection.
// No key is known here: the CRM adds it on its side.
(function (gate) {
  "use strict";
  var config = gate.config;

  // kind is slow, down, answer (it makes no sense), key (not ours) or refused; status is the HTTP status, if any.
  function Failure(kind, status) {
    this.kind = kind;
    this.status = status || 0;
  }

  Failure.prototype.words = function () {
    return gate.words.say("panel.why_" + this.kind, { status: this.status });
  };

  // Which page this is: the module and the record's id; a button gives a list of ids.
  function opened() {
    return new Promise(function (resolve) {
      ZOHO.embeddedApp.on("PageLoad", function (data) {
        var id = data && data.EntityId;
        resolve({ module: data && data.Entity, id: String(Array.isArray(id) ? id[0] : id || "") });
      });
      ZOHO.embeddedApp.init();
    });
  }

  function record(module, id) {
    return ZOHO.CRM.API.getRecord({ Entity: module, RecordID: id }).then(function (answer) {
      return (answer && answer.data && answer.data[0]) || null;
    });
  }

  // The user's language, as the CRM knows it; undefined if it does not say.
  function language() {
    return ZOHO.CRM.CONFIG.getCurrentUser().then(function (answer) {
      var user = answer && answer.users && answer.users[0];
      return user && (user.locale || user.language);
    });
  }

  function unpacked(value) {
    if (typeof value !== "string") { return value; }
    try { return JSON.parse(value); } catch (fault) { throw new Failure("answer"); }
  }

  // What our function says: {status, body}; status 0 is a service that it could not reach.
  function byFunction(method, path, body) {
    var asked = JSON.stringify({ method: method, path: path, body: body || null });
    return ZOHO.CRM.FUNCTIONS.execute(config.function, { arguments: JSON.stringify({ request: asked }) })
      .then(function (answer) {
        var said = unpacked(answer && answer.details && answer.details.output);
        if (!said || typeof said.status !== "number") { throw new Failure("answer"); }
        if (said.status === 0) { throw new Failure("down"); }
        return { status: said.status, body: unpacked(said.body) };
      });
  }

  function byConnection(method, path, body) {
    var request = { url: config.gate + path, method: method, param_type: body ? 2 : 1,
      headers: { "Content-Type": "application/json" } };
    if (body) { request.parameters = body; }
    return ZOHO.CRM.CONNECTION.invoke(config.zoho_connection, request).then(function (answer) {
      if (!answer || String(answer.code).toUpperCase() !== "SUCCESS" || !answer.details) { throw new Failure("down"); }
      var said = unpacked(answer.details.statusMessage);
      var problem = said && typeof said.status === "number" && typeof said.title === "string";
      return { status: problem ? said.status : 200, body: said };
    });
  }

  // One call of the service, at most config.seconds long. Rejects with a Failure.
  function call(method, path, body) {
    var timer;
    var late = new Promise(function (_, reject) {
      timer = setTimeout(function () { reject(new Failure("slow")); }, config.seconds * 1000);
    });
    var asked = new Promise(function (resolve) {
      resolve((config.route === "connection" ? byConnection : byFunction)(method, path, body));
    });
    return Promise.race([asked, late]).then(function (answer) {
      clearTimeout(timer);
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

  gate.crm = { Failure: Failure, opened: opened, record: record, language: language, call: call, at: at };
})(window.CREDITGATE);
