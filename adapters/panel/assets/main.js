// The flow: which record, whose language, what the service says, else what the record says.
(function (gate) {
  "use strict";
  var host = gate.host, service = gate.service, parts = gate.parts, say = gate.words.say, el = parts.el;
  var panel = gate.root;

  function shown(children, busy) {
    parts.show(panel, [el("h1", { tabindex: -1 }, say("panel.title"))].concat(children));
    settled(busy);
  }

  // Whether more is to come; what is there gets the room that it needs.
  function settled(busy) {
    panel.setAttribute("aria-busy", busy ? "true" : "false");
    if (host.resized) { host.resized(panel); }
  }

  // The record of a page, and the account that pays.
  function found(page) {
    return host.record(page.module, page.id).then(function (row) {
      if (page.module !== gate.config.order.object) { return { account: row, id: page.id, order: null }; }
      var id = service.at(row, gate.config.read.account_id);
      if (!id) { return { account: null, id: null, order: row }; }
      return host.record(gate.config.account.object, String(id)).catch(function () { return null; })
        .then(function (account) { return { account: account, id: String(id), order: row }; });
    });
  }

  function standing(place, here) {
    parts.show(place, el("p", { role: "status" }, say("panel.loading")));
    settled(true);
    return service.call("GET", "/v1/customers/" + encodeURIComponent(here.id) + "/credit").then(function (credit) {
      if (typeof credit.customer !== "string") { throw new service.Failure("answer"); }
      parts.show(place, gate.view.customer(credit));
    }).catch(function (fault) {
      if (!(fault instanceof service.Failure)) { throw fault; }
      var why = fault.status === 404 ? say("panel.unassessed") : fault.words();
      var again = function () { standing(place, here).then(function () { panel.querySelector("h1").focus(); }); };
      parts.show(place, gate.view.kept(here.account, gate.config.account.fields, why, again));
    }).then(function () { settled(false); });
  }

  function start(page) {
    return found(page).then(function (here) {
      if (!here.id) { shown(parts.notice("bad", say("panel.no_account"))); return null; }
      var place = el("div", {});
      var actions = here.order ? new gate.order.Actions(here.order, function () { standing(place, here); }) : null;
      shown([actions ? actions.node : null, place], true);
      return standing(place, here);
    });
  }

  shown(el("p", { role: "status" }, say("panel.loading")), true);
  host.opened().then(function (page) {
    return host.language().catch(function () { return null; }).then(function (tag) {
      gate.words.use(tag || navigator.language);
      return start(page);
    });
  }).catch(function () { shown(parts.notice("bad", say("panel.offline_empty"))); });
})(window.CREDITGATE);
