// The page of Zoho CRM: its record and user, and the credit service behind the CRM's own connection.
// No key is known here: the CRM adds it on its side.
(function (gate) {
  "use strict";
  var config = gate.config;

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

  function currency(row) { return (row && row.Currency) || (config.read.currency || {}).default || ""; }

  function resized(panel) {
    if (!ZOHO.CRM.UI || !ZOHO.CRM.UI.Resize) { return; }
    try { ZOHO.CRM.UI.Resize({ height: String(panel.scrollHeight + 16) }); } catch (fault) { /* it keeps its size */ }
  }

  function named(tag, title) {
    document.documentElement.lang = tag;
    document.title = title;
  }

  // An object, or a text of JSON; null for what is neither.
  function unpacked(value) {
    if (typeof value !== "string") { return value; }
    try { return JSON.parse(value); } catch (fault) { return null; }
  }

  // What our function says: {status, body}; status 0 is a service that it could not reach.
  function byFunction(method, path, body) {
    var asked = JSON.stringify({ method: method, path: path, body: body || null });
    return ZOHO.CRM.FUNCTIONS.execute(config.function, { arguments: JSON.stringify({ request: asked }) })
      .then(function (answer) {
        var said = unpacked(answer && answer.details && answer.details.output);
        return said && { status: said.status, body: unpacked(said.body) };
      });
  }

  function byConnection(method, path, body) {
    var request = { url: config.gate + path, method: method, param_type: body ? 2 : 1,
      headers: { "Content-Type": "application/json" } };
    if (body) { request.parameters = body; }
    return ZOHO.CRM.CONNECTION.invoke(config.zoho_connection, request).then(function (answer) {
      if (!answer || String(answer.code).toUpperCase() !== "SUCCESS" || !answer.details) { return { status: 0 }; }
      var said = unpacked(answer.details.statusMessage);
      var problem = said && typeof said.status === "number" && typeof said.title === "string";
      return { status: problem ? said.status : 200, body: said };
    });
  }

  gate.root = document.getElementById("panel");
  gate.host = { opened: opened, record: record, language: language, currency: currency, resized: resized, named: named,
    ask: config.route === "connection" ? byConnection : byFunction };
})(window.CREDITGATE);
