// The page of Fxiaoke: its record by FxUI, and the credit service behind our controller function, which alone
// knows the key. Nothing outside the component's own element is touched (vendor's rules for components).
(function (gate) {
  "use strict";
  var config = gate.config, component = gate.component, here = { object: "", id: "", hold: "" };

  // The page's record: by the property that the vendor's samples use, or by the newer context.
  function opened() {
    var data = component.data || {};
    var row = component.$context && component.$context.getData ? component.$context.getData() || {} : {};
    here.object = data.objectAPIName || data.objectApiName || row.object_describe_api_name || "";
    here.id = String(data.objectId || data.dataId || row._id || "");
    return Promise.resolve({ module: here.object, id: here.id });
  }

  // A record; of a field with options the label, where the page gives it beside the value (field__r).
  function record(object, id) {
    return Promise.resolve(FxUI.objectApi.fetch_data(object, id)).then(function (row) {
      if (!row) { return null; }
      var shown = {};
      Object.keys(row).forEach(function (name) {
        var label = row[name + "__r"];
        shown[name] = config.labelled.indexOf(name) >= 0 && typeof label === "string" ? label : row[name];
        if (config.moments.indexOf(name) >= 0 && /^\d+$/.test(String(row[name]))) {
          shown[name] = new Date(Number(row[name])).toISOString();
        }
        if (config.days.indexOf(name) >= 0 && /^\d+$/.test(String(row[name]))) {
          shown[name] = new Date(Number(row[name]) + config.zone_minutes * 60000).toISOString().slice(0, 10);
        }
      });
      shown.id = id;
      return shown;
    });
  }

  // The user's language, where the page tells it.
  function language() {
    var user = FxUI.getCurrentUser ? FxUI.getCurrentUser() : null;
    return Promise.resolve((user && (user.language || user.lang || user.locale)) || config.language);
  }

  function currency(row) { return (row && row[config.currency]) || config.default_currency; }

  // What our function is to do for a call; it reads the order itself, whatever the body says.
  function act(method, path, body) {
    var hold = /^\/v1\/holds\/([^/]+)\/ask$/.exec(path);
    if (/^\/v1\/customers\//.test(path)) {
      return { act: "credit", account: decodeURIComponent(path.split("/")[3]) };
    }
    if (path === "/v1/checks") { return { act: "check" }; }
    if (/^\/v1\/holds\?/.test(path)) { return { act: "holds" }; }
    return hold ? { act: "ask", hold: decodeURIComponent(hold[1]), note: body.note } : { act: "" };
  }

  function ask(method, path, body) {
    var wanted = act(method, path, body);
    wanted.order = here.object === config.order.object ? here.id : "";
    var parameters = ["act", "account", "order", "hold", "note"].map(function (name) {
      return { type: "String", name: name, value: wanted[name] || "" };
    });
    return Promise.resolve(FxUI.userDefine.call_controller(config.controller, parameters)).then(function (answer) {
      if (!answer || !answer.Result || answer.Result.StatusCode !== 0) { return { status: 0, why: "down" }; }
      return answer.Value && answer.Value.functionResult;
    });
  }

  gate.host = { opened: opened, record: record, language: language, currency: currency, ask: ask };
})(window.CREDITGATE);
